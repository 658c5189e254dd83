"""What one edge asks others of a feed that it comes to late, and what they tell: the last seconds, and how far each
publisher was."""

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Final

from edge.domain.continuity import Position
from edge.domain.feed import HANDOVER, NOTICES, SOURCE, BusEvent, LanguageStatusChanged, Topic
from edge.feed_wire import (
    from_wire,
    from_wire_position,
    language_status,
    language_status_message,
    to_wire,
    to_wire_position,
)
from edge.nats_link import Link
from protos.feed.v1 import feed_pb2 as pb

MESSAGE_BYTES: Final = 512 * 1024
"""About: half of what NATS takes in one message."""


_TOKENS: Final = {NOTICES: "_notices", SOURCE: "_source", HANDOVER: "_handover"}
_ODD: Final = re.compile(r"[^A-Za-z0-9_-]")


def subject(kind: str, topic: Topic) -> str:
    """Where messages of a topic go: `kind` feed; requests for its tail: `kind` tail."""
    # Ids and codes were checked long before; a dot or a star here would reach other sessions.
    session, language = (_ODD.sub(_escaped, name) for name in (topic.session_id, topic.language))
    return f"lingocast.{kind}.{session}.{_TOKENS.get(topic.language, language)}"


def _escaped(odd: re.Match[str]) -> str:
    return f"={ord(odd[0]):x}="


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


class Ask:
    """A request for the tail of a topic; `over` is called once, with the best answer if there was one. `done`: it
    was."""

    def __init__(
        self, link: Link, topic: Topic, last_cue: str, seconds: float, over: Callable[[Remembered | None], None]
    ) -> None:
        self.done = asyncio.Event()
        self._link = link
        self._over = over
        self._answers = Answers()
        self._inbox = f"_INBOX.{token_hex(12)}"
        link.want(self._inbox, self._receive, last=True)
        request = pb.TailRequest(last_cue=last_cue).SerializeToString()
        link.publish(subject("tail", topic), request, patience=seconds, reply=self._inbox)
        self._timer = asyncio.get_running_loop().call_later(seconds, self.finish)

    def finish(self) -> None:
        """Goes on with what is there. Repeating it changes nothing."""
        if not self.done.is_set():
            self._timer.cancel()
            self._link.unwant(self._inbox)
            self.done.set()
            self._over(self._answers.best)

    def _receive(self, data: bytes, reply: str) -> None:
        self._answers.put(data)
        if self._answers.decided:
            self.finish()
