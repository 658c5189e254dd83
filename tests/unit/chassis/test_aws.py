"""What the failures of Amazon's services mean, by code, by status, and where there is no answer."""

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigParseError,
    ConnectTimeoutError,
    EndpointConnectionError,
    IncompleteReadError,
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)
from botocore.parsers import ResponseParserError

from chassis.aws import FAILURES, NO_CREDENTIALS, Meaning, Misconfigured, answered, failure_of, open_client
from chassis.errors import Unavailable

NAME = "Amazon Translate"


@pytest.mark.parametrize(
    ("code", "status", "meaning"),
    [
        ("ThrottlingException", 400, Meaning.THROTTLED),
        ("TooManyRequestsException", 429, Meaning.THROTTLED),
        ("LimitExceededException", 429, Meaning.THROTTLED),
        ("SlowDown", 503, Meaning.THROTTLED),
        ("", 429, Meaning.THROTTLED),
        ("SomethingNew", 429, Meaning.THROTTLED),
        ("ServiceUnavailableException", 400, Meaning.LATER),
        ("InternalServerException", 500, Meaning.LATER),
        ("RequestTimeout", 408, Meaning.LATER),
        ("", 502, Meaning.LATER),
        ("SomethingNew", 599, Meaning.LATER),
        ("UnrecognizedClientException", 403, Meaning.LACKING),
        ("InvalidSignatureException", 403, Meaning.LACKING),
        ("ExpiredTokenException", 403, Meaning.LACKING),
        ("AccessDeniedException", 400, Meaning.LACKING),
        ("SubscriptionRequiredException", 403, Meaning.LACKING),
        ("ExpiredToken", 400, Meaning.LACKING),
        ("SomethingNew", 403, Meaning.LACKING),
        ("", 401, Meaning.LACKING),
        ("ValidationException", 400, Meaning.REFUSED),
        ("UnsupportedLanguagePairException", 400, Meaning.REFUSED),
        ("", 404, Meaning.REFUSED),
        ("SomethingNew", 418, Meaning.REFUSED),
    ],
)
def test_an_answer_that_is_an_error_says_what_the_next_try_is_worth(code: str, status: int, meaning: Meaning) -> None:
    failure = answered(code, status, NAME)
    assert (failure.meaning, failure.code, failure.service) == (meaning, code, NAME)


@pytest.mark.parametrize(
    "code",
    [
        "com.amazon.coral.availability#ThrottlingException",
        "ThrottlingException:http://internal.amazon.com/coral/com.amazon.coral.availability/",
        "com.amazon#ThrottlingException:http://internal.amazon.com/",
    ],
)
def test_a_code_is_the_same_whatever_the_protocol_puts_around_it(code: str) -> None:
    failure = answered(code, 400, NAME)
    assert (failure.meaning, failure.code) == (Meaning.THROTTLED, "ThrottlingException")


@pytest.mark.parametrize(
    ("error", "meaning", "part"),
    [
        (NoCredentialsError(), Meaning.LACKING, NO_CREDENTIALS),
        (PartialCredentialsError(provider="env", cred_var="key"), Meaning.LACKING, NO_CREDENTIALS),
        (NoRegionError(), Meaning.LACKING, "AWS_REGION"),
        (InvalidRegionError(region_name="eu west"), Meaning.LACKING, "AWS_REGION"),
        (ProfileNotFound(profile="mine"), Meaning.LACKING, "profile"),
        (ConfigParseError(path="config"), Meaning.LACKING, "configuration file"),
        (EndpointConnectionError(endpoint_url="http://there"), Meaning.LATER, "does not answer"),
        (ConnectTimeoutError(endpoint_url="http://there"), Meaning.LATER, "does not answer"),
        (IncompleteReadError(actual_bytes=1, expected_bytes=2), Meaning.LATER, "does not answer"),
        (ResponseParserError("half a body"), Meaning.LATER, "does not answer"),
        (BotoCoreError(), Meaning.LATER, "does not answer"),
        (ConnectionResetError(), Meaning.LATER, "does not answer"),
        (TimeoutError(), Meaning.LATER, "does not answer"),
    ],
)
def test_no_answer_is_later_and_a_lack_is_named(error: Exception, meaning: Meaning, part: str) -> None:
    assert isinstance(error, FAILURES)
    failure = failure_of(error, NAME)
    assert (failure.meaning, failure.code) == (meaning, "")
    assert part in failure.message
    assert failure.message.startswith(NAME)


@pytest.mark.parametrize(
    ("response", "meaning", "code"),
    [
        (
            {"Error": {"Code": "ThrottlingException"}, "ResponseMetadata": {"HTTPStatusCode": 400}},
            Meaning.THROTTLED,
            "ThrottlingException",
        ),
        (
            {"Error": {"Code": "NewException"}, "ResponseMetadata": {"HTTPStatusCode": 503}},
            Meaning.LATER,
            "NewException",
        ),
        # As botocore makes it of an error page without a body.
        ({"Error": {"Code": "502", "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": 502}}, Meaning.LATER, "502"),
        ({}, Meaning.REFUSED, ""),
    ],
)
def test_an_error_of_the_sdk_is_read_by_code_and_status(
    response: dict[str, object], meaning: Meaning, code: str
) -> None:
    failure = failure_of(ClientError(response, "TranslateText"), NAME)
    assert (failure.meaning, failure.code) == (meaning, code)


def test_what_was_said_is_not_in_the_sentence() -> None:
    response = {"Error": {"Code": "ValidationException", "Message": "Value 'a secret' at 'text' failed"}}
    assert "secret" not in failure_of(ClientError(response, "TranslateText"), NAME).message


def test_what_a_person_has_to_mend_is_not_tried_again() -> None:
    assert Unavailable.retryable
    assert not Misconfigured("TRANSLATION_FAILED", "no credentials").retryable
    assert isinstance(Misconfigured("TRANSLATION_FAILED", "no credentials"), Unavailable)


async def test_a_client_tries_once_and_waits_as_long_as_it_is_told() -> None:
    async with open_client("translate", region="eu-west-1", timeout=1.5, connections=7) as client:
        config = client.meta.config
        assert config.retries["total_max_attempts"] == 1
        assert (config.connect_timeout, config.read_timeout, config.max_pool_connections) == (1.5, 1.5, 7)
        assert client.meta.endpoint_url == "https://translate.eu-west-1.amazonaws.com"


async def test_another_endpoint_is_the_callers_else_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_TRANSLATE", "http://127.0.0.1:1")
    async with open_client("translate", region="eu-west-1", timeout=1.0) as client:
        assert client.meta.endpoint_url == "http://127.0.0.1:1"
    async with open_client("translate", region="eu-west-1", endpoint="http://127.0.0.1:2", timeout=1.0) as client:
        assert client.meta.endpoint_url == "http://127.0.0.1:2"
