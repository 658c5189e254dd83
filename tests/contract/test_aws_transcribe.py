"""Amazon Transcribe over both wires, against its stand-in: what is sent, what is understood, and all that breaks."""

import asyncio
import gc
import sys
import weakref
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiobotocore.credentials import AioRefreshableCredentials
from awscrt.io import ClientBootstrap, DefaultHostResolver, EventLoopGroup
from botocore.credentials import ReadOnlyCredentials

from chassis.aws import Misconfigured, session
from chassis.errors import Unavailable
from chassis.pcm import byte_count
from chassis.settings import load
from tests.amazon.account import account
from tests.amazon.signing import Credentials
from tests.amazon.transcribe import Fault, Kind, Transcribe
from tests.amazon.transcribe_client import (
    ENGLISH,
    HASTY,
    SAID,
    SCRIPT,
    TRANSPORTS,
    failure_of,
    feed,
    heard,
    loud,
    until,
)
from tests.amazon.transcribe_client import recognizer as connected
from tests.amazon.transcribe_requests import LANGUAGES as AMAZONS
from tests.amazon.transcribe_requests import Account
from tests.fakes.hypotheses import check, spoken
from transcription_svc.config import Config
from transcription_svc.domain.events import AudioIn, Input, Options, SourceCaption
from transcription_svc.domain.hypothesis import Hypothesis
from transcription_svc.downstream import Downstream
from transcription_svc.engines import RecognitionStream, StreamOptions, aws_transcribe
from transcription_svc.engines.aws import open_engine
from transcription_svc.engines.aws_languages import LANGUAGES, code_of
from transcription_svc.engines.aws_stream import DEADLINES, Deadlines
from transcription_svc.pipeline import Broadcast


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def at(transport: str, tmp_path: Path) -> Any:
    """The recogniser at a stand-in: `async with at(service, ...) as engine`."""

    def opened(service: Transcribe, deadlines: Deadlines = DEADLINES, **settings: object) -> Any:
        return connected(service, transport, tmp_path, deadlines, **settings)

    return opened


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


@pytest.mark.parametrize(("least", "level"), [(0.7, "high"), (0.79, "high"), (0.8, "medium"), (0.85, "medium")])
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
    assert second == expected | {"language-code": "es-es", "partial-results-stability": "low"}


async def test_temporary_credentials_bring_their_token(at: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    service = Transcribe(script=SCRIPT, credentials=Credentials(token="a/token+of==signs"))
    async with at(service) as engine:
        monkeypatch.setenv("AWS_SESSION_TOKEN", service.credentials.token)
        assert spoken(await heard(engine, loud(5.0))) == SAID


async def test_surer_words_are_told_later(at: Any) -> None:
    sooner = []
    async with at(Transcribe(script=SCRIPT)) as engine:
        for least in (0.95, 0.85, 0.7):
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


@pytest.mark.parametrize("after", [0.0, 1.5])
async def test_an_end_that_is_not_answered_is_waited_for_no_longer_than_its_deadline(at: Any, after: float) -> None:
    async with at(Transcribe(script=SCRIPT, always=Fault(Kind.STALL, after)), HASTY) as engine:
        with pytest.raises(ExceptionGroup) as caught:
            await heard(engine, loud(after + 0.5))
    assert caught.group_contains(Unavailable, match="did not end")


async def test_last_results_that_are_lost_are_an_interruption(at: Any) -> None:
    async with at(Transcribe(script=SCRIPT, always=Fault(Kind.CUT_END))) as engine:
        with pytest.raises(ExceptionGroup) as caught:
            await heard(engine, loud(2.0))
    assert caught.group_contains(Unavailable)


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


async def test_a_connection_that_fails_after_its_deadline_disturbs_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    disturbed: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", disturbed.append)
    held: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: held.append(writer), "127.0.0.1", 0)
    settings = {
        "aws_transport": "http2",
        "aws_endpoint": f"https://localhost:{server.sockets[0].getsockname()[1]}",
        "aws_region": "us-east-1",
    }
    with account():
        async with open_engine(load(Config, []).model_copy(update=settings), HASTY) as engine:
            assert type(await failure_of(engine)) is Unavailable
            # Its thread waits for TLS, learns now that there is none, tells so, and ends.
            waiting = threads()
            for writer in held:
                writer.transport.abort()
            await until(lambda: gc.collect() >= 0 and threads() < waiting)
    server.close()
    assert not disturbed


async def test_a_connection_lives_until_its_shutdown_has_been_told() -> None:
    # awscrt frees what it still works on where the last reference goes sooner: the whole process died of it.
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    group = EventLoopGroup(1)
    bootstrap = ClientBootstrap(group, DefaultHostResolver(group))
    connections = aws_transcribe._Connections()
    connecting = connections.new(host_name="127.0.0.1", port=port, bootstrap=bootstrap)
    opened: Any = await asyncio.wait_for(asyncio.wrap_future(connecting), 20)
    connection: weakref.ref[Any] = weakref.ref(opened)
    shutdown, while_told = opened.shutdown_future, []
    shutdown.add_done_callback(lambda _: while_told.append(connection() is not None))
    gc.disable()
    try:
        opened.close()
        del opened, connecting, connections
        await asyncio.wait([asyncio.wrap_future(shutdown)], timeout=20)
        del shutdown
        await until(lambda: connection() is None)
    finally:
        gc.enable()
    server.close()
    assert while_told == [True]


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
