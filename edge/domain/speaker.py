"""What the speaker's switches say, and which moment of the session a chunk belongs to."""

from dataclasses import dataclass, replace

from chassis.pcm import BYTES_PER_SAMPLE, SAMPLE_RATE

STALL_SECONDS = 5.0
"""A silence of the socket longer than this is a loss, and what comes next happened later. A shorter one is the
network's: TCP brings the samples after it, and they belong directly behind those before."""

CHUNK_BYTES = SAMPLE_RATE // 10 * BYTES_PER_SAMPLE
"""100 ms: gRPC's cost is per message, so smaller frames are joined."""


@dataclass(frozen=True, slots=True)
class Switches:
    """The broadcast state. `volume`: amplitude factor, 0.0 to 1.0. `changed_at`: wall clock, seconds."""

    active: bool = True
    paused: bool = False
    muted: bool = False
    volume: float = 1.0
    changed_at: float = 0.0

    @property
    def held(self) -> bool:
        """True while no audio may reach the recogniser. Volume 0 counts as mute."""
        return self.paused or self.muted or self.volume == 0.0 or not self.active

    def changed(
        self, at: float, *, paused: bool | None = None, muted: bool | None = None, volume: float | None = None
    ) -> "Switches":
        """The switches after a change; what is None stays. Pausing twice changes nothing, not even `changed_at`."""
        after = replace(
            self,
            paused=self.paused if paused is None else paused,
            muted=self.muted if muted is None else muted,
            volume=self.volume if volume is None else volume,
        )
        return self if after == self else replace(after, changed_at=at)


class OffsetClock:
    """Gives audio its offset: counted in samples while it flows, moved on by wall time where it was held or lost.

    `offset` is the end of what was stamped so far, seconds from the session's first sample.
    """

    def __init__(self, offset: float = 0.0) -> None:
        self._samples = round(offset * SAMPLE_RATE)
        self._heard: float | None = None
        self._held = False

    @property
    def offset(self) -> float:
        return self._samples / SAMPLE_RATE

    def hold(self, now: float) -> None:
        """Audio is held back from now on (or its socket is gone); the next stamp jumps over the time until then."""
        if self._heard is not None and not self._held:
            self._heard = now
        self._held = True

    def stamp(self, samples: int, now: float) -> float:
        """The offset of the first of `samples` samples at 16 kHz that arrived, all of them, by `now`."""
        if self._heard is not None and (self._held or now - self._heard > STALL_SECONDS):
            # They were spoken while they travelled: the gap ends where they begin.
            gap = now - self._heard - samples / SAMPLE_RATE
            self._samples += max(0, round(gap * SAMPLE_RATE))
        start = self.offset
        self._samples += samples
        self._heard, self._held = now, False
        return start


@dataclass(frozen=True, slots=True)
class Chunk:
    """Audio on its way to the recogniser: s16le at 16 kHz. `start`: offset in seconds. `received_at`: wall clock."""

    audio: bytes
    start: float
    received_at: float

    @property
    def seconds(self) -> float:
        return len(self.audio) / (BYTES_PER_SAMPLE * SAMPLE_RATE)

    @property
    def end(self) -> float:
        return self.start + self.seconds


class Framer:
    """Joins audio to chunks of 100 ms. What does not fill one waits at most `patience` seconds; a jump closes it."""

    def __init__(self, patience: float = 0.1) -> None:
        self._patience = patience
        self._open: Chunk | None = None
        self._due: float | None = None

    def receive(self, audio: Chunk, now: float) -> list[Chunk]:
        ready: list[Chunk] = []
        if self._open is not None and abs(audio.start - self._open.end) > 1 / SAMPLE_RATE:
            ready += self.finish()
        if self._open is not None:
            audio = replace(self._open, audio=self._open.audio + audio.audio)
        else:
            self._due = now + self._patience
        while len(audio.audio) >= CHUNK_BYTES:
            ready.append(replace(audio, audio=audio.audio[:CHUNK_BYTES]))
            audio = replace(audio, audio=audio.audio[CHUNK_BYTES:], start=ready[-1].end)
            self._due = now + self._patience
        self._open = audio if audio.audio else None
        return ready

    def tick(self, now: float) -> list[Chunk]:
        due = self.deadline()
        return self.finish() if due is not None and now >= due else []

    def deadline(self) -> float | None:
        return self._due if self._open is not None else None

    def finish(self) -> list[Chunk]:
        """What waits, however short."""
        ready = [] if self._open is None else [self._open]
        self._open = None
        return ready
