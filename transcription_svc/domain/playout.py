"""The playout clock of one language: releases the voice in order and at playing speed. Pure.

Audio is made faster than it plays. It is released at most `ahead_seconds` before it plays, so that a listener's buffer
stays small, a change of language takes hold soon, and what was not released can still be given up.

Lag is now minus the end of the segment's speech, at the moment its audio starts playing.
"""

from collections import deque
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Cue:
    """A segment's voice in one language. `speech_end`: monotonic time at which the end of its speech had arrived."""

    cue_id: str
    segment_id: int
    language: str
    start: float
    end: float
    tempo: float
    speech_end: float
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class CueBegun:
    """A cue's audio follows; cues come in the order of speech."""

    cue: Cue


@dataclass(frozen=True, slots=True)
class CueGrew:
    """Some audio of the cue begun last. `seconds`: its playing time."""

    audio: bytes
    seconds: float


@dataclass(frozen=True, slots=True)
class CueMade:
    """The cue begun last is complete (or was given up half-way)."""


@dataclass(frozen=True, slots=True)
class StartCue:
    """Release the start. `lag_seconds` as above; `starts_at`: monotonic time at which it plays."""

    cue: Cue
    lag_seconds: float
    starts_at: float


@dataclass(frozen=True, slots=True)
class PlayAudio:
    """Release some audio."""

    cue: Cue
    audio: bytes


@dataclass(frozen=True, slots=True)
class EndCue:
    """Release the end. `seconds`: the playing time of the whole."""

    cue: Cue
    seconds: float


Event = CueBegun | CueGrew | CueMade
Action = StartCue | PlayAudio | EndCue


@dataclass(slots=True)
class _Making:
    cue: Cue
    audio: deque[CueGrew] = field(default_factory=deque)
    released: float = 0.0
    started: bool = False
    made: bool = False


class Playout:
    """One language's clock."""

    def __init__(self, ahead_seconds: float = 1.0) -> None:
        self._ahead = ahead_seconds
        self._cues: deque[_Making] = deque()
        self._plays_until = float("-inf")  # When all that was released has been played.

    def receive(self, event: Event, now: float) -> list[Action]:
        """Takes what was made."""
        match event:
            case CueBegun(cue):
                self._cues.append(_Making(cue))
            case CueGrew():
                self._cues[-1].audio.append(event)
            case CueMade():
                self._cues[-1].made = True
        return self._release(now)

    def tick(self, now: float) -> list[Action]:
        """Releases what is due."""
        return self._release(now)

    def finish(self, now: float) -> list[Action]:
        """Releases everything at once: the clock stops."""
        if self._cues:
            self._cues[-1].made = True
        return self._release(now, at_once=True)

    def deadline(self) -> float | None:
        """When the next audio may be released; None while none waits."""
        waits = self._cues and (self._cues[0].audio or self._cues[0].made)
        return self._plays_until - self._ahead if waits else None

    def queued_seconds(self, now: float) -> float:
        """Audio that listeners have not heard yet, released or not."""
        waiting = sum(audio.seconds for cue in self._cues for audio in cue.audio)
        return max(self._plays_until - now, 0.0) + waiting

    @property
    def played_at(self) -> float:
        """When all that was made so far will have been played, if it is released in time; maybe in the past."""
        return self._plays_until + sum(audio.seconds for cue in self._cues for audio in cue.audio)

    @property
    def idle(self) -> bool:
        """True when nothing waits."""
        return not self._cues

    def _release(self, now: float, *, at_once: bool = False) -> list[Action]:
        out: list[Action] = []
        while self._cues and (at_once or self._plays_until - now <= self._ahead):
            cue = self._cues[0]
            if cue.audio:
                out += self._play(cue, now)
            elif cue.made:
                out += self._end(cue)
            else:
                break
        return out

    def _play(self, cue: _Making, now: float) -> list[Action]:
        out: list[Action] = []
        self._plays_until = max(self._plays_until, now)
        if not cue.started:
            cue.started = True
            out.append(StartCue(cue.cue, self._plays_until - cue.cue.speech_end, self._plays_until))
        audio = cue.audio.popleft()
        self._plays_until += audio.seconds
        cue.released += audio.seconds
        return [*out, PlayAudio(cue.cue, audio.audio)]

    def _end(self, cue: _Making) -> list[Action]:
        self._cues.popleft()
        # A cue without any audio (nothing to say) leaves no trace.
        return [EndCue(cue.cue, cue.released)] if cue.started else []
