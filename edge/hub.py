"""Fan-out: each event of a feed is encoded once per flavour, and every listener's mailbox gets the same bytes.

A mailbox never makes anybody wait, so one slow listener costs the others nothing.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Protocol

from chassis.telemetry import Attribute, Span, context_of, span_between
from edge.bus import Bus
from edge.domain.feed import SOURCE, BusEvent, Caption, CueAudio, CueEnded, CueStarted, SessionEnded, Topic
from edge.protocol.wire import Encoder, Flavour, Post, Receipt

SPAN_SETTLES_SECONDS = 1.0
"""How long after a fan-out its span waits for the last listener's write. Slower ones are not the feed's delay."""


_CUE = (CueStarted, CueAudio, CueEnded)


class Seat(Protocol):
    """A listener in a feed."""

    flavour: Flavour
    wants_audio: bool

    def deliver(self, post: Post) -> None:
        """Must not wait or raise."""
        ...

    def session_ended(self, post: Post) -> None:
        """The last thing delivered."""
        ...


class Hub:
    """The feeds that somebody on this edge listens to."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._feeds: dict[Topic, Feed] = {}

    def enter(self, seat: Seat, session_id: str, *languages: str) -> None:
        """Seats a listener in feeds of a session. NOTICES and SOURCE are languages here."""
        for topic in (Topic(session_id, name) for name in languages):
            feed = self._feeds.get(topic)
            if feed is None:
                feed = self._feeds[topic] = Feed(topic, self._bus.missed(topic, ""))
                feed.unsubscribe = self._bus.subscribe(topic, feed.publish)
            feed.seats[seat] = None
            trouble = self._bus.trouble(topic)
            if trouble is not None:
                feed.tell(seat, trouble)

    def missed(self, seat: Seat, session_id: str, language: str, last_cue: str) -> list[Post]:
        """What a listener who heard the cue `last_cue` to its end has missed of a feed since, in order."""
        topic = Topic(session_id, language)
        encoder = _encoder(topic)
        posts = []
        for event in self._bus.missed(topic, last_cue):
            encoder.open(event)
            if seat.wants_audio or not isinstance(event, _CUE):
                posts.append(encoder.encode(event, seat.flavour))
        return [post for post in posts if post is not None]

    def leave(self, seat: Seat, session_id: str, *languages: str) -> None:
        """Takes a listener out of feeds. Repeating it changes nothing."""
        for topic in (Topic(session_id, name) for name in languages):
            feed = self._feeds.get(topic)
            if feed is None:
                continue
            feed.seats.pop(seat, None)
            if not feed.seats:
                feed.unsubscribe()
                del self._feeds[topic]


class Feed:
    """One topic and who listens to it here, in the order they came."""

    def __init__(self, topic: Topic, before: Iterable[BusEvent] = ()) -> None:
        """`before`: what was published lately, so that the rest of a cue under way can be placed."""
        self.topic = topic
        self.seats: dict[Seat, None] = {}
        self.unsubscribe: Callable[[], None] = lambda: None
        self._encoder = _encoder(topic)
        for event in before:
            self._encoder.open(event)
        self._cue: tuple[CueStarted, float, Receipt] | None = None

    def publish(self, event: BusEvent) -> None:
        """Encodes once per flavour and puts into every mailbox."""
        started = time.time()
        receipt = self._receipt(event, started)
        self._encoder.open(event)
        posts: dict[Flavour, Post | None] = {}
        is_cue = isinstance(event, _CUE)
        for seat in tuple(self.seats):
            if is_cue and not seat.wants_audio:
                continue
            if seat.flavour not in posts:
                posts[seat.flavour] = self._encoded(event, seat.flavour, receipt)
            post = posts[seat.flavour]
            if post is None:
                continue
            if isinstance(event, SessionEnded):
                seat.session_ended(post)
            else:
                seat.deliver(post)

    def tell(self, seat: Seat, event: BusEvent) -> None:
        """Only one listener, outside of the feed's order."""
        post = self._encoder.encode(event, seat.flavour)
        if post is not None:
            seat.deliver(post)

    def _encoded(self, event: BusEvent, flavour: Flavour, receipt: Receipt | None) -> Post | None:
        post = self._encoder.encode(event, flavour)
        if post is not None:
            post.content.receipt = receipt
        return post

    def _receipt(self, event: BusEvent, started: float) -> Receipt | None:
        """For what a trace wants to know: the write of a final caption; a cue from its first frame to its last."""
        match event:
            case Caption(is_final=True) if event.traceparent and self.topic.language != SOURCE:
                receipt = Receipt()
                self._record_later(Span.EDGE_CAPTION, event, started, receipt)
                return receipt
            case CueStarted() if event.traceparent:
                self._cue = (event, started, Receipt())
                return self._cue[2]
            case CueAudio() if self._cue is not None:
                return self._cue[2]
            case CueEnded() if self._cue is not None:
                start, began, receipt = self._cue
                self._cue = None
                self._record_later(Span.EDGE_CUE, start, began, receipt)
                return receipt
        return None

    def _record_later(self, span: Span, event: Caption | CueStarted, started: float, receipt: Receipt) -> None:
        def record() -> None:
            attributes: dict[str, str | int | float] = {
                Attribute.SESSION: self.topic.session_id,
                Attribute.LANGUAGE: event.language,
                Attribute.SEGMENT: event.segment_id,
                # One receipt serves all frames of a cue: writes, not listeners, are counted there.
                Attribute.LISTENERS: len(self.seats) if span is Span.EDGE_CUE else receipt.listeners,
            }
            span_between(span, context_of(event.traceparent), started, max(started, receipt.written_at), attributes)

        asyncio.get_running_loop().call_later(SPAN_SETTLES_SECONDS, record)


def _encoder(topic: Topic) -> Encoder:
    return Encoder(topic.session_id, source=topic.language == SOURCE)
