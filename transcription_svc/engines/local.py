"""Recognition on this machine: Whisper, gated by Silero VAD. No account, no network.

What to decode and what to believe is `domain.dictation`; here are the audio that waits, the worker threads, and the
turns that streams take at the model. Nothing runs on its own: whoever reads `hypotheses` drives the recognition, so
a stream has no task to own, errors and cancellation go where they belong, and a reader that stops stops the work.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final, TypeVar

from chassis.errors import Invalid, Unavailable
from chassis.models import Catalogue
from chassis.pcm import BYTES_PER_SAMPLE, SAMPLE_RATE, Samples, samples
from transcription_svc.config import Config
from transcription_svc.domain.agreement import AGREEING
from transcription_svc.domain.dictation import Decode, Dictation
from transcription_svc.domain.endpoint import WINDOW_SAMPLES
from transcription_svc.domain.hypothesis import Hypothesis, Word
from transcription_svc.engines import Capabilities, StreamOptions
from transcription_svc.engines.turns import Turns
from transcription_svc.engines.voice import VoiceDetector
from transcription_svc.engines.whisper import Request, Whisper

T = TypeVar("T")

# Those written in words with spaces, of which Whisper base gets most words right by its authors' tables (Radford et al.
# 2022, appendix D). Left out although it knows them: hi (comes in Urdu script), ja, th, zh (no spaces), and the rest.
LANGUAGES: Final = frozenset({"ca", "de", "en", "es", "fr", "id", "it", "nl", "pl", "pt", "ru", "sv", "tr", "uk"})

_WINDOW_BYTES: Final = WINDOW_SAMPLES * BYTES_PER_SAMPLE
# The voice detector is run on 100 ms at a time: often enough for the end-point, rarely enough to cost nothing.
_STEP_BYTES: Final = 3 * _WINDOW_BYTES
# Whoever asks for stability from here on gets one decode more that must agree.
SURER: Final = 0.9
# The utterance being decoded, at most 15 s, and what came meanwhile.
BACKLOG_SECONDS: Final = 30.0
_BACKLOG_BYTES: Final = int(BACKLOG_SECONDS * SAMPLE_RATE) * BYTES_PER_SAMPLE


@asynccontextmanager
async def open_engine(config: Config) -> AsyncIterator["LocalRecognizer"]:
    """Loads the model (2 s). Raises Unavailable(MODEL_MISSING, MODEL_DAMAGED) or NotFound(UNKNOWN_MODEL)."""
    folder = await asyncio.to_thread(Catalogue.load(config.data).folder, config.whisper_model)
    workers = config.whisper_workers
    whisper = await asyncio.to_thread(lambda: Whisper(folder, threads=config.whisper_threads, workers=workers))
    pools = ThreadPoolExecutor(1, "hearing"), ThreadPoolExecutor(workers, "decoding")
    try:
        yield LocalRecognizer(whisper, hearing=pools[0], decoding=pools[1], turns=Turns(workers))
    finally:
        for pool in pools:
            await asyncio.to_thread(pool.shutdown, cancel_futures=True)


class LocalRecognizer:
    """The model and the threads that all streams share. `clock`: seconds, to learn what a decode costs."""

    def __init__(
        self,
        whisper: Whisper,
        *,
        hearing: ThreadPoolExecutor,
        decoding: ThreadPoolExecutor,
        turns: Turns,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.capabilities = Capabilities("local", LANGUAGES, gives_stability=True)
        self.whisper, self.hearing, self.decoding, self.turns = whisper, hearing, decoding, turns
        self.clock = clock

    @asynccontextmanager
    async def open(self, options: StreamOptions) -> AsyncIterator["LocalStream"]:
        """As the port says. Raises Invalid(UNSUPPORTED_LANGUAGE)."""
        if options.language not in LANGUAGES:
            raise Invalid("UNSUPPORTED_LANGUAGE", f"recognition offers {', '.join(sorted(LANGUAGES))}")
        stream = LocalStream(self, options)
        try:
            yield stream
        finally:
            stream.close()


class LocalStream:
    """One speaker. Audio not yet decided on waits in `_tape`, at most 30 s; full: `send` waits."""

    def __init__(self, engine: LocalRecognizer, options: StreamOptions) -> None:
        self._engine = engine
        self._options = options
        self._voice = VoiceDetector()
        surer = options.min_stability >= SURER
        self._dictation = Dictation(final_only=options.final_only, agreeing=AGREEING + surer)
        self._tape = _Tape()
        self._unheard = 0  # Bytes at the tape's end that the voice detector has not heard.
        self._finished = False
        self._waits = False  # Whoever reads waits for audio.
        self._concluded = False  # The dictation knows that nothing more comes.
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def send(self, audio: bytes) -> None:
        """As the port says; the bound is 30 s. After `finish`, or outside the context, audio is dropped."""
        while len(self._tape) > _BACKLOG_BYTES and not self._ended:
            self._room.clear()
            await self._room.wait()
        if self._ended:
            return
        self._tape.append(audio)
        self._unheard += len(audio)
        if self._unheard >= _STEP_BYTES:
            self._arrived.set()

    async def finish(self) -> None:
        """As the port says."""
        self._finished = True
        self._arrived.set()
        self._room.set()

    def close(self) -> None:
        """Ends the hypotheses at once; a decode under way ends by itself and is forgotten."""
        if not self._closed.done():
            self._closed.set_result(None)
        self._arrived.set()
        self._room.set()

    @property
    def idle(self) -> bool:
        """Whether all audio that was sent has been dealt with as far as it can be before more comes."""
        return self._waits and not self._arrived.is_set()

    @property
    def _ended(self) -> bool:
        return self._finished or self._closed.done()

    async def hypotheses(self) -> AsyncIterator[Hypothesis]:
        """As the port says."""
        while not self._closed.done():
            self._waits = True
            await self._arrived.wait()
            self._waits = False
            for hypothesis in await self._hear():
                yield hypothesis
            while (found := await self._transcribe()) is not None:
                for hypothesis in found:
                    yield hypothesis
            # Not `_finished`: that may have come during a decode, and the rest is still to be decoded.
            if self._concluded:
                return

    async def _hear(self) -> list[Hypothesis]:
        """Runs the voice detector over what has arrived."""
        if self._closed.done():
            return []
        if self._finished and self._unheard % _WINDOW_BYTES:
            padding = bytes(_WINDOW_BYTES - self._unheard % _WINDOW_BYTES)
            self._tape.append(padding)
            self._unheard += len(padding)
        whole = self._unheard - self._unheard % _WINDOW_BYTES
        found: list[Hypothesis] = []
        if whole:
            audio = self._tape.cut(self._tape.end - self._unheard, whole)
            windows = await self._unless_closed(self._run(self._engine.hearing, lambda: self._voice.hear(audio)))
            self._unheard -= whole
            found = self._dictation.hear(windows or ())
        if self._finished and self._unheard == 0:
            self._concluded = True
            found += self._dictation.finish()
        elif self._unheard < _STEP_BYTES and not self._ended:
            self._arrived.clear()
        self._tape.forget(int(self._dictation.needed_from * SAMPLE_RATE) * BYTES_PER_SAMPLE)
        self._room.set()
        return found

    async def _transcribe(self) -> list[Hypothesis] | None:
        """Performs the decode that is due; None when there is none."""
        if self._closed.done() or self._dictation.due() is None:
            return None
        turn = self._engine.turns.ask()
        try:
            if not turn.done():
                await asyncio.wait((turn, self._closed), return_when=asyncio.FIRST_COMPLETED)
            # While others had their turn more was said: it goes along, and what was due may be due no more.
            found = await self._hear()
            decode = self._dictation.due()
            if self._closed.done() or decode is None:
                return found
            began = self._engine.clock()
            words = await self._unless_closed(self._run(self._engine.decoding, lambda: self._decode(decode)))
            cost = self._engine.clock() - began
        finally:
            self._engine.turns.give_back(turn)
        return found if words is None else found + self._dictation.receive(decode, words, cost)

    def _decode(self, decode: Decode) -> list[Word]:
        """In a worker thread; times from the stream's first sample."""
        first = int(decode.start * SAMPLE_RATE)
        audio = self._tape.cut(first * BYTES_PER_SAMPLE, int((decode.end - decode.start) * SAMPLE_RATE) * 2)
        beams = decode.again or (self._options.premium and decode.thorough)
        words = self._engine.whisper.decode(
            Request(audio, self._options.language, decode.prefix, decode.context, decode.thorough, beams)
        )
        start = first / SAMPLE_RATE
        return [replace(word, start=start + word.start, end=start + word.end) for word in words]

    def _run(self, pool: ThreadPoolExecutor, work: Callable[[], T]) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(pool, work)

    async def _unless_closed(self, work: asyncio.Future[T]) -> T | None:
        """The result; None when the stream was closed first. Raises Unavailable(RECOGNITION_INTERRUPTED)."""
        await asyncio.wait((work, self._closed), return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            work.cancel()
            return None
        try:
            return work.result()
        except (RuntimeError, ValueError, MemoryError) as error:
            raise Unavailable("RECOGNITION_INTERRUPTED", "the recognition engine failed on some audio") from error


class _Tape:
    """The audio still needed, by byte position from the stream's first. Bounded by who appends (see `send`).

    Read in worker threads while the loop appends, hence the lock.
    """

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._origin = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._bytes)

    @property
    def end(self) -> int:
        """Position after the last byte."""
        return self._origin + len(self._bytes)

    def append(self, audio: bytes) -> None:
        with self._lock:
            self._bytes += audio

    def cut(self, position: int, length: int) -> Samples:
        """A copy of `length` bytes from `position`, or of what there is of them."""
        with self._lock:
            first = max(0, position - self._origin)
            piece = bytes(self._bytes[first : first + length])
        return samples(piece)

    def forget(self, position: int) -> None:
        """Drops what lies before `position`."""
        with self._lock:
            count = min(max(0, position - self._origin), len(self._bytes))
            del self._bytes[:count]
            self._origin += count
