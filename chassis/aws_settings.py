"""The settings of Amazon's services, apart from what uses them: a service without them never loads the SDK."""

from pydantic import Field

from chassis.settings import Settings


class AwsSettings(Settings):
    """The settings of every service that may call Amazon. Credentials are found as by every AWS SDK."""

    aws_region: str = Field(
        "", validation_alias="AWS_REGION", description="AWS region. Empty: as the AWS configuration file says."
    )
