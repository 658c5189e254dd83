"""Carries feeds from the edge that holds the speaker to every edge with listeners.

The port is what the hub and the broadcasts know. `LocalBus` serves an edge that is alone.
"""

from collections.abc import Callable
from typing import Protocol, TypeAlias

from edge.domain.feed import BusEvent, Topic

Receiver: TypeAlias = Callable[[BusEvent], None]


class Bus(Protocol):
    """Events of one topic arrive in the order they were published. Nothing is kept for those who come later."""

    def publish(self, topic: Topic, event: BusEvent) -> None:
        """Never waits."""
        ...

    def subscribe(self, topic: Topic, receive: Receiver) -> Callable[[], None]:
        """Calls `receive` for each event until what this returns is called. `receive` must not wait or raise."""
        ...


class LocalBus:
    """Inside one process: publishing calls the receivers."""

    def __init__(self) -> None:
        self._receivers: dict[Topic, list[Receiver]] = {}

    def publish(self, topic: Topic, event: BusEvent) -> None:
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
