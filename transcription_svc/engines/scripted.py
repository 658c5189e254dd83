"""A recogniser without a model: one word of a fixed script for every 0.4 s of sound, for tests and load.

It hears real audio, so whoever sends the audio controls it, and nothing in it is random; what it writes has nothing to
do with what was said, so its results are never quoted as quality. A chunk costs some microseconds.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import numpy as np

from chassis.errors import Invalid
from chassis.pcm import BYTES_PER_SAMPLE, SAMPLE_RATE, samples
from transcription_svc.config import Config
from transcription_svc.domain.hypothesis import Hypothesis
from transcription_svc.domain.script import Script
from transcription_svc.engines import Capabilities, StreamOptions

# What the other engines know together, and then some: tests pick freely.
LANGUAGES: Final = frozenset({"ca", "de", "en", "es", "fr", "gl", "id", "it", "nl", "pl", "pt", "ru", "sv", "tr", "uk"})
AUDIBLE_DBFS: Final = -50.0
# Loudness is judged over 20 ms at a time, whatever the size of the chunks.
FRAME_SAMPLES: Final = SAMPLE_RATE // 50
FRAME_BYTES: Final = FRAME_SAMPLES * BYTES_PER_SAMPLE
_FRAME_SECONDS: Final = 0.02
# Sum of squares of a frame at that level.
_AUDIBLE_POWER: Final = FRAME_SAMPLES * 10 ** (AUDIBLE_DBFS / 10)
_WAITING: Final = 64


@asynccontextmanager
async def open_engine(config: Config) -> AsyncIterator["ScriptedRecognizer"]:
    """Never fails."""
    yield ScriptedRecognizer(config.scripted_delay_seconds)


class ScriptedRecognizer:
    """Makes streams whose every hypothesis comes `delay` seconds after the audio that causes it."""

    def __init__(self, delay: float = 0.0) -> None:
        self.capabilities = Capabilities("scripted", LANGUAGES, gives_stability=True)
        self._delay = delay

    @asynccontextmanager
    async def open(self, options: StreamOptions) -> AsyncIterator["ScriptedStream"]:
        """As the port says. Raises Invalid(UNSUPPORTED_LANGUAGE)."""
        if options.language not in LANGUAGES:
            raise Invalid("UNSUPPORTED_LANGUAGE", f"recognition offers {', '.join(sorted(LANGUAGES))}")
        stream = ScriptedStream(options, self._delay)
        try:
            yield stream
        finally:
            stream.close()


class ScriptedStream:
    """One speaker. Hypotheses wait to be read, at most 64; full: `send` waits."""

    def __init__(self, options: StreamOptions, delay: float) -> None:
        self._script = Script(final_only=options.final_only)
        self._delay = delay
        self._rest = b""
        self._ready: deque[tuple[float, Hypothesis]] = deque()
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._finished = False
        self._closed = asyncio.Event()

    async def send(self, audio: bytes) -> None:
        """As the port says. After `finish`, or outside the context, audio is dropped."""
        while len(self._ready) >= _WAITING and not self._ended:
            self._room.clear()
            await self._room.wait()
        if self._ended:
            return
        if len(audio) % BYTES_PER_SAMPLE:
            raise Invalid("TRANSCRIPTION_FAILED", "audio must be whole samples of two bytes")
        audio = self._rest + audio
        whole = len(audio) - len(audio) % FRAME_BYTES
        self._rest = audio[whole:]
        frames = samples(audio[:whole]).reshape(-1, FRAME_SAMPLES)
        for power in np.einsum("ij,ij->i", frames, frames).tolist():
            self._put(self._script.hear(_FRAME_SECONDS, audible=power > _AUDIBLE_POWER))

    async def finish(self) -> None:
        """As the port says."""
        if not self._ended:
            self._put(self._script.finish())
            self._finished = True
        self._changed.set()
        self._room.set()

    def close(self) -> None:
        """Ends the hypotheses at once."""
        self._closed.set()
        self._changed.set()
        self._room.set()

    @property
    def _ended(self) -> bool:
        return self._finished or self._closed.is_set()

    def _put(self, hypotheses: list[Hypothesis]) -> None:
        if hypotheses:
            due = asyncio.get_running_loop().time() + self._delay
            self._ready.extend((due, hypothesis) for hypothesis in hypotheses)
            self._changed.set()

    async def hypotheses(self) -> AsyncIterator[Hypothesis]:
        """As the port says."""
        while not self._closed.is_set():
            if self._ready:
                due, hypothesis = self._ready[0]
                if await self._closed_by(due):
                    return
                self._ready.popleft()
                self._room.set()
                yield hypothesis
            elif self._finished:
                return
            else:
                self._changed.clear()
                await self._changed.wait()

    async def _closed_by(self, due: float) -> bool:
        """Waits for a point in time; True when the stream was closed meanwhile."""
        if due > asyncio.get_running_loop().time():
            try:
                async with asyncio.timeout_at(due):
                    await self._closed.wait()
            except TimeoutError:
                pass
        return self._closed.is_set()
