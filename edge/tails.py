"""What one edge tells another of a feed that it comes to late: the last seconds, and how far each publisher was."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from edge.domain.continuity import Position
from edge.domain.feed import BusEvent, LanguageStatusChanged
from edge.feed_wire import (
    from_wire,
    from_wire_position,
    language_status,
    language_status_message,
    to_wire,
    to_wire_position,
)
from protos.feed.v1 import feed_pb2 as pb

MESSAGE_BYTES: Final = 512 * 1024
"""About: half of what NATS takes in one message."""


@dataclass(slots=True)
class Remembered:
    """One edge's memory of a topic."""

    events: Sequence[BusEvent]
    positions: Mapping[str, Position]
    trouble: LanguageStatusChanged | None


def replies(remembered: Remembered, responder: str, *, knows: bool) -> Iterator[bytes]:
    """The messages that carry it. `knows`: the last cue that was asked for is in it, or was not asked for."""
    first = pb.TailReply(responder=responder, knows_last_cue=knows)
    for publisher, position in remembered.positions.items():
        first.positions[publisher].CopyFrom(to_wire_position(position))
    if remembered.trouble is not None:
        first.trouble.CopyFrom(language_status_message(remembered.trouble))
    reply, size = first, 0
    for event in remembered.events:
        message = to_wire(event)
        if size + message.ByteSize() > MESSAGE_BYTES and reply.events:
            reply.more = True
            yield reply.SerializeToString()
            reply, size = pb.TailReply(responder=responder, knows_last_cue=knows), 0
        reply.events.append(message)
        size += message.ByteSize()
    yield reply.SerializeToString()


@dataclass(slots=True)
class _Parts:
    events: list[BusEvent] = field(default_factory=list)
    positions: dict[str, Position] = field(default_factory=dict)
    trouble: LanguageStatusChanged | None = None


class Answers:
    """Collects what several edges reply. `decided`: the best has come whole, or there is nobody to answer."""

    def __init__(self) -> None:
        self.decided = False
        self.best: Remembered | None = None
        self._parts: dict[str, _Parts] = {}

    def put(self, data: bytes) -> None:
        """A reply; empty when NATS says that there is nobody. The first who knows the last cue is the best; among
        others who remembers most."""
        if not data:
            self.decided = True
            return
        reply = pb.TailReply.FromString(data)
        parts = self._parts.setdefault(reply.responder, _Parts())
        parts.events += [event for message in reply.events if (event := from_wire(message)) is not None]
        parts.positions |= {name: from_wire_position(place) for name, place in reply.positions.items()}
        if reply.HasField("trouble"):
            parts.trouble = language_status(reply.trouble)
        if reply.more or self.decided:
            return
        self.decided = reply.knows_last_cue
        if self.decided or self.best is None or len(self.best.events) < len(parts.events):
            self.best = Remembered(parts.events, parts.positions, parts.trouble)
