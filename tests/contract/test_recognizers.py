"""What every recognition engine promises, and what the local one achieves on real speech."""

import asyncio
import itertools
import threading
import tracemalloc
from collections.abc import AsyncIterator, Iterable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from chassis.errors import Invalid
from chassis.pcm import SAMPLE_RATE, byte_count, seconds, to_bytes
from chassis.settings import load
from tests import recordings
from tests.amazon.transcribe import Transcribe
from tests.amazon.transcribe_client import recognizer
from tests.fakes.hypotheses import check, spoken
from tests.recordings import word_error_rate
from transcription_svc.config import Config
from transcription_svc.domain.hypothesis import Hypothesis, Word
from transcription_svc.engines import RecognitionStream, Recognizer, StreamOptions
from transcription_svc.engines.local import LocalRecognizer, LocalStream, open_engine
from transcription_svc.engines.scripted import ScriptedRecognizer
from transcription_svc.engines.whisper import Request

ENGLISH = StreamOptions("en")
SECOND = byte_count(1.0)


def silence(duration: float) -> bytes:
    return bytes(byte_count(duration))


def noise(duration: float, level: float = 0.1) -> bytes:
    """White noise, the same every time."""
    return to_bytes(np.random.default_rng(7).normal(0, level, round(duration * SAMPLE_RATE)).astype(np.float32))


def music(duration: float) -> bytes:
    """Chords of four notes with overtones, a new one every 0.6 s."""
    time = np.arange(round(duration * SAMPLE_RATE)) / SAMPLE_RATE
    root = 220 * 2 ** (np.array([0, 5, 7, 3])[(time / 0.6).astype(int) % 4] / 12)
    phase = 2 * np.pi * np.cumsum(root) / SAMPLE_RATE
    notes = sum(np.sin(phase * ratio * overtone) / overtone for ratio in (1, 1.26, 1.5, 2) for overtone in (1, 2, 3))
    return to_bytes((0.08 * notes * np.exp(-3 * (time % 0.6))).astype(np.float32))


def pieces(audio: bytes, sizes: Iterable[int] = (3200,)) -> list[bytes]:
    """The audio in chunks of the given sizes, over and over."""
    found: list[bytes] = []
    first = 0
    for size in itertools.cycle(sizes):
        if first >= len(audio):
            return found
        found.append(audio[first : first + size])
        first += size
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def local() -> AsyncIterator[Recognizer]:
    async with open_engine(load(Config, [])) as engine:
        # Every decode seems to cost 0.2 s: how often it decodes must not depend on what else runs on this machine.
        clock = partial(next, itertools.count(step=0.2))
        yield LocalRecognizer(
            engine.whisper, hearing=engine.hearing, decoding=engine.decoding, turns=engine.turns, clock=clock
        )


@pytest_asyncio.fixture
async def aws_websocket(tmp_path: Path) -> AsyncIterator[Recognizer]:
    async with recognizer(Transcribe(), "websocket", tmp_path) as engine:
        yield engine


@pytest_asyncio.fixture
async def aws_http2(tmp_path: Path) -> AsyncIterator[Recognizer]:
    async with recognizer(Transcribe(), "http2", tmp_path) as engine:
        yield engine


@pytest.fixture(
    params=["scripted", "aws_websocket", "aws_http2", pytest.param("local", marks=pytest.mark.local_engines)]
)
def engine(request: pytest.FixtureRequest) -> Recognizer:
    if request.param == "scripted":
        return ScriptedRecognizer()
    found: Recognizer = request.getfixturevalue(request.param)
    return found


async def feed(stream: RecognitionStream, chunks: Iterable[bytes]) -> None:
    """As fast as the engine recognises: one that cannot follow skips partials, which is its right, and what it then
    hears would depend on how busy the machine is."""
    for chunk in chunks:
        await stream.send(chunk)
        await asyncio.sleep(0)
        while isinstance(stream, LocalStream) and not stream.idle:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.002)
    await stream.finish()


async def heard(engine: Recognizer, chunks: Iterable[bytes], options: StreamOptions = ENGLISH) -> list[Hypothesis]:
    async with engine.open(options) as stream, asyncio.TaskGroup() as tasks:
        tasks.create_task(feed(stream, chunks))
        return [hypothesis async for hypothesis in stream.hypotheses()]


@pytest.fixture(scope="module")
def speech() -> bytes:
    """12 s of a talk, and the silence after it."""
    return recordings.two_cities().first(12) + silence(1)


async def test_speech_becomes_hypotheses_as_the_port_promises(engine: Recognizer, speech: bytes) -> None:
    hypotheses = await heard(engine, pieces(speech))
    check(hypotheses)
    assert len(spoken(hypotheses).split()) > 10
    assert any(not hypothesis.is_final for hypothesis in hypotheses)
    assert hypotheses[-1].words[-1].end <= seconds(speech) + 0.1


async def test_words_turn_stable_before_the_final(engine: Recognizer, speech: bytes) -> None:
    hypotheses = await heard(engine, pieces(speech))
    assert engine.capabilities.gives_stability
    assert any(word.stable for hypothesis in hypotheses if not hypothesis.is_final for word in hypothesis.words)


async def test_final_only_gives_finals_only(engine: Recognizer, speech: bytes) -> None:
    hypotheses = await heard(engine, pieces(speech), StreamOptions("en", final_only=True))
    check(hypotheses)
    assert spoken(hypotheses)
    assert all(hypothesis.is_final for hypothesis in hypotheses)


async def test_silence_gives_nothing(engine: Recognizer) -> None:
    assert await heard(engine, pieces(silence(8))) == []


async def test_nothing_gives_nothing(engine: Recognizer) -> None:
    assert await heard(engine, []) == []


async def test_speech_cut_off_by_the_end_is_finalised(engine: Recognizer, speech: bytes) -> None:
    hypotheses = await heard(engine, pieces(speech[: 3 * SECOND]))
    check(hypotheses)
    assert spoken(hypotheses)


async def test_chunks_may_have_any_size(engine: Recognizer, speech: bytes) -> None:
    hypotheses = await heard(engine, pieces(speech[: 6 * SECOND], [2, 998, 64, 5000, 33_332, 640]))
    check(hypotheses)
    assert spoken(hypotheses)


async def test_streams_do_not_mix(engine: Recognizer, speech: bytes) -> None:
    async with asyncio.TaskGroup() as tasks:
        quiet = tasks.create_task(heard(engine, pieces(silence(6))))
        talks = [tasks.create_task(heard(engine, pieces(speech[: 6 * SECOND]))) for _ in range(2)]
    assert quiet.result() == []
    for talk in talks:
        check(talk.result())
        assert spoken(talk.result())


async def test_leaving_the_context_ends_the_hypotheses(engine: Recognizer, speech: bytes) -> None:
    async def read(stream: RecognitionStream) -> None:
        async for _ in stream.hypotheses():
            pass

    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks, engine.open(ENGLISH) as stream:
        reader = tasks.create_task(read(stream))
        for chunk in pieces(speech[: 3 * SECOND]):
            await stream.send(chunk)
        await asyncio.sleep(0.2)
    assert reader.done()


async def test_cancelling_passes_through_and_the_engine_serves_on(engine: Recognizer, speech: bytes) -> None:
    started = asyncio.Event()

    async def endless() -> None:
        async with engine.open(ENGLISH) as stream:
            await stream.send(speech[: 3 * SECOND])
            started.set()
            async for _ in stream.hypotheses():
                pass

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(endless())
        await started.wait()
        await asyncio.sleep(0.1)
        task.cancel()
    assert task.cancelled()
    assert spoken(await heard(engine, pieces(speech[: 4 * SECOND])))


async def test_a_sender_waits_while_nobody_reads_and_is_let_go(engine: Recognizer, speech: bytes) -> None:
    sent = 0.0

    async def send(stream: RecognitionStream) -> None:
        nonlocal sent
        for chunk in pieces(speech * 20, [SECOND]):
            await stream.send(chunk)
            sent += 1
            await asyncio.sleep(0)

    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks, engine.open(ENGLISH) as stream:
        sender = tasks.create_task(send(stream))
        await asyncio.sleep(0.5)
        assert not sender.done()
        assert sent < 60
    assert sender.done()


async def test_an_unknown_language_is_refused_by_name(engine: Recognizer) -> None:
    with pytest.raises(Invalid, match="UNSUPPORTED_LANGUAGE"):
        async with engine.open(StreamOptions("tlh")):
            pass


async def test_the_script_does_not_depend_on_the_chunks(speech: bytes) -> None:
    assert await heard(ScriptedRecognizer(), pieces(speech, [2, 998, 64, 5000])) == await heard(
        ScriptedRecognizer(), pieces(speech, [32_000])
    )


async def test_the_script_comes_as_late_as_it_is_told() -> None:
    clock = asyncio.get_running_loop().time
    async with ScriptedRecognizer(delay=0.3).open(ENGLISH) as stream:
        before = clock()
        await stream.send(noise(0.4))
        await stream.finish()
        async for _ in stream.hypotheses():
            assert clock() - before >= 0.3


async def test_an_hour_of_script_takes_no_more_memory_than_a_minute() -> None:
    second = [noise(1.0)]

    async def run(duration: int) -> int:
        tracemalloc.reset_peak()
        async with ScriptedRecognizer().open(ENGLISH) as stream, asyncio.TaskGroup() as tasks:

            async def send() -> None:
                for _ in range(duration):
                    await stream.send(second[0])
                await stream.finish()

            tasks.create_task(send())
            async for _ in stream.hypotheses():
                pass
        return tracemalloc.get_traced_memory()[1]

    tracemalloc.start()
    try:
        assert await run(3600) < await run(60) + 100_000
    finally:
        tracemalloc.stop()


@pytest.mark.local_engines
@pytest.mark.parametrize("left_over", [0, 100])
async def test_an_end_that_comes_during_a_decode_is_not_missed(
    local: LocalRecognizer, speech: bytes, monkeypatch: pytest.MonkeyPatch, left_over: int
) -> None:
    decoding, go_on = threading.Event(), threading.Event()
    decode = local.whisper.decode

    def decode_slowly(request: Request) -> list[Word]:
        decoding.set()
        go_on.wait(30)
        return decode(request)

    monkeypatch.setattr(local.whisper, "decode", decode_slowly)

    async def send(stream: RecognitionStream) -> None:
        # Whole windows of the voice detector, so that nothing is left to be heard; then a few bytes more.
        await stream.send(speech[: 4 * SECOND])
        await asyncio.to_thread(decoding.wait, 30)
        await stream.send(speech[4 * SECOND :][:left_over])
        await stream.finish()
        go_on.set()

    async with asyncio.timeout(60), local.open(ENGLISH) as stream, asyncio.TaskGroup() as tasks:
        tasks.create_task(send(stream))
        assert spoken([hypothesis async for hypothesis in stream.hypotheses()])


@pytest.mark.local_engines
async def test_noise_and_music_are_no_speech(local: Recognizer) -> None:
    assert len(spoken(await heard(local, pieces(noise(8) + silence(1)))).split()) == 0
    assert len(spoken(await heard(local, pieces(music(8) + silence(1)))).split()) <= 2


@pytest.mark.local_engines
async def test_a_book_read_aloud_is_recognised(local: Recognizer) -> None:
    recording = recordings.two_cities()
    hypotheses = await heard(local, pieces(recording.audio))
    check(hypotheses)
    assert word_error_rate(recording.text, spoken(hypotheses)) <= 0.10


@pytest.mark.local_engines
async def test_sentences_with_a_pause_between_are_recognised_one_by_one_with_several_beams(local: Recognizer) -> None:
    clips = recordings.sentences()
    audio = b"".join(clip.audio + silence(1) for clip in clips)
    hypotheses = await heard(local, pieces(audio), StreamOptions("en", premium=True))
    check(hypotheses)
    assert word_error_rate(" ".join(clip.text for clip in clips), spoken(hypotheses)) <= 0.15


@pytest.mark.local_engines
@pytest.mark.parametrize(
    ("language", "name", "most"),
    [("en", "audio1.wav", 0.10), ("en", "audio2.wav", 0.10), ("es", "audio1.wav", 0.25), ("fr", "audio1.wav", 0.30)],
)
async def test_a_talk_is_recognised(local: Recognizer, language: str, name: str, most: float) -> None:
    recording = recordings.talk(language, name)
    hypotheses = await heard(local, pieces(recording.audio), StreamOptions(language))
    check(hypotheses)
    assert word_error_rate(recording.text, spoken(hypotheses)) <= most


@pytest.mark.local_engines
async def test_a_slow_address_in_a_square_is_recognised(local: Recognizer) -> None:
    recording = recordings.address()
    # 22 words with long pauses: with one decode at a bad moment four of them are lost ("why do you are country").
    # Another processor adds up in another order, and may lose two more.
    assert word_error_rate(recording.text, spoken(await heard(local, pieces(recording.audio)))) <= 0.30
