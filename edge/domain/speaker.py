"""What the speaker's switches say, and which moment of the session a chunk belongs to."""

from dataclasses import dataclass, replace

from chassis.pcm import BYTES_PER_SAMPLE, SAMPLE_RATE

STALL_SECONDS = 5.0
"""A silence of the socket longer than this is a loss, and what comes next happened later. A shorter one is the
network's: TCP brings the samples after it, and they belong directly behind those before."""

LEAST_BYTES = SAMPLE_RATE // 25 * BYTES_PER_SAMPLE
"""40 ms: gRPC's cost is per message, so smaller frames are joined; those of this size go on as they are."""

JOINED_BYTES = SAMPLE_RATE * 3 // 50 * BYTES_PER_SAMPLE
"""60 ms: what small frames are joined to. More would cost less still, but what came first would wait for longer than
all the rest of its way."""

MOST_BYTES = SAMPLE_RATE // 10 * BYTES_PER_SAMPLE
"""100 ms: larger frames are cut, so that what is dropped or sent again is not much at a time."""


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
    """Joins audio to chunks of at least 40 ms, and cuts it to at most 100 ms. What is shorter waits for `patience`
    seconds at most; a jump closes it."""

    def __init__(self, patience: float = 0.05) -> None:
        self._patience = patience
        self._parts: list[bytes] = []  # Joined only once: most frames are a part and no more.
        self._size = 0
        self._start = self._end = self._received_at = self._due = 0.0

    def receive(self, audio: Chunk, now: float) -> list[Chunk]:
        jumps = self._parts and abs(audio.start - self._end) > 1 / SAMPLE_RATE
        ready = self.finish() if jumps else []
        if not self._parts:
            self._start, self._received_at, self._due = audio.start, audio.received_at, now + self._patience
        self._parts.append(audio.audio)
        self._size += len(audio.audio)
        self._end = audio.end
        if self._size >= JOINED_BYTES or len(audio.audio) >= LEAST_BYTES:
            ready += self._cut()
            self._due = now + self._patience
        return ready

    def tick(self, now: float) -> list[Chunk]:
        due = self.deadline()
        return self.finish() if due is not None and now >= due else []

    def deadline(self) -> float | None:
        return self._due if self._parts else None

    def finish(self) -> list[Chunk]:
        """What waits, however short."""
        ready = [Chunk(b"".join(self._parts), self._start, self._received_at)] if self._parts else []
        self._parts, self._size = [], 0
        return ready

    def _cut(self) -> list[Chunk]:
        """Chunks of all that waits; the last part waits on if it is too short."""
        (whole,) = self.finish()
        ready = []
        for begin in range(0, len(whole.audio), MOST_BYTES):
            piece = Chunk(
                whole.audio[begin : begin + MOST_BYTES],
                whole.start + begin / (BYTES_PER_SAMPLE * SAMPLE_RATE),
                whole.received_at,
            )
            if len(piece.audio) >= LEAST_BYTES:
                ready.append(piece)
            else:
                self._parts, self._size, self._start = [piece.audio], len(piece.audio), piece.start
        return ready
