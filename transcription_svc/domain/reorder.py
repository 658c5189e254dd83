"""Puts results back into the order in which they were asked for. Pure.

Translations of different segments run side by side and may overtake each other; captions and cues may not. A result
that fails or does not come in time is skipped, so that one lost segment never holds the others.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Expected:
    """A result will come for `key`. Keys are expected in the order of release."""

    key: int


@dataclass(frozen=True, slots=True)
class Arrived(Generic[T]):
    """The result for `key`."""

    key: int
    item: T


@dataclass(frozen=True, slots=True)
class Failed:
    """No result will come for `key`."""

    key: int


@dataclass(frozen=True, slots=True)
class Released(Generic[T]):
    """The turn of `key` has come."""

    key: int
    item: T


@dataclass(frozen=True, slots=True)
class Skipped:
    """`key` goes without a result. `late`: it did not come in time."""

    key: int
    late: bool


@dataclass(slots=True)
class _Slot(Generic[T]):
    deadline: float
    item: T | None = None
    failed: bool = False


class Reorder(Generic[T]):
    """A window of slots, oldest first. A slot waits for its result at most `wait_seconds` after it was expected."""

    def __init__(self, wait_seconds: float) -> None:
        self._wait = wait_seconds
        self._slots: OrderedDict[int, _Slot[T]] = OrderedDict()

    def receive(self, event: Expected | Arrived[T] | Failed, now: float) -> list[Released[T] | Skipped]:
        """Takes one event; results for keys not (any more) expected are dropped."""
        match event:
            case Expected(key):
                self._slots[key] = _Slot(now + self._wait)
            case Arrived(key, item) if key in self._slots:
                self._slots[key].item = item
            case Failed(key) if key in self._slots:
                self._slots[key].failed = True
            case _:
                pass
        return self._release(now)

    def tick(self, now: float) -> list[Released[T] | Skipped]:
        """Skips what is late."""
        return self._release(now)

    def finish(self, now: float) -> list[Released[T] | Skipped]:
        """Releases what is there and skips the rest: nothing more will come."""
        for slot in self._slots.values():
            slot.failed = slot.item is None
        return self._release(now)

    def deadline(self) -> float | None:
        """When the oldest slot is given up."""
        return next(iter(self._slots.values())).deadline if self._slots else None

    def __len__(self) -> int:
        return len(self._slots)

    def _release(self, now: float) -> list[Released[T] | Skipped]:
        out: list[Released[T] | Skipped] = []
        while self._slots:
            key, slot = next(iter(self._slots.items()))
            if slot.item is not None:
                out.append(Released(key, slot.item))
            elif slot.failed or now >= slot.deadline:
                out.append(Skipped(key, late=not slot.failed))
            else:
                break
            del self._slots[key]
        return out
