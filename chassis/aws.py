"""Amazon's services through the SDK: clients that try once, and what their failures mean.

The SDK's own retries are off everywhere: who calls knows what is safe to send twice and how long it may take. Codes are
compared as strings, because the SDK's descriptions are older than the services.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any

import aioboto3
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigParseError,
    HTTPClientError,
    IncompleteReadError,
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)
from botocore.httpsession import get_cert_path
from botocore.parsers import ResponseParserError

from chassis.errors import Unavailable

FAILURES = (
    ClientError,
    HTTPClientError,
    IncompleteReadError,
    BotoCoreError,
    ResponseParserError,
    OSError,
    TimeoutError,
)
"""What a call of a client raises that is not a mistake of ours."""

NO_CREDENTIALS = "no AWS credentials; give the process a role, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
# What no second try mends: a person has to. The part of the sentence that says what.
_LACKING = {
    "UnrecognizedClientException": "the AWS credentials are not known there",
    "InvalidClientTokenId": "the AWS credentials are not known there",
    "InvalidSignatureException": "the AWS credentials do not fit, or this machine's clock is wrong",
    "SignatureDoesNotMatch": "the AWS credentials do not fit, or this machine's clock is wrong",
    "IncompleteSignatureException": "the AWS credentials are not complete",
    "MissingAuthenticationTokenException": "AWS credentials are missing",
    "AccessDeniedException": "the AWS credentials do not allow this operation",
    "AccessDenied": "the AWS credentials do not allow this operation",
    "ExpiredTokenException": "the AWS credentials have expired",
    "ExpiredToken": "the AWS credentials have expired",
    "InvalidIdentityToken": "what should give AWS credentials is not trusted there",
    "OptInRequired": "the AWS account has not this service in this region",
    "SubscriptionRequiredException": "the AWS account has not subscribed to this service",
}
_THROTTLED = {
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "SlowDown",
}
_LATER = {
    "InternalServerError",
    "InternalServerException",
    "InternalFailure",
    "InternalFailureException",
    "ServiceFailureException",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "RequestTimeout",
    "RequestTimeoutException",
}


class Meaning(Enum):
    """What a failure says about the next try."""

    THROTTLED = 1  # Too much was asked; later it goes.
    LATER = 2  # No answer, or one that says "later".
    LACKING = 3  # A person has to mend the set-up: credentials, rights, region.
    REFUSED = 4  # The request was answered, with a no that is this request's own.


@dataclass(frozen=True, slots=True)
class Failure:
    """`code`: Amazon's own, empty where there was no answer. `detail`: what it does or, when LACKING, what it lacks."""

    meaning: Meaning
    code: str
    service: str
    detail: str

    @property
    def message(self) -> str:
        """A sentence for a person, without credentials or text."""
        return f"{self.service} {'cannot be used: ' * (self.meaning is Meaning.LACKING)}{self.detail}"


class Misconfigured(Unavailable):
    """A service of Amazon cannot be used as it is set up. Trying again is no use until a person has mended it."""

    retryable = False


def failure_of(error: BaseException, service: str) -> Failure:
    """What one of FAILURES means. `service`: its name for people, such as `Amazon Translate`."""
    match error:
        case ClientError():
            code = str(error.response.get("Error", {}).get("Code", ""))
            return answered(code, int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)), service)
        case NoCredentialsError() | PartialCredentialsError():
            return Failure(Meaning.LACKING, "", service, NO_CREDENTIALS)
        case NoRegionError() | InvalidRegionError():
            return Failure(Meaning.LACKING, "", service, "no AWS region; set AWS_REGION")
        case ProfileNotFound():
            return Failure(Meaning.LACKING, "", service, "the AWS profile does not exist")
        case ConfigParseError():
            return Failure(Meaning.LACKING, "", service, "the AWS configuration file cannot be read")
    return Failure(Meaning.LATER, "", service, "does not answer")


def answered(code: str, status: int, service: str) -> Failure:
    """What an answer that is an error means, by Amazon's code (`ThrottlingException`) and the HTTP status."""
    # Some protocols put the namespace or an address around the code.
    code = code.rsplit("#", 1)[-1].split(":", 1)[0]
    if code in _LACKING:
        return Failure(Meaning.LACKING, code, service, _LACKING[code])
    if code in _THROTTLED or status == 429:
        return Failure(Meaning.THROTTLED, code, service, "takes no more requests now")
    if code in _LATER or status >= 500:
        return Failure(Meaning.LATER, code, service, "does not take the request now")
    if status in (401, 403):
        return Failure(Meaning.LACKING, code, service, f"these AWS credentials are refused: {code or status}")
    return Failure(Meaning.REFUSED, code, service, f"refused the request: {code or status}")


@cache
def session() -> Any:
    """The process's session: where credentials, region and profile are found. Reading it takes a fifth of a second."""
    made = get_session()
    # Without it aiobotocore trusts any server as soon as there is a proxy, whatever it is asked to verify.
    made.set_default_client_config(AioConfig(proxies_config={"proxy_ca_bundle": get_cert_path(True)}))
    return aioboto3.Session(botocore_session=made)


@asynccontextmanager
async def open_client(
    service: str,
    *,
    region: str = "",
    endpoint: str = "",
    timeout: float,
    connections: int = 50,
    **options: Any,
) -> AsyncIterator[Any]:
    """A client of `service` (botocore's name), closed at the end; it talks to nobody yet.

    `timeout`: seconds to connect, and between bytes of an answer. `endpoint`: empty for AWS_ENDPOINT_URL_<SERVICE> or
    Amazon's own. `options` go to AioConfig. Raises one of FAILURES.
    """
    config = AioConfig(
        connect_timeout=timeout,
        read_timeout=timeout,
        max_pool_connections=connections,
        retries={"total_max_attempts": 1},
        **options,
    )
    client = session().client(service, config=config, region_name=region or None, endpoint_url=endpoint or None)
    async with client as opened:
        yield opened
