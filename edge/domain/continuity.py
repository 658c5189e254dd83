"""Whether all that was published in a topic has come, and what listeners are told if not. Pure.

Who publishes counts events, cues and audio; each event says how much went before it, and which cue was under way then.
What an event finds missing is lost, unless it comes twice. Cues are brought to an end whatever was lost.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from edge.domain.feed import BusEvent, CueAudio, CueEnded, CuesDropped, CueStarted

REMEMBERED_PUBLISHERS: Final = 1_000
"""Of one topic: there is one at a time, another after each move of the speaker to another edge, and after each half
minute of silence. More than a session has: of one who is forgotten here and remembered elsewhere all seems lost."""


@dataclass(frozen=True, slots=True)
class Position:
    """How much one publisher has published in a topic: events of any kind, cues begun, seconds of audio. `cue_id`: of
    the cue under way; empty for none."""

    events: int = 0
    cues: int = 0
    seconds: float = 0.0
    cue_id: str = ""

    def after(self, event: BusEvent) -> "Position":
        """Once `event` is published, too."""
        events = self.events + 1
        match event:
            case CueStarted():
                return Position(events, self.cues + 1, self.seconds, event.cue_id)
            case CueAudio():
                return Position(events, self.cues, self.seconds + event.seconds, self.cue_id)
            case CueEnded():
                return Position(events, self.cues, self.seconds)
            case _:
                return replace(self, events=events)


class Continuity:
    """One topic as it comes to this edge. `language`: for what listeners are told of losses."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._positions: dict[str, Position] = {}
        self._cue: _Open | None = None
        self._lost_cues = 0
        self._lost_seconds = 0.0
        self._maimed = ""  # A cue under way without its start: it is being lost piece by piece.

    @property
    def positions(self) -> Mapping[str, Position]:
        """How much of each publisher has come."""
        return self._positions

    def begin(self, positions: Mapping[str, Position], under_way: tuple[CueStarted, float] | None) -> None:
        """What went before is known from somebody else's memory. `under_way`: a cue, and how much of it."""
        for publisher, position in positions.items():
            self._reach(publisher, position)
        if under_way is not None:
            self._cue = _Open(under_way[0].cue_id, under_way[1])

    def receive(self, publisher: str, before: Position, event: BusEvent) -> list[BusEvent]:
        """What listeners get for an event of another edge: nothing if it came before; else the event, after what must
        be said of those that did not come."""
        known = self._known(publisher, before)
        if before.events < known.events:
            return []
        told = self._miss(known, before) if before.events > known.events else []
        self._reach(publisher, before.after(event))
        return told + self._passed(event)

    def publish(self, event: BusEvent) -> list[BusEvent]:
        """What listeners here get for an event of this edge."""
        told: list[BusEvent] = []
        if isinstance(event, CueStarted):
            # Another edge, which had the speaker before, died in the midst of it.
            self._maimed = ""
            told = [*self._ended(), *self._said()]
        self._follow(event)
        return [*told, event]

    def catch_up(self, positions: Mapping[str, Position]) -> list[BusEvent]:
        """What listeners get when another edge, after an interruption, says how far it has come."""
        told: list[BusEvent] = []
        fresh = not self._positions
        for publisher, position in positions.items():
            known = position if fresh else self._known(publisher, position)
            if position.events > known.events:
                told += self._miss(known, position)
            if position.events >= known.events:
                self._reach(publisher, position)
        return told + self._said()

    def _known(self, publisher: str, present: Position) -> Position:
        known = self._positions.get(publisher)
        if known is not None:
            return known
        # One who was not there when this began: all of it should have come. Nothing known at all: this begins here.
        return Position() if self._positions else present

    def _reach(self, publisher: str, position: Position) -> None:
        self._positions.pop(publisher, None)
        self._positions[publisher] = position
        while len(self._positions) > REMEMBERED_PUBLISHERS:
            self._positions.pop(next(iter(self._positions)))

    def _miss(self, known: Position, now: Position) -> list[BusEvent]:
        """Notes what went by. Returns the end of the cue under way, if that went by."""
        seconds = max(0.0, now.seconds - known.seconds)
        # Of a single cue may be lost what is neither its start nor all of it.
        self._lost_cues += max(now.cues - known.cues, int(seconds > 0.0))
        self._lost_seconds += seconds
        if self._cue is not None and self._cue.cue_id == now.cue_id:
            return []
        self._maimed = now.cue_id
        return self._ended()

    def _passed(self, event: BusEvent) -> list[BusEvent]:
        told: list[BusEvent] = []
        match event:
            case CueStarted():
                self._maimed = ""
                told = self._ended()
            case CueAudio() | CueEnded() if self._cue is None or self._cue.cue_id != event.cue_id:
                return self._stray(event)
        told += self._said()
        self._follow(event)
        return [*told, event]

    def _stray(self, event: CueAudio | CueEnded) -> list[BusEvent]:
        """For what is left of a cue whose start did not come."""
        if event.cue_id != self._maimed:
            return []
        if isinstance(event, CueAudio):
            self._lost_seconds += event.seconds
            return []
        self._maimed = ""
        return self._said()

    def _follow(self, event: BusEvent) -> None:
        match event:
            case CueStarted():
                self._cue = _Open(event.cue_id, 0.0)
            case CueAudio() if self._cue is not None:
                self._cue = replace(self._cue, seconds=self._cue.seconds + event.seconds)
            case CueEnded():
                self._cue = None

    def _ended(self) -> list[BusEvent]:
        if self._cue is None:
            return []
        cue, self._cue = self._cue, None
        return [CueEnded(cue.cue_id, self._language, round(cue.seconds * 1000))]

    def _said(self) -> list[BusEvent]:
        """What was lost so far, once it is known to be all: with the rest of a cue that is still being lost."""
        if self._maimed or not self._lost_cues:
            return []
        cues, seconds = self._lost_cues, self._lost_seconds
        self._lost_cues, self._lost_seconds = 0, 0.0
        return [CuesDropped(self._language, cues, seconds)]


@dataclass(frozen=True, slots=True)
class _Open:
    """A cue that listeners are in the midst of: `seconds` of it have come."""

    cue_id: str
    seconds: float
