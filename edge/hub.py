"""Fan-out: the events of a feed are encoded once for each way of hearing it, and every listener gets the same bytes.

What is published in one tick leaves in one write per listener, straight to the transport of each that keeps up; the
others have a mailbox, so that a slow listener costs the rest nothing. A large feed is written in slices, between which
the rest of the process has its turn, and in an order that rotates, so that nobody is always the last.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol

from chassis.telemetry import Attribute, Metric, Span, context_of, meter, span_between
from edge.bus import Bus
from edge.domain.feed import NOTICES, SOURCE, BusEvent, Caption, CueAudio, CueEnded, CueStarted, SessionEnded, Topic
from edge.domain.mailbox import Cut
from edge.opus import OpusCues
from edge.outbox import Outbox
from edge.protocol.wire import Audio, Encoder, Post, Receipt, Rendering
from edge.sends import SendToAll, one_by_one

SPAN_SETTLES_SECONDS: Final = 1.0
"""How long after a fan-out its span waits for the last listener's write. Slower ones are not the feed's delay."""

SLICE: Final = 1_000
"""Listeners written to at one go, some 5 ms."""

_TURN: Final = 0.618
"""Of a feed's listeners: how much further on each fan-out begins. Golden, so that no place is favoured."""

_deliveries = meter.create_counter(Metric.DELIVERIES)


class Seat(Protocol):
    """A listener in a feed."""

    rendering: Rendering

    def deliver(self, post: Post) -> None:
        """While it sits apart: one at a time. Must not wait or raise."""
        ...

    def joins(self, language: str, cue: Cut | None) -> Outbox | None:
        """Where to write from now on what all get in that feed, if it is so far. `cue`: under way there."""
        ...

    def session_ended(self, post: Post) -> None:
        """The last thing delivered."""
        ...


class Hub:
    """The feeds that somebody on this edge listens to."""

    def __init__(self, bus: Bus, slice_size: int = SLICE, send: SendToAll = one_by_one) -> None:
        self._bus = bus
        self._slice = slice_size
        self._send = send
        self.published = 0
        """How many events came so far."""
        self._feeds: dict[Topic, Feed] = {}
        self._due: dict[Feed, None] = {}
        self._handle: asyncio.Handle | None = None

    def __len__(self) -> int:
        """How many feeds somebody listens to."""
        return len(self._feeds)

    def enter(self, seat: Seat, session_id: str, *languages: str) -> None:
        """Seats a listener in feeds of a session. NOTICES and SOURCE are languages here."""
        for topic in (Topic(session_id, name) for name in languages):
            if topic in self._feeds:
                self._feeds[topic].settle()  # Which may be the end of its last listener, and with that its own.
            feed = self._feeds.get(topic)
            if feed is None:
                feed = self._feeds[topic] = Feed(topic, self._bus.missed(topic, ""), self._slice, self._send)
                feed.unsubscribe = self._bus.subscribe(topic, self._receiver(feed))
            feed.enter(seat)
            trouble = self._bus.trouble(topic)
            if trouble is not None:
                feed.tell(seat, trouble)

    async def follow(self, session_id: str, last_cue: str, *languages: str) -> None:
        """To be awaited before a listener takes a seat here who may have heard `last_cue` at another edge: from then on
        nothing is missed, and what came before is known."""
        async with asyncio.TaskGroup() as tasks:
            for name in languages:
                # Where there are no cues nobody knows one.
                heard = "" if name in {NOTICES, SOURCE} else last_cue
                tasks.create_task(self._bus.follow(Topic(session_id, name), heard))

    def missed(self, seat: Seat, session_id: str, language: str, last_cue: str) -> list[Post]:
        """What a listener who heard the cue `last_cue` to its end has missed of a feed since, in order."""
        topic = Topic(session_id, language)
        feed = self._feeds.get(topic)
        encoder = _encoder(topic, OpusCues() if feed is None else feed.opus)
        posts: list[Post] = []
        for event in self._bus.missed(topic, last_cue):
            encoder.open(event)
            posts += encoder.encode(event, seat.rendering)
        return posts

    def leave(self, seat: Seat, session_id: str, *languages: str) -> None:
        """Takes a listener out of feeds. Repeating it changes nothing."""
        for topic in (Topic(session_id, name) for name in languages):
            feed = self._feeds.get(topic)
            if feed is None:
                continue
            feed.leave(seat)
            # Unless it went with what it got last.
            if feed.empty and self._feeds.get(topic) is feed:
                feed.unsubscribe()
                del self._feeds[topic]

    def set_apart(self, seat: Seat, session_id: str, language: str) -> None:
        """From now on what this listener gets of a feed is delivered to it one by one."""
        feed = self._feeds.get(Topic(session_id, language))
        if feed is not None:
            feed.set_apart(seat)

    def under_way(self, outbox: Outbox, session_id: str, language: str) -> Cut | None:
        """The cue of a feed that somebody who has joined the others is in the midst of."""
        feed = self._feeds.get(Topic(session_id, language))
        return None if feed is None else feed.under_way(outbox)

    def _receiver(self, feed: "Feed") -> Callable[[BusEvent], None]:
        def receive(event: BusEvent) -> None:
            if isinstance(event, SessionEnded):
                # It closes sockets: what was published before it goes first, in whatever feed.
                for other in tuple(self._feeds.values()):
                    if other.topic.session_id == feed.topic.session_id:
                        other.settle()
            feed.publish(event)
            self.published += 1
            self._due[feed] = None
            if self._handle is None:
                self._handle = asyncio.get_running_loop().call_soon(self._flush)

        return receive

    def _flush(self) -> None:
        """Lets every feed that has something write one slice."""
        try:
            for feed in tuple(self._due):
                if not feed.proceed():
                    self._due.pop(feed, None)
        finally:  # What fails in one feed must not end all.
            self._handle = asyncio.get_running_loop().call_soon(self._flush) if self._due else None


@dataclass(frozen=True, slots=True)
class _Part:
    """Listeners to be written to at one go, and what they get."""

    outboxes: list[Outbox]
    posts: list[Post]
    wire: bytes
    cues: bool
    """What they are in the midst of, this feed knows; else theirs does."""
    _members: set[Outbox] = field(default_factory=set)

    def __contains__(self, outbox: Outbox) -> bool:
        if not self._members:
            self._members.update(self.outboxes)
        return outbox in self._members

    def write(self, before: Cut | None, send: SendToAll) -> None:
        """`before`: the cue of this feed that they are in the midst of."""
        ready: list[Outbox] = []
        late: list[Outbox] = []
        for outbox in self.outboxes:
            transport = outbox.transport
            # As `Outbox.put`, without the calls: outside of the kernel, here is where the time goes.
            if (
                outbox.mailbox is None
                and transport is not None
                and not transport.get_write_buffer_size()
                and not transport.is_closing()
            ):
                ready.append(outbox)
            else:
                late.append(outbox)
        if self.wire:  # Plain clients are told nothing of a cue's start.
            send(ready, self.wire)
        # After all others: what a mailbox drops takes longer than a write.
        for outbox in late:
            outbox.lag(self.posts, before if self.cues else outbox.current())
        for post in self.posts:
            if post.content.receipt is not None:
                post.content.receipt.written(len(ready))


class Feed:
    """One topic and who listens to it here.

    Listeners who are all at the same place in it are written to together, those of one rendering the same bytes. Apart
    sit those who are not: before their socket is open, in a cue whose start they did not get, or about to leave.
    """

    def __init__(self, topic: Topic, before: Iterable[BusEvent], slice_size: int, send: SendToAll) -> None:
        """`before`: what was published lately, so that the rest of a cue under way can be placed."""
        self.topic = topic
        self._slice = slice_size
        self._send = send
        self.unsubscribe: Callable[[], None] = lambda: None
        self.opus = OpusCues()
        self._encoder = _encoder(topic, self.opus)
        self._together: dict[Rendering, dict[Seat, Outbox]] = {}
        self._apart: dict[Seat, None] = {}
        self._events: list[BusEvent] = []
        self._writing: Iterator[None] | None = None
        self._at_it = False
        self._unwritten: deque[_Part] = deque()
        self._before: Cut | None = None  # The cue under way for those who have not been written to yet.
        self._cue: Cut | None = None
        self._turn = 0.0
        self._traced: tuple[CueStarted, float, Receipt] | None = None
        for event in before:
            self._encoder.open(event)
            self._follow(event)

    @property
    def empty(self) -> bool:
        return not self._apart and not any(self._together.values())

    def enter(self, seat: Seat) -> None:
        """It gets what is published from now on."""
        self.settle()
        self._apart[seat] = None

    def leave(self, seat: Seat) -> None:
        """It gets what was published until now."""
        self.settle()
        self._apart.pop(seat, None)
        self._together.get(seat.rendering, {}).pop(seat, None)

    def set_apart(self, seat: Seat) -> None:
        """See `Hub.set_apart`."""
        self.settle()
        if self._together.get(seat.rendering, {}).pop(seat, None) is not None:
            self._apart[seat] = None

    def under_way(self, outbox: Outbox) -> Cut | None:
        """See `Hub.under_way`."""
        unwritten = any(outbox in part for part in self._unwritten)
        return self._before if unwritten else self._cue

    def publish(self, event: BusEvent) -> None:
        """To be written by `proceed`."""
        self._events.append(event)

    def proceed(self) -> bool:
        """Writes the next slice of what was published. False: all is written."""
        if self._writing is None:
            self._writing = self._write()
        self._at_it = True
        try:
            done = next(self._writing, self) is self
        finally:
            self._at_it = False
        if done:
            self._writing = None
        return self._writing is not None or bool(self._events)

    def settle(self) -> None:
        """Writes all of it, now. Nothing when asked from within, by a seat that leaves with what it is given."""
        while not self._at_it and (self._writing is not None or self._events):
            self.proceed()

    def tell(self, seat: Seat, event: BusEvent) -> None:
        """Only one listener, outside of the feed's order."""
        for post in self._encoder.encode(event, seat.rendering):
            seat.deliver(post)

    def _write(self) -> Iterator[None]:
        """One go: the events so far, in slices.

        Whoever comes or goes lets this be finished first, so that nobody is missed and none is served twice.
        """
        started = time.time()
        events, self._events = self._events, []
        self._before = self._cue
        renderings = {*(key for key, seats in self._together.items() if seats), *(s.rendering for s in self._apart)}
        posts = self._encoded(events, renderings, started)
        for rendering in self._together:
            if posts.get(rendering):
                self._unwritten.extend(self._parts(rendering, posts[rendering]))
        while self._unwritten:
            self._unwritten.popleft().write(self._before, self._send)
            if self._unwritten:
                yield
        yield from self._deliver(posts)
        for event in events:
            if isinstance(event, SessionEnded):
                yield from self._end(event)

    def _deliver(self, posts: dict[Rendering, list[Post]]) -> Iterator[None]:
        """To those who sit apart: thousands as well, when many come at once or in the midst of a cue."""
        for place, seat in enumerate(tuple(self._apart), 1):
            for post in posts[seat.rendering]:
                seat.deliver(post)
            outbox = seat.joins(self.topic.language, self._cue)
            if outbox is not None and seat in self._apart:
                del self._apart[seat]
                self._together.setdefault(seat.rendering, {})[seat] = outbox
            if place % self._slice == 0:
                yield

    def _parts(self, rendering: Rendering, posts: list[Post]) -> Iterator["_Part"]:
        outboxes = list(self._together[rendering].values())
        first = int(self._turn * len(outboxes))
        self._turn = (self._turn + _TURN) % 1.0
        outboxes = outboxes[first:] + outboxes[:first]
        _deliveries.add(len(outboxes) * len(posts))
        wire = b"".join([post.content.wire for post in posts])
        cues = rendering.audio is not Audio.OFF and self.topic.language not in {NOTICES, SOURCE}
        for begin in range(0, len(outboxes), self._slice):
            yield _Part(outboxes[begin : begin + self._slice], posts, wire, cues)

    def _end(self, event: SessionEnded) -> Iterator[None]:
        seats = [*self._apart, *(seat for seats in self._together.values() for seat in seats)]
        renderings = {seat.rendering for seat in seats}
        posts = {rendering: self._encoder.encode(event, rendering) for rendering in renderings}
        for begin in range(0, len(seats), self._slice):
            for seat in seats[begin : begin + self._slice]:
                for post in posts[seat.rendering]:
                    seat.session_ended(post)
            yield

    def _encoded(
        self, events: list[BusEvent], renderings: set[Rendering], started: float
    ) -> dict[Rendering, list[Post]]:
        posts: dict[Rendering, list[Post]] = {rendering: [] for rendering in renderings}
        for event in events:
            receipt = self._receipt(event, started)
            self._encoder.open(event)
            self._follow(event)
            if isinstance(event, SessionEnded):
                continue
            for rendering in renderings:
                for post in self._encoder.encode(event, rendering):
                    post.content.receipt = receipt
                    posts[rendering].append(post)
        return posts

    def _follow(self, event: BusEvent) -> None:
        match event:
            case CueStarted():
                self._cue = Cut(event.cue_id, 0.0)
            case CueAudio() if self._cue is not None and self._cue.cue_id == event.cue_id:
                self._cue = Cut(event.cue_id, self._cue.seconds + event.seconds)
            case CueEnded():
                self._cue = None

    def _receipt(self, event: BusEvent, started: float) -> Receipt | None:
        """For what a trace wants to know: the write of a final caption; a cue from its first frame to its last."""
        match event:
            case Caption(is_final=True) if event.traceparent and self.topic.language != SOURCE:
                receipt = Receipt()
                self._record_later(Span.EDGE_CAPTION, event, started, receipt)
                return receipt
            case CueStarted() if event.traceparent:
                self._traced = (event, started, Receipt())
                return self._traced[2]
            case CueAudio() if self._traced is not None:
                return self._traced[2]
            case CueEnded() if self._traced is not None:
                start, began, receipt = self._traced
                self._traced = None
                self._record_later(Span.EDGE_CUE, start, began, receipt)
                return receipt
        return None

    def _record_later(self, span: Span, event: Caption | CueStarted, started: float, receipt: Receipt) -> None:
        def record() -> None:
            # One receipt serves all frames of a cue: writes, not listeners, are counted there.
            everyone = len(self._apart) + sum(map(len, self._together.values()))
            attributes: dict[str, str | int | float] = {
                Attribute.SESSION: self.topic.session_id,
                Attribute.LANGUAGE: event.language,
                Attribute.SEGMENT: event.segment_id,
                Attribute.LISTENERS: everyone if span is Span.EDGE_CUE else receipt.listeners,
            }
            span_between(span, context_of(event.traceparent), started, max(started, receipt.written_at), attributes)

        asyncio.get_running_loop().call_later(SPAN_SETTLES_SECONDS, record)


def _encoder(topic: Topic, opus: OpusCues) -> Encoder:
    return Encoder(topic.session_id, source=topic.language == SOURCE, opus=opus)
