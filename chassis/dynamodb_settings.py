"""The settings of DynamoDB, apart from what uses them: a service that keeps records elsewhere never loads the SDK."""

from pydantic import Field

from chassis.aws_settings import AwsSettings


class DynamoSettings(AwsSettings):
    """The settings of every service that keeps something in DynamoDB. AWS credentials are found as by every AWS SDK."""

    dynamodb_prefix: str = Field(
        "lingocast-",
        pattern=r"^[A-Za-z0-9_.-]{0,100}$",
        validation_alias="DYNAMODB_PREFIX",
        description="What the names of the DynamoDB tables begin with.",
    )
    dynamodb_endpoint: str = Field(
        "",
        validation_alias="AWS_ENDPOINT_URL_DYNAMODB",
        description="URL of another DynamoDB than Amazon's own, such as a local one.",
    )
    dynamodb_timeout_seconds: float = Field(
        0.5,
        gt=0,
        validation_alias="DYNAMODB_TIMEOUT_SECONDS",
        description="How long one request to DynamoDB may take, seconds. Calls have 2 s, and up to three tries.",
    )
    dynamodb_connections: int = Field(
        100, ge=1, validation_alias="DYNAMODB_CONNECTIONS", description="Connections to DynamoDB at most."
    )
