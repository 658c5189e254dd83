"""What end-to-end tests share: speech to send, and what a listener was given."""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np

from edge.client import (
    Caption,
    CueAudio,
    CueEnd,
    CueStart,
    Event,
    Listener,
    SessionEnded,
    SourceCaption,
    Speaker,
)

E = TypeVar("E", bound=Event)


def noise(seconds: float, level: float = 0.1) -> bytes:
    """What the scripted recogniser takes for speech: PCM s16le 16 kHz, the same bytes each time."""
    wave = np.random.default_rng(7).normal(0.0, level, int(seconds * 16_000))
    return np.clip(wave * 32767, -32768, 32767).astype("<i2").tobytes()


def silence(seconds: float) -> bytes:
    """PCM s16le 16 kHz."""
    return bytes(int(seconds * 16_000) * 2)


@dataclass
class Received:
    """All that came to one client, in order, and when (seconds of the loop's clock)."""

    events: list[Event] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def finals(self) -> list[Caption]:
        return [caption for caption in self.of(Caption) if caption.is_final]

    @property
    def source_finals(self) -> list[SourceCaption]:
        return [caption for caption in self.of(SourceCaption) if caption.is_final]

    def open_segment(self) -> bool:
        """Whether the speaker was shown text that is not final yet."""
        captions = self.of(SourceCaption)
        return bool(captions) and not captions[-1].is_final and bool(captions[-1].text)

    def voice(self, cue_id: str | None = None) -> bytes:
        return b"".join(audio.pcm for audio in self.of(CueAudio) if cue_id in {None, audio.cue_id})

    def stall(self, cue_id: str) -> float:
        """By how much a cue's sound came later than it plays, at the worst place, in seconds."""
        pieces = [
            (at, event)
            for at, event in zip(self.times, self.events, strict=True)
            if isinstance(event, CueAudio) and event.cue_id == cue_id
        ]
        begun, played, worst = pieces[0][0], 0.0, 0.0
        for at, piece in pieces:
            worst = max(worst, at - begun - played)
            played += len(piece.pcm) / 32_000
        return worst

    async def read(self, client: Speaker | Listener) -> None:
        """Until the client ends."""
        async for event in client:
            self.events.append(event)
            self.times.append(asyncio.get_running_loop().time())
            self.changed.set()

    async def until(self, met: Callable[["Received"], object], seconds: float = 30.0) -> None:
        """Waits until `met`. Raises TimeoutError, with what had come, after `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                while not met(self):
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            raise TimeoutError(f"had only {Counter(type(event).__name__ for event in self.events)}") from None

    async def ended(self, seconds: float = 60.0) -> None:
        """Waits for the end of the session."""
        await self.until(lambda so_far: so_far.of(SessionEnded), seconds)

    def check_in_order(self) -> None:
        """Every segment captioned once, in ascending order; cues one after the other, each whole and as it says."""
        ids = [caption.segment_id for caption in self.finals]
        assert ids == sorted(set(ids)), "captions are out of order or repeated"
        cues = [cue.segment_id for cue in self.of(CueStart)]
        assert cues == sorted(set(cues)), "cues are out of order or repeated"
        speaking: str | None = None
        for event in self.events:
            match event:
                case CueStart(cue_id=cue_id):
                    assert speaking is None, "cues overlap"
                    speaking = cue_id
                case CueAudio(cue_id=cue_id):
                    assert speaking == cue_id, "audio outside its cue"
                case CueEnd(cue_id=cue_id, duration_ms=milliseconds):
                    assert speaking == cue_id, "a cue ends that did not start"
                    assert abs(len(self.voice(cue_id)) / 32 - milliseconds) <= 1, "a cue is not as long as it says"
                    speaking = None


async def gone(data: Path) -> None:
    """Waits until the embedded store holds no connection any more."""
    try:
        async with asyncio.timeout(30):
            while connection_records(data):  # noqa: ASYNC110 - it happens in other processes
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise TimeoutError(f"{connection_records(data)} connections are left") from None


def connection_records(data: Path) -> int:
    """How many connections the embedded store holds."""
    with sqlite3.connect(f"file:{data / 'sessions.sqlite3'}?mode=ro", uri=True) as database:
        (count,) = database.execute("SELECT count(*) FROM items WHERE kind = 'connection'").fetchone()
    return int(count)
