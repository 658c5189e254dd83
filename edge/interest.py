"""What one edge has to do with one topic on NATS: who receives it here, how far it has come, and what is asked of it.

An edge that comes to a topic which runs already asks the others for its last seconds first, and holds back what arrives
meanwhile, so that its listeners and its memory have one sequence.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from secrets import token_hex
from typing import Final

from chassis.telemetry import Attribute, Metric, meter
from edge.domain.continuity import Continuity, Position
from edge.domain.feed import (
    HANDOVER,
    NOTICES,
    BusEvent,
    Caption,
    CueAudio,
    CueEnded,
    CuesDropped,
    CueStarted,
    LanguageStatusChanged,
    SessionEnded,
    SwitchesChanged,
    Topic,
)
from edge.domain.merging import merged
from edge.feed_wire import from_wire, from_wire_position, to_wire, to_wire_position
from edge.memory import TAIL_AGE_SECONDS, Memory
from edge.nats_link import Link
from edge.tails import Ask, Remembered, replies, subject
from protos.feed.v1 import feed_pb2 as pb

MOST_WAITING: Final = 1_000
"""Messages held back while others are asked: more than come in that time, unless this edge was held up."""

ANSWERING_GROUPS: Final = 5
"""So many edges answer to one that asks, however many know the topic: each says some hundred kilobytes."""

AUDIO_PATIENCE_SECONDS: Final = 3.0
"""Audio that could not be sent for so long comes too late; what concerns the session itself is still of use."""
PATIENCE_SECONDS: Final = 30.0

TROUBLE_AGE_SECONDS: Final = 7_200.0
"""A session lives no longer by default."""

_lost = meter.create_counter(Metric.BUS_LOST)


class Interest:
    """One topic. `needed_until`: kept for so long although nobody receives it here (the loop's time). `ended` is called
    when the topic says that its session is over.

    Everything here returns at once.
    """

    def __init__(self, link: Link, memory: Memory, topic: Topic, ended: Callable[[str], None]) -> None:
        self.receivers: list[Callable[[BusEvent], None]] = []
        self.needed_until = 0.0
        self.ask: Ask | None = None
        self._link = link
        self._memory = memory
        self._topic = topic
        self._ended = ended
        self._over = False
        self._continuity = Continuity(topic.language)
        self._name = token_hex(6)  # As a publisher.
        self._published = Position()
        self._waiting: list[pb.FeedMessage] | None = None
        self._switches: SwitchesChanged | None = None
        link.want(subject("feed", topic), self._receive, last=topic.language in {NOTICES, HANDOVER})

    def begin(self, last_cue: str, seconds: float, *, hold: bool) -> None:
        """Asks those who know the topic, for at most `seconds`, and tells others from then on; `catch_up` does so where
        NATS is away. `hold`: what arrives meanwhile waits."""
        if hold:
            self._waiting = []
        else:
            self._tell()
        if self._link.connected:
            self.ask = Ask(self._link, self._topic, last_cue, seconds, self._settle)

    def catch_up(self, seconds: float) -> None:
        """After an interruption: asks how far the others are."""
        if self.ask is None and not self._over:
            self.ask = Ask(self._link, self._topic, "", seconds, self._settle)

    def publish(self, event: BusEvent) -> None:
        """An event of this edge: to the others, and to the receivers here."""
        if self._waiting is not None:
            self._release()
        before, self._published = self._published, self._published.after(event)
        message = pb.FeedMessage(publisher=self._name, before=to_wire_position(before), event=to_wire(event))
        self._link.publish(subject("feed", self._topic), message.SerializeToString(), patience=_patience(event))
        self._deliver(self._continuity.publish(event))
        # A language that fails may be silent for long, and nobody else may know why.
        age = TAIL_AGE_SECONDS if self._memory.trouble(self._topic) is None else TROUBLE_AGE_SECONDS
        self.needed_until = max(self.needed_until, asyncio.get_running_loop().time() + age)

    def session_over(self, needed_until: float) -> None:
        """Nothing follows, and nothing of it is to be remembered."""
        self._over = True
        self.needed_until = min(self.needed_until, needed_until)

    def end(self) -> None:
        """Nobody wants it here any more."""
        self._link.unwant(subject("feed", self._topic))
        self._link.unwant(subject("tail", self._topic))
        self._memory.forget(self._topic)

    def _receive(self, data: bytes, reply: str) -> None:
        message = pb.FeedMessage.FromString(data)
        if self._waiting is None:
            self._take(message)
            return
        self._waiting.append(message)
        if len(self._waiting) > MOST_WAITING and self.ask is not None:
            self.ask.finish()

    def _take(self, message: pb.FeedMessage) -> None:
        event = from_wire(message.event)
        if event is not None:
            self._deliver(self._continuity.receive(message.publisher, from_wire_position(message.before), event))

    def _deliver(self, events: list[BusEvent]) -> None:
        for event in events:
            if isinstance(event, CuesDropped):
                _lost.add(event.seconds, {Attribute.LANGUAGE: event.language})
            self._memory.put(self._topic, event)
            match event:
                case SessionEnded():
                    self._ended(self._topic.session_id)
                case SwitchesChanged():
                    self._switches = event
            for receive in tuple(self.receivers):
                receive(event)

    def _settle(self, told: Remembered | None) -> None:
        """The answer to `ask`."""
        self.ask = None
        # Others may have answered before they heard that the session is over.
        if told is not None and not self._over:
            told.positions = {name: place for name, place in told.positions.items() if name != self._name}
            if self._waiting is not None:
                self._adopt(told)
            else:
                self._compare(told)
        if self._waiting is not None:
            self._release()

    def _adopt(self, told: Remembered) -> None:
        """Nothing was known here. Who receives already gets the cue under way from its start."""
        self._restore(told)
        self._switches = _switches_of(told)
        under_way = self._memory.tail(self._topic).under_way
        self._continuity.begin(told.positions, under_way)
        events: list[BusEvent] = [told.trouble] if told.trouble is not None else []
        if under_way is not None:
            events += [event for event in told.events if _cue_of(event) == under_way[0].cue_id]
        for event in events:
            for receive in tuple(self.receivers):
                receive(event)

    def _compare(self, told: Remembered) -> None:
        """Something was known: of what was missed the listeners are told, and it is remembered."""
        trouble = self._memory.trouble(self._topic)
        own = self._published.events > 0
        self._restore(Remembered(told.events, told.positions, trouble if own else told.trouble))
        self._deliver(self._continuity.catch_up(told.positions))
        if not own and told.trouble != trouble:
            change = told.trouble or LanguageStatusChanged(self._topic.language, available=True, reason="")
            self._deliver([change])
        moved = _switches_of(told)
        if moved is not None and (self._switches is None or _newer(moved, self._switches)):
            self._deliver([replace(moved, action="state")])  # How all of them stand: several may have moved.

    def _restore(self, told: Remembered) -> None:
        events = merged(self._memory.tail(self._topic).after(""), told.events)
        self._memory.restore(self._topic, events, told.trouble)

    def _release(self) -> None:
        waiting, self._waiting = self._waiting or [], None
        self._tell()
        for message in waiting:
            self._take(message)

    def _tell(self) -> None:
        """From now on this edge knows what others may ask."""
        group = f"answering-{int(self._name, 16) % ANSWERING_GROUPS}"
        self._link.want(subject("tail", self._topic), self._asked, last=True, group=group)

    def _asked(self, data: bytes, reply: str) -> None:
        tail = self._memory.tail(self._topic)
        positions = {**self._continuity.positions, **({self._name: self._published} if self._published.events else {})}
        events = [*tail.after(""), *([self._switches] if self._switches is not None else [])]
        remembered = Remembered(events, positions, self._memory.trouble(self._topic))
        knows = tail.knows(pb.TailRequest.FromString(data).last_cue)
        for message in replies(remembered, self._name, knows=knows):
            self._link.publish(reply, message, patience=AUDIO_PATIENCE_SECONDS)


def _cue_of(event: BusEvent) -> str:
    return event.cue_id if isinstance(event, CueStarted | CueAudio | CueEnded) else ""


def _switches_of(told: Remembered) -> SwitchesChanged | None:
    return next((event for event in told.events if isinstance(event, SwitchesChanged)), None)


def _newer(one: SwitchesChanged, other: SwitchesChanged) -> bool:
    return one.switches.changed_at > other.switches.changed_at


def _patience(event: BusEvent) -> float:
    match event:
        case CueStarted() | CueAudio() | CueEnded() | Caption(is_final=False):
            return AUDIO_PATIENCE_SECONDS
    return PATIENCE_SECONDS
