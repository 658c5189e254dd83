"""One speaker's recogniser over the length of a session.

It is opened by the first audio and closed when none came for a minute; the next audio opens it again. When audio
stops in the middle of speech (pause, mute, a lost network), silence is added so that the engine ends the utterance. A
transient failure opens a new stream, at most three times in a row; then the error goes up.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import structlog

from chassis import pcm
from chassis.drive import Inbox
from chassis.errors import Unavailable
from chassis.telemetry import wall_clock
from transcription_svc.domain.events import AudioIn, PausedChanged, Warned
from transcription_svc.domain.hypothesis import Hypothesis, Word
from transcription_svc.domain.timeline import Anchor, Timeline
from transcription_svc.engines import RecognitionStream, Recognizer, StreamOptions

log = structlog.get_logger()

IDLE_SECONDS = 60.0
# Longer than any network's jitter; shorter than a listener's patience.
MISSING_SECONDS = 0.5
SILENCE_STEP_SECONDS = 0.1
# More than the end-point of any engine, which is 0.7 s.
SILENCE_SECONDS = 1.2
TRIES = 3
BACKOFF_SECONDS = 0.3

Heard = AudioIn | PausedChanged


class Recognition:
    """Feeds one speaker's audio to an engine and hands on what it believes, in the session's time."""

    def __init__(
        self,
        engine: Recognizer,
        options: StreamOptions,
        timeline: Timeline,
        believe: Callable[[Hypothesis], Awaitable[None]],
        warn: Callable[[Warned], Awaitable[None]],
    ) -> None:
        self._engine = engine
        self._options = options
        self._timeline = timeline
        self._believe = believe
        self._warn = warn
        # Samples given to all streams so far, added silence included. Whole numbers: seconds would drift in an hour.
        self._fed = 0
        self._utterances = 0  # Highest utterance id handed on so far.
        self._session_end = 0.0  # Offset of the end of the last audio.

    async def run(self, inbox: Inbox[Heard]) -> None:
        """Until `inbox` ends and all it brought is finalised. Raises the engine's error when trying again is vain."""
        failures = 0
        clock = asyncio.get_running_loop().time
        while (first := await self._first_audio(inbox)) is not None:
            opened = clock()
            try:
                async with self._stream() as stream:
                    await self._feed(stream, first, inbox)
                failures = 0
            except* Unavailable as group:
                failures = 1 if clock() - opened > IDLE_SECONDS else failures + 1
                await self._interrupted(group.exceptions[0], failures)

    async def _first_audio(self, inbox: Inbox[Heard]) -> AudioIn | None:
        try:
            while not isinstance(heard := await inbox.get(), AudioIn):
                pass
        except StopAsyncIteration:
            return None
        return heard

    async def _interrupted(self, error: BaseException, failures: int) -> None:
        log.warning("recognition_interrupted", failures=failures, reason=getattr(error, "reason", ""))
        if failures >= TRIES:
            raise error
        await self._warn(Warned("RECOGNITION_INTERRUPTED", "recognition was interrupted and starts again"))
        await asyncio.sleep(BACKOFF_SECONDS * 2**failures)

    @asynccontextmanager
    async def _stream(self) -> AsyncIterator[RecognitionStream]:
        """An open stream whose hypotheses are handed on; finished and read to its end on leaving."""
        async with self._engine.open(self._options) as stream, asyncio.TaskGroup() as tasks:
            tasks.create_task(self._read(stream, self._fed_seconds, self._utterances), name="hypotheses")
            yield stream
            await stream.finish()

    async def _feed(self, stream: RecognitionStream, first: AudioIn, inbox: Inbox[Heard]) -> None:
        """Gives audio, and silence where it is missing, until it stays away or ends."""
        await self._give(stream, first)
        added = 0.0
        while True:
            wait = MISSING_SECONDS if added == 0 else SILENCE_STEP_SECONDS
            try:
                async with asyncio.timeout(wait if added < SILENCE_SECONDS else IDLE_SECONDS):
                    heard = await inbox.get()
            except StopAsyncIteration:
                return
            except TimeoutError:
                if added >= SILENCE_SECONDS:
                    return
                added += await self._add_silence(stream, SILENCE_STEP_SECONDS)
                continue
            if isinstance(heard, AudioIn):
                await self._give(stream, heard)
                added = 0.0
            elif heard.paused and added < SILENCE_SECONDS:
                added += await self._add_silence(stream, SILENCE_SECONDS)

    async def _give(self, stream: RecognitionStream, chunk: AudioIn) -> None:
        seconds = pcm.seconds(chunk.audio)
        now = asyncio.get_running_loop().time()
        self._timeline.add(Anchor(self._fed_seconds, chunk.offset, seconds, now, chunk.received_at))
        self._fed += len(chunk.audio) // pcm.BYTES_PER_SAMPLE
        self._session_end = chunk.offset + seconds
        await stream.send(chunk.audio)

    async def _add_silence(self, stream: RecognitionStream, seconds: float) -> float:
        now = asyncio.get_running_loop().time()
        self._timeline.add(Anchor(self._fed_seconds, self._session_end, 0.0, now, wall_clock(now)))
        silence = bytes(pcm.byte_count(seconds))
        self._fed += len(silence) // pcm.BYTES_PER_SAMPLE
        await stream.send(silence)
        return seconds

    @property
    def _fed_seconds(self) -> float:
        return self._fed / pcm.SAMPLE_RATE

    async def _read(self, stream: RecognitionStream, origin: float, utterances: int) -> None:
        async for hypothesis in stream.hypotheses():
            number = utterances + hypothesis.utterance_id
            self._utterances = max(self._utterances, number)
            await self._believe(self._in_session(hypothesis, number, origin))

    def _in_session(self, hypothesis: Hypothesis, number: int, origin: float) -> Hypothesis:
        words = tuple(self._placed(word, origin) for word in hypothesis.words)
        return Hypothesis(number, words, hypothesis.is_final)

    def _placed(self, word: Word, origin: float) -> Word:
        end = self._timeline.offset(origin + word.end)
        # An engine may place a whole word in silence, whose onset is the audio after it.
        return replace(word, start=min(self._timeline.onset(origin + word.start), end), end=end)
