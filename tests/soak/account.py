"""What was said and what was heard of it: each session's account, and what of it may not be. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from edge.client import (
    AudioDropped,
    Caption,
    CueEnd,
    CueStart,
    Disconnected,
    ErrorEvent,
    Event,
    Reconnected,
    SourceCaption,
)

SETTLING_SECONDS: Final = 15.0
"""How long after a disturbance refusals and losses are its consequences."""
BEFORE_SECONDS: Final = 10.0
"""What had been said so shortly before a disturbance may not have been translated and spoken yet."""


@dataclass(frozen=True, slots=True)
class Disturbance:
    """Something that the soak did to the system. `loses`: whether speech may be missing somewhere because of it."""

    what: str
    began: float
    ended: float
    loses: bool

    def excuses(self, at: float) -> bool:
        return self.began - BEFORE_SECONDS <= at <= self.ended + SETTLING_SECONDS


@dataclass(slots=True)
class Heard:
    """What one client was given, counted. Final captions by segment, and faults, with when they came."""

    captions: dict[int, float] = field(default_factory=dict)
    begun: set[str] = field(default_factory=set)
    voiced: set[int] = field(default_factory=set)
    dropped: int = 0
    faults: list[tuple[float, str]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    _last_cue: int = -1
    _playing: tuple[str, int] | None = None

    def receive(self, event: Event, now: float) -> None:
        self.counts[type(event).__name__] += 1
        match event:
            case Caption(segment_id=segment, is_final=True) | SourceCaption(segment_id=segment, is_final=True):
                self.captions.setdefault(segment, now)
            case CueStart(cue_id=cue, segment_id=segment):
                self._begin(cue, segment, now)
            case CueEnd(complete=True) if self._playing:
                self.voiced.add(self._playing[1])
                self._playing = None
            case CueEnd():
                self._playing = None
            case AudioDropped(cues=cues):
                self.dropped += cues
            case Disconnected():
                self.faults.append((now, "lost its connection"))
            case Reconnected(resumed=False):
                self.faults.append((now, "lost its place"))
            case ErrorEvent(code=code):
                self.faults.append((now, f"was told {code}"))

    def _begin(self, cue: str, segment: int, now: float) -> None:
        if self._playing is not None:
            self.faults.append((now, "cues overlap"))
        if cue in self.begun:
            self.faults.append((now, "a cue came twice"))
        elif segment < self._last_cue:
            self.faults.append((now, "cues out of order"))
        self.begun.add(cue)
        self._last_cue = segment
        self._playing = cue, segment


@dataclass(frozen=True, slots=True)
class Shortfall:
    """What a witness of a session did not get, against what is known to have been said."""

    captions: int
    excused_captions: int
    cues: int
    excused_cues: int
    dropped: int
    faults: tuple[str, ...]

    @property
    def complaints(self) -> list[str]:
        """What cannot be explained."""
        found = list(self.faults)
        if self.captions:
            found.append(f"{self.captions} captions missing")
        if self.cues > self.dropped:
            found.append(f"{self.cues} cues missing, {self.dropped} told")
        return found


def shortfall(said: dict[int, float], heard: Heard, disturbances: Sequence[Disturbance]) -> Shortfall:
    """`said`: segments that anybody in the session was given a final caption of, with when."""

    def lossy(segment: int) -> bool:
        return any(each.loses and each.excuses(said[segment]) for each in disturbances)

    silent = said.keys() - heard.captions.keys()
    unvoiced = said.keys() - heard.voiced
    return Shortfall(
        sum(not lossy(segment) for segment in silent),
        sum(lossy(segment) for segment in silent),
        sum(not lossy(segment) for segment in unvoiced),
        sum(lossy(segment) for segment in unvoiced),
        heard.dropped,
        tuple(text for at, text in heard.faults if not any(each.excuses(at) for each in disturbances)),
    )
