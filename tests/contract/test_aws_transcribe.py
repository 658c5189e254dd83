"""Amazon Transcribe's adapters against its stand-in, over both wires: what is sent, what is understood, every error."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiobotocore.credentials import AioRefreshableCredentials
from botocore.credentials import ReadOnlyCredentials

from chassis.aws import Misconfigured, session
from chassis.errors import Exhausted, Invalid, LingocastError, Unavailable
from chassis.pcm import byte_count
from chassis.probing import free_port
from chassis.settings import load
from tests.amazon.account import account
from tests.amazon.signing import Credentials
from tests.amazon.transcribe import Fault, Kind, ScriptedWord, Transcribe
from tests.amazon.transcribe_client import TRANSPORTS
from tests.amazon.transcribe_client import recognizer as connected
from tests.amazon.transcribe_requests import LANGUAGES as AMAZONS
from tests.amazon.transcribe_requests import Account
from tests.fakes.hypotheses import check, spoken
from transcription_svc.config import Config
from transcription_svc.domain.events import AudioIn, Input, Options, SourceCaption
from transcription_svc.domain.hypothesis import Hypothesis
from transcription_svc.downstream import Downstream
from transcription_svc.engines import RecognitionStream, Recognizer, StreamOptions
from transcription_svc.engines.aws import open_engine
from transcription_svc.engines.aws_languages import LANGUAGES, code_of
from transcription_svc.engines.aws_stream import DEADLINES, Deadlines
from transcription_svc.pipeline import Broadcast

ENGLISH = StreamOptions("en")
SAID = "Let us go, you and I. Where to?"
SCRIPT = [ScriptedWord(text, 0.4 * index + 0.1, 0.4 * index + 0.5) for index, text in enumerate(SAID.split())]
# Patient where a busy machine must change no outcome, impatient where it is waited for.
HASTY = Deadlines(open=1.0, send=1.0, finish=1.0, final=0.5, sound=1.0)


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def at(transport: str, tmp_path: Path) -> Any:
    """The recogniser at a stand-in: `async with at(service, ...) as engine`."""

    def opened(service: Transcribe, deadlines: Deadlines = DEADLINES, **settings: object) -> Any:
        return connected(service, transport, tmp_path, deadlines, **settings)

    return opened


def loud(seconds: float) -> bytes:
    return b"\x00\x10\x00\xf0" * (byte_count(seconds) // 4)


async def feed(stream: RecognitionStream, audio: bytes, size: int = 3200) -> None:
    for first in range(0, len(audio), size):
        await stream.send(audio[first : first + size])
    await stream.finish()


async def heard(engine: Recognizer, audio: bytes, options: StreamOptions = ENGLISH, size: int = 3200) -> Any:
    async with asyncio.timeout(60), engine.open(options) as stream, asyncio.TaskGroup() as tasks:
        tasks.create_task(feed(stream, audio, size))
        return [hypothesis async for hypothesis in stream.hypotheses()]


async def failure_of(engine: Recognizer, audio: bytes = b"", options: StreamOptions = ENGLISH) -> LingocastError:
    """What opening or reading a stream raises, while `audio` is sent again and again; who sends hears the same."""
    heard_by_sender: list[LingocastError] = []

    async def send(stream: RecognitionStream) -> None:
        try:
            while audio:
                await stream.send(audio)
                await asyncio.sleep(0.002)
        except LingocastError as error:
            heard_by_sender.append(error)

    async def read(stream: RecognitionStream) -> None:
        async for _ in stream.hypotheses():
            pass

    async def use() -> None:
        async with engine.open(options) as stream, asyncio.TaskGroup() as tasks:
            sending = tasks.create_task(send(stream))
            with pytest.raises(LingocastError) as caught:
                await read(stream)
            await sending
            raise caught.value

    with pytest.raises((LingocastError, ExceptionGroup)) as caught:
        async with asyncio.timeout(60):
            await use()
    (error,) = caught.value.exceptions if isinstance(caught.value, ExceptionGroup) else [caught.value]
    assert isinstance(error, LingocastError)
    assert {type(each) for each in heard_by_sender} <= {type(error)}
    return error


async def until(holds: Callable[[], bool]) -> None:
    """Waits for a condition that nothing tells of."""
    async with asyncio.timeout(40):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


# What is sent and understood.


async def test_words_come_as_they_were_spoken_with_their_times(at: Any) -> None:
    service = Transcribe(script=SCRIPT)
    async with at(service) as engine:
        hypotheses = await heard(engine, loud(5.0))
    check(hypotheses)
    (final,) = [hypothesis for hypothesis in hypotheses if hypothesis.is_final]
    assert [(word.text, word.start, word.end) for word in final.words] == [
        (word.text, pytest.approx(word.start), pytest.approx(word.end)) for word in SCRIPT
    ]


async def test_all_audio_arrives_in_pieces_of_a_tenth_of_a_second_at_most(at: Any) -> None:
    service, audio = Transcribe(script=[]), loud(1.9)[:-2]
    async with at(service) as engine:
        await heard(engine, audio, size=3600)
        await heard(engine, audio, size=50_000)
    assert [stream.audio_bytes for stream in service.opened] == [len(audio)] * 2
    assert [stream.longest_piece for stream in service.opened] == [3200] * 2
    assert all(stream.ended for stream in service.opened)


@pytest.mark.parametrize(("least", "level"), [(0.7, "low"), (0.79, "low"), (0.8, "medium"), (0.85, "medium")])
async def test_a_stream_asks_for_what_its_options_say(at: Any, least: float, level: str) -> None:
    service = Transcribe(script=[])
    async with at(service) as engine:
        await heard(engine, b"", StreamOptions("pt", min_stability=least))
        await heard(engine, b"", StreamOptions("es-ES", min_stability=0.9))
    first, second = ({name: value.lower() for name, value in stream.parameters.items()} for stream in service.opened)
    expected = {
        "language-code": "pt-br",
        "media-encoding": "pcm",
        "sample-rate": "16000",
        "enable-partial-results-stabilization": "true",
        "partial-results-stability": level,
    }
    assert first == expected
    assert second == expected | {"language-code": "es-es", "partial-results-stability": "high"}


async def test_more_stability_is_told_sooner(at: Any) -> None:
    sooner = []
    async with at(Transcribe(script=SCRIPT)) as engine:
        for least in (0.7, 0.85, 0.95):
            hypotheses = await heard(engine, loud(5.0), StreamOptions("en", min_stability=least))
            check(hypotheses)
            partials = [hypothesis.words for hypothesis in hypotheses if not hypothesis.is_final]
            sooner.append(sum(word.stable for words in partials for word in words))
    assert sooner == sorted(set(sooner))


async def test_vocabularies_filters_and_models_are_named_by_language(at: Any) -> None:
    service = Transcribe(script=[], account=Account(["names"], ["rude"], ["sermons"]))
    settings = {
        "aws_vocabularies": {"en": "names"},
        "aws_vocabulary_filters": {"en-GB": "rude"},
        "aws_language_models": {"en": "sermons"},
        "aws_vocabulary_filter_method": "remove",
    }
    async with at(service, **settings) as engine:
        await heard(engine, b"", StreamOptions("en-GB"))
        await heard(engine, b"", StreamOptions("pt"))
    named = {"vocabulary-name", "vocabulary-filter-name", "vocabulary-filter-method", "language-model-name"}
    assert [
        {name: stream.parameters[name] for name in named & stream.parameters.keys()} for stream in service.opened
    ] == [
        {
            "vocabulary-name": "names",
            "vocabulary-filter-name": "rude",
            "vocabulary-filter-method": "remove",
            "language-model-name": "sermons",
        },
        {},
    ]


def test_every_language_has_a_name_at_amazon() -> None:
    named = {code_of(code) for code in LANGUAGES}
    assert named <= AMAZONS
    # Those are written without spaces.
    assert {code.split("-")[0] for code in AMAZONS - named} == {"ja", "th", "zh"}
    assert {code_of("en"), code_of("pt"), code_of("pt-PT")} == {"en-US", "pt-BR", "pt-PT"}


async def test_what_amazon_cannot_bear_is_told_as_data(at: Any) -> None:
    async with at(Transcribe()) as engine:
        assert engine.capabilities.name == "aws"
        assert engine.capabilities.silence_seconds == 15.0
        assert engine.capabilities.stream_seconds == 14_400.0


# Refusals.


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


# What breaks.


@pytest.mark.parametrize("after", [0.0, 2.5])
@pytest.mark.parametrize(
    "kind",
    [Kind.RESET, Kind.RESET_STREAM, Kind.GOAWAY, Kind.CORRUPT, Kind.NONSENSE],
    ids=lambda kind: kind.name,
)
async def test_a_stream_that_breaks_is_an_interruption_and_the_next_one_works(
    at: Any, kind: Kind, after: float
) -> None:
    service = Transcribe(script=SCRIPT)
    async with at(service) as engine:
        service.faults.append(Fault(kind, after))
        error = await failure_of(engine, loud(0.1))
        assert type(error) is Unavailable
        assert error.reason == "RECOGNITION_INTERRUPTED"
        assert spoken(await heard(engine, loud(5.0))) == SAID
        await until(lambda: service.open_streams == 0)


@pytest.mark.parametrize("after", [0.0, 2.5])
async def test_an_end_before_its_time_is_an_interruption(at: Any, after: float) -> None:
    # Over HTTP/2 the SDK does not tell of it: no more answers come.
    async with at(Transcribe(script=SCRIPT, always=Fault(Kind.END, after)), HASTY) as engine:
        assert type(await failure_of(engine, loud(0.1))) is Unavailable


async def test_no_answer_to_the_request_is_waited_for_no_longer_than_its_deadline(at: Any) -> None:
    async with at(Transcribe(always=Fault(Kind.HANG)), HASTY) as engine:
        error = await failure_of(engine)
    assert type(error) is Unavailable
    assert "does not answer" in error.message


@pytest.mark.parametrize("after", [0.0, 1.5], ids=["from the start", "in the middle of a sentence"])
async def test_a_stream_that_stalls_is_an_interruption(at: Any, after: float) -> None:
    async with at(Transcribe(script=SCRIPT, always=Fault(Kind.STALL, after)), HASTY) as engine:
        error = await failure_of(engine, loud(0.1))
    assert type(error) is Unavailable
    assert "stopped answering" in error.message


async def test_silence_is_no_stall(at: Any) -> None:
    async with at(Transcribe(), Deadlines(final=0.2, sound=0.2)) as engine:
        assert await heard(engine, bytes(byte_count(3.0))) == []


async def test_a_stream_that_takes_no_more_audio_is_an_interruption(at: Any) -> None:
    async with at(Transcribe(script=SCRIPT, always=Fault(Kind.DEAF, 1.5)), HASTY) as engine:
        assert type(await failure_of(engine, loud(0.1))) is Unavailable


async def test_an_end_that_is_not_answered_is_waited_for_no_longer_than_its_deadline(at: Any) -> None:
    async with at(Transcribe(script=SCRIPT, always=Fault(Kind.STALL, 1.5)), HASTY) as engine:
        with pytest.raises(ExceptionGroup) as caught:
            await heard(engine, loud(2.0))
    assert caught.group_contains(Unavailable, match="did not end")


@pytest.mark.parametrize("kind", [Kind.STALL, Kind.DEAF], ids=lambda kind: kind.name)
async def test_leaving_a_stream_that_hangs_takes_no_time(at: Any, kind: Kind) -> None:
    service = Transcribe(script=SCRIPT, always=Fault(kind, 0.5))
    async with at(service) as engine, asyncio.timeout(20):
        async with engine.open(ENGLISH) as stream, asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(anext(aiter(stream.hypotheses()), None))
            for _ in range(20):
                await stream.send(loud(0.1))
            await asyncio.sleep(0.1)
            tasks.create_task(stream_closed(stream, reading))
        assert reading.done()


async def stream_closed(stream: Any, reading: "asyncio.Task[Any]") -> None:
    await stream.close()
    await asyncio.wait([reading])


async def test_a_cancelled_opening_leaves_nothing_behind(at: Any) -> None:
    service = Transcribe(always=Fault(Kind.HANG))
    async with at(service) as engine:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5), engine.open(ENGLISH):
                pytest.fail("opened")
        service.always = None
        assert await heard(engine, bytes(3200)) == []


# What only HTTP/2 has: signatures of every piece, and threads.


class Rotating(AioRefreshableCredentials):  # type: ignore[misc]
    """Credentials of a role, of which the test says when they are new."""

    def __init__(self) -> None:
        async def never() -> dict[str, str]:
            raise AssertionError("not due")

        super().__init__("test", "test", "", datetime.now(UTC) + timedelta(hours=1), never, "test")

    def turn(self, secret: str) -> None:
        self._secret_key = secret
        self._frozen_credentials = ReadOnlyCredentials("test", secret, "")


async def test_a_stream_outlives_the_credentials_it_was_opened_with(tmp_path: Path) -> None:
    service, rotating = Transcribe(script=SCRIPT), Rotating()
    async with connected(service, "http2", tmp_path) as engine:
        session()._session._credentials = rotating
        async with asyncio.timeout(60), engine.open(ENGLISH) as stream, asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(everything(stream))
            for _ in range(20):
                await stream.send(loud(0.1))
            await until(lambda: service.opened[0].audio_bytes == byte_count(2.0))
            rotating.turn("another")
            service.credentials = Credentials(secret="another")
            await feed(stream, loud(3.0))
    assert spoken(reading.result()) == SAID


async def everything(stream: RecognitionStream) -> list[Hypothesis]:
    return [hypothesis async for hypothesis in stream.hypotheses()]


async def test_a_piece_that_was_changed_on_the_way_is_refused(tmp_path: Path) -> None:
    # That the stand-in checks the chain at all: a signature that does not follow the one before.
    service = Transcribe(script=SCRIPT)
    async with connected(service, "http2", tmp_path) as engine, engine.open(ENGLISH) as stream:
        wire: Any = stream._wire
        wire._stream.input_stream._prior_signature = bytes(32)
        await stream.send(loud(0.1))
        with pytest.raises(Misconfigured):
            await asyncio.wait_for(everything(stream), 30)
    assert not service.opened[0].audio_bytes


def threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


async def test_streams_leave_no_threads_behind(tmp_path: Path) -> None:
    async with connected(Transcribe(script=SCRIPT), "http2", tmp_path) as engine:
        await heard(engine, loud(1.0))
        # Not when garbage is collected, which may be long after.
        gc.disable()
        try:
            before = threads()
            for _ in range(8):
                await heard(engine, loud(0.2))
            await until(lambda: threads() <= before + 1)
        finally:
            gc.enable()


# Through the pipeline.


class Silent(Downstream):
    """Never asked: nobody listens."""

    def __init__(self) -> None:
        pass


async def test_a_broadcast_is_recognised_by_amazon_and_survives_a_reset(at: Any) -> None:
    service = Transcribe(script=SCRIPT)
    service.faults.append(Fault(Kind.RESET, 0.0))

    async def talk() -> AsyncIterator[Input]:
        for index in range(60):
            yield AudioIn(loud(0.1), index / 10, 1_000.0 + index / 10)
            await asyncio.sleep(0.01)

    async with at(service) as engine, asyncio.timeout(60):
        broadcast = Broadcast(Options("s", "en"), engine, Silent())
        captions = [event async for event in broadcast.events(talk()) if isinstance(event, SourceCaption)]
    assert [caption.text for caption in captions if caption.is_final] == ["Let us go, you and I.", "Where to?"]
    assert len(service.opened) == 2
