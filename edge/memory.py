"""What an edge remembers of the feeds that it publishes or hears: their last seconds, and which languages fail.

Both buses keep one, so that a listener who comes finds the same, wherever its speaker is.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from cachetools import LRUCache, TTLCache

from edge.domain.feed import HANDOVER, NOTICES, BusEvent, LanguageStatusChanged, SessionEnded, Topic
from edge.domain.tail import Tail

TAIL_AGE_SECONDS: Final = 30.0
"""A feed in which nothing happened for so long has nothing that anybody missed."""

REMEMBERED_FEEDS: Final = 10_000


class Memory:
    """Feeds that ended or fell silent are forgotten; beyond REMEMBERED_FEEDS, those that nobody touched for longest."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._tails: TTLCache[Topic, Tail] = TTLCache(REMEMBERED_FEEDS, TAIL_AGE_SECONDS, clock)
        self._troubles: LRUCache[Topic, LanguageStatusChanged] = LRUCache(REMEMBERED_FEEDS)

    def put(self, topic: Topic, event: BusEvent) -> None:
        """Takes note of what was published."""
        match event:
            case SessionEnded():
                self._forget_session(topic.session_id)
            case LanguageStatusChanged(available=False):
                self._troubles[topic] = event
            case LanguageStatusChanged():
                self._troubles.pop(topic, None)
            case _ if topic.language not in {NOTICES, HANDOVER}:
                tail = self._tails.get(topic) or Tail()
                tail.put(event)
                self._tails[topic] = tail  # Its age begins anew.

    def restore(self, topic: Topic, events: Iterable[BusEvent], trouble: LanguageStatusChanged | None) -> None:
        """This, and nothing else, is known of a topic."""
        self.forget(topic)
        tail = Tail()
        for event in events:
            tail.put(event)
        self._tails[topic] = tail
        if trouble is not None:
            self._troubles[topic] = trouble

    def tail(self, topic: Topic) -> Tail:
        """Not to be changed."""
        return self._tails.get(topic) or Tail()

    def missed(self, topic: Topic, last_cue: str) -> Sequence[BusEvent]:
        """As `Bus.missed`."""
        return self.tail(topic).after(last_cue)

    def trouble(self, topic: Topic) -> LanguageStatusChanged | None:
        """As `Bus.trouble`."""
        return self._troubles.get(topic)

    def forget(self, topic: Topic) -> None:
        self._tails.pop(topic, None)
        self._troubles.pop(topic, None)

    def _forget_session(self, session_id: str) -> None:
        for memory in (self._tails, self._troubles):
            for topic in [topic for topic in memory if topic.session_id == session_id]:
                memory.pop(topic, None)
