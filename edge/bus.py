"""Carries feeds from the edge that holds the speaker to every edge with listeners, and remembers their last seconds.

The port is what the hub and the broadcasts know. `LocalBus` serves an edge that is alone; for several edges there is
`edge.nats_bus`.
"""

import time
from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from edge.domain.feed import BusEvent, LanguageStatusChanged, Topic
from edge.memory import Memory

Receiver: TypeAlias = Callable[[BusEvent], None]


class Bus(Protocol):
    """Events of one topic arrive in the order they were published."""

    @property
    def ready(self) -> bool:
        """Feeds of other edges can be heard here, or could be once. Who loses them later goes on alone."""
        ...

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
    """Inside one process: publishing calls the receivers."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._receivers: dict[Topic, list[Receiver]] = {}
        self._memory = Memory(clock)

    @property
    def ready(self) -> bool:
        return True

    def publish(self, topic: Topic, event: BusEvent) -> None:
        self._memory.put(topic, event)
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
        return self._memory.missed(topic, last_cue)

    def trouble(self, topic: Topic) -> LanguageStatusChanged | None:
        return self._memory.trouble(topic)
