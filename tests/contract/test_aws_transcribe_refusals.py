"""Every no of Amazon Transcribe, over both wires, is the error that says what helps."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from chassis.aws import Misconfigured
from chassis.errors import Exhausted, Invalid, Unavailable
from chassis.probing import free_port
from chassis.settings import load
from tests.amazon.account import account
from tests.amazon.signing import Credentials
from tests.amazon.transcribe import Fault, Kind, Transcribe
from tests.amazon.transcribe_client import ENGLISH, HASTY, SAID, SCRIPT, TRANSPORTS, failure_of, heard, loud, until
from tests.amazon.transcribe_client import recognizer as connected
from tests.fakes.hypotheses import spoken
from transcription_svc.config import Config
from transcription_svc.engines.aws import open_engine
from transcription_svc.engines.aws_stream import DEADLINES, Deadlines


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def at(transport: str, tmp_path: Path) -> Any:
    """The recogniser at a stand-in: `async with at(service, ...) as engine`."""

    def opened(service: Transcribe, deadlines: Deadlines = DEADLINES, **settings: object) -> Any:
        return connected(service, transport, tmp_path, deadlines, **settings)

    return opened


def refused(code: str, status: int, message: str = "") -> Transcribe:
    return Transcribe(script=SCRIPT, always=Fault(Kind.REFUSE, code=code, status=status, message=message))


def broken_off(code: str, message: str = "", after: float = 0.0) -> Transcribe:
    return Transcribe(script=SCRIPT, always=Fault(Kind.EXCEPTION, after, code, 400, message))


LIMITS: list[tuple[str, int]] = [("LimitExceededException", 429), ("ThrottlingException", 400)]
TRANSIENT = [
    ("ServiceUnavailableException", 503),
    ("InternalFailureException", 500),
    ("ConflictException", 409),
    ("SomethingNewException", 504),
]
LACKING = [
    ("AccessDeniedException", 403),
    ("ExpiredTokenException", 403),
    ("UnrecognizedClientException", 403),
    ("SomethingNewException", 403),
    ("UnknownOperationException", 404),
]


@pytest.mark.parametrize(("code", "status"), LIMITS)
async def test_a_limit_is_exhausted_and_says_when_to_come_again(at: Any, code: str, status: int) -> None:
    for service in (refused(code, status), broken_off(code)):
        async with at(service) as engine:
            error = await failure_of(engine, loud(0.1))
        assert isinstance(error, Exhausted)
        assert error.reason == "TOO_MANY_STREAMS"
        assert error.retry_after == timedelta(seconds=5)


@pytest.mark.parametrize(("code", "status"), TRANSIENT)
async def test_what_passes_is_unavailable(at: Any, code: str, status: int) -> None:
    for service in (refused(code, status), broken_off(code), broken_off(code, after=2.0)):
        async with at(service) as engine:
            error = await failure_of(engine, loud(0.1))
        assert type(error) is Unavailable
        assert error.reason == "RECOGNITION_INTERRUPTED"
        assert error.retryable


@pytest.mark.parametrize(("code", "status"), LACKING)
async def test_what_a_person_has_to_mend_is_misconfigured(at: Any, code: str, status: int) -> None:
    async with at(refused(code, status)) as engine:
        error = await failure_of(engine, loud(0.1))
    assert isinstance(error, Misconfigured)
    assert error.reason == "TRANSCRIPTION_FAILED"
    assert not error.retryable


async def test_credentials_refused_inside_the_stream_are_misconfigured(at: Any) -> None:
    async with at(broken_off("UnrecognizedClientException")) as engine:
        assert isinstance(await failure_of(engine, loud(0.1)), Misconfigured)


@pytest.mark.parametrize(
    ("message", "reason"),
    [("Value 'xx' at 'language-code' failed", "UNSUPPORTED_LANGUAGE"), ("Bad.", "TRANSCRIPTION_FAILED")],
)
async def test_a_bad_request_is_invalid(at: Any, transport: str, message: str, reason: str) -> None:
    services = [broken_off("BadRequestException", message)]
    if transport == "http2":
        # A refused handshake of WebSocket has no body that can be read; Amazon refuses inside the stream.
        services.append(refused("BadRequestException", 400, message))
    for service in services:
        async with at(service) as engine:
            error = await failure_of(engine, loud(0.1))
        assert isinstance(error, Invalid)
        assert error.reason == reason
        assert message not in str(error)


async def test_a_vocabulary_that_is_not_there_is_misconfigured(at: Any) -> None:
    async with at(Transcribe(), aws_vocabularies={"en": "names"}) as engine:
        error = await failure_of(engine)
    assert isinstance(error, Misconfigured)
    assert "vocabulary" in error.message


async def test_a_limit_after_hours_is_only_an_interruption(at: Any) -> None:
    async with at(Transcribe(script=SCRIPT, stream_seconds=3.0)) as engine:
        error = await failure_of(engine, loud(0.1))
    assert type(error) is Unavailable


async def test_a_stream_without_audio_for_too_long_is_an_interruption(at: Any) -> None:
    async with at(Transcribe(silence_seconds=0.3)) as engine:
        error = await failure_of(engine)
    assert type(error) is Unavailable
    assert "audio" in error.message


async def test_one_stream_too_many_is_refused_until_a_place_is_free(at: Any) -> None:
    service = Transcribe(script=SCRIPT, streams_at_once=1)
    async with at(service) as engine:
        async with engine.open(ENGLISH):
            await until(lambda: service.open_streams == 1)
            error = await failure_of(engine)
            assert isinstance(error, Exhausted)
            assert error.reason == "TOO_MANY_STREAMS"
        await until(lambda: service.open_streams == 0)
        assert spoken(await heard(engine, loud(5.0)))


@pytest.mark.parametrize("known", [Credentials(secret="another"), Credentials(access_key="another")])
async def test_credentials_that_amazon_does_not_know_are_misconfigured(at: Any, known: Credentials) -> None:
    async with at(Transcribe(credentials=known)) as engine:
        error = await failure_of(engine)
    assert isinstance(error, Misconfigured)
    assert "credentials" in error.message


async def test_without_credentials_the_sentence_says_what_to_set(transport: str) -> None:
    with account() as environment:
        environment.delenv("AWS_ACCESS_KEY_ID")
        environment.delenv("AWS_SECRET_ACCESS_KEY")
        async with open_engine(config(transport, "http://127.0.0.1:1")) as engine:
            error = await failure_of(engine)
    assert isinstance(error, Misconfigured)
    assert "AWS_ACCESS_KEY_ID" in error.message


async def test_without_a_region_the_sentence_says_what_to_set(transport: str) -> None:
    with account() as environment:
        environment.delenv("AWS_REGION")
        with pytest.raises(Misconfigured, match="AWS_REGION"):
            async with open_engine(config(transport, "")):
                pytest.fail("opened")


async def test_a_profile_that_is_not_there_is_misconfigured(transport: str) -> None:
    with account() as environment:
        environment.delenv("AWS_REGION")
        environment.setenv("AWS_PROFILE", "nobody")
        with pytest.raises(Misconfigured, match="profile"):
            async with open_engine(config(transport, "")):
                pytest.fail("opened")


async def test_without_the_file_of_cas_the_sentence_says_what_is_missing(at: Any) -> None:
    with pytest.raises(Misconfigured, match="AWS_CA_BUNDLE"):
        async with at(Transcribe(), aws_ca_bundle="/nowhere/ca.pem"):
            pytest.fail("opened")


def config(transport: str, endpoint: str) -> Config:
    return load(Config, []).model_copy(update={"aws_transport": transport, "aws_endpoint": endpoint})


@pytest.mark.parametrize("endpoint", ["127.0.0.1", "nothing.invalid"])
async def test_where_nobody_answers_is_unavailable(transport: str, endpoint: str) -> None:
    with account() as environment:
        environment.setenv("AWS_REGION", "us-east-1")
        address = f"https://{endpoint}:{free_port()}"
        async with open_engine(config(transport, address).model_copy(update={"aws_region": "us-east-1"})) as engine:
            error = await failure_of(engine)
    assert type(error) is Unavailable


async def test_a_server_that_nobody_vouches_for_is_not_talked_to(tmp_path: Path) -> None:
    service = Transcribe()
    # awscrt tells of such a server only after ten to thirty seconds, so that nobody learns from the time it took.
    async with connected(service, "http2", tmp_path, HASTY, aws_ca_bundle="") as engine:
        assert type(await failure_of(engine)) is Unavailable
    assert not service.opened


async def test_websocket_is_spoken_over_tls_with_whom_the_ca_vouches_for(tmp_path: Path) -> None:
    service = Transcribe(script=SCRIPT)
    async with connected(service, "websocket-tls", tmp_path) as engine:
        assert spoken(await heard(engine, loud(5.0))) == SAID
    async with connected(service, "websocket-tls", tmp_path, aws_ca_bundle="") as engine:
        assert type(await failure_of(engine)) is Unavailable
    assert len(service.opened) == 1
