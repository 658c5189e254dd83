"""Carries feeds from the edge that holds the speaker to every edge with listeners, and remembers their last seconds.

The port is what the hub and the broadcasts know. `LocalBus` serves an edge that is alone.
"""

import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeAlias

from cachetools import LRUCache, TTLCache

from edge.domain.feed import HANDOVER, NOTICES, BusEvent, LanguageStatusChanged, SessionEnded, Topic
from edge.domain.tail import Tail

Receiver: TypeAlias = Callable[[BusEvent], None]

TAIL_AGE_SECONDS: Final = 30.0
"""A feed in which nothing happened for so long has nothing that anybody missed."""

REMEMBERED_FEEDS: Final = 10_000


class Bus(Protocol):
    """Events of one topic arrive in the order they were published."""

    def publish(self, topic: Topic, event: BusEvent) -> None:
        """Never waits."""
        ...

    def subscribe(self, topic: Topic, receive: Receiver) -> Callable[[], None]:
        """Calls `receive` for each event until what this returns is called. `receive` must not wait or raise."""
        ...

    async def follow(self, topic: Topic, last_cue: str) -> None:
        """Returns when what `missed` says of this topic is complete, as far as anybody remembers it, or after a moment
        in which nobody said so. To be asked before somebody who heard `last_cue` elsewhere goes on here."""
        ...

    def missed(self, topic: Topic, last_cue: str) -> Sequence[BusEvent]:
        """What was published after the cue `last_cue`, whole cues of at most 10 s in all and their captions."""
        ...

    def trouble(self, topic: Topic) -> LanguageStatusChanged | None:
        """What a new subscriber must know that was said before it came: the language fails at present."""
        ...


class LocalBus:
    """Inside one process: publishing calls the receivers. Feeds that ended or fell silent are forgotten."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._receivers: dict[Topic, list[Receiver]] = {}
        self._tails: TTLCache[Topic, Tail] = TTLCache(REMEMBERED_FEEDS, TAIL_AGE_SECONDS, clock)
        self._troubles: LRUCache[Topic, LanguageStatusChanged] = LRUCache(REMEMBERED_FEEDS)

    def publish(self, topic: Topic, event: BusEvent) -> None:
        self._remember(topic, event)
        for receive in tuple(self._receivers.get(topic, ())):
            receive(event)

    def subscribe(self, topic: Topic, receive: Receiver) -> Callable[[], None]:
        self._receivers.setdefault(topic, []).append(receive)

        def unsubscribe() -> None:
            receivers = self._receivers.get(topic, [])
            if receive in receivers:
                receivers.remove(receive)
            if not receivers:
                self._receivers.pop(topic, None)

        return unsubscribe

    async def follow(self, topic: Topic, last_cue: str) -> None:
        """There is nobody else to ask."""

    def missed(self, topic: Topic, last_cue: str) -> Sequence[BusEvent]:
        tail = self._tails.get(topic)
        return tail.after(last_cue) if tail is not None else ()

    def trouble(self, topic: Topic) -> LanguageStatusChanged | None:
        return self._troubles.get(topic)

    def _remember(self, topic: Topic, event: BusEvent) -> None:
        match event:
            case SessionEnded():
                self._forget(topic.session_id)
            case LanguageStatusChanged(available=False):
                self._troubles[topic] = event
            case LanguageStatusChanged():
                self._troubles.pop(topic, None)
            case _ if topic.language not in {NOTICES, HANDOVER}:
                tail = self._tails.get(topic) or Tail()
                tail.put(event)
                self._tails[topic] = tail  # Its age begins anew.

    def _forget(self, session_id: str) -> None:
        for memory in (self._tails, self._troubles):
            for topic in [topic for topic in memory if topic.session_id == session_id]:
                memory.pop(topic, None)
