"""The store port: where records live, and the stores there are.

Four operations over records as data (`writes`), small enough that DynamoDB offers each directly. All rules of
sessions are above it, once. A new store is one file and one line in STORES, and the contract suite passes.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from chassis.errors import Invalid
from session_svc.store.writes import Item, Kind, Write

if TYPE_CHECKING:
    from session_svc.config import Config


class Store(Protocol):
    """Records by kind and key. `now` is wall-clock seconds; a record whose ttl is not after it does not exist.

    Every method raises Unavailable(STORE_UNAVAILABLE) when the database does not answer or too many operations wait.
    """

    async def read(self, kind: Kind, keys: Collection[str], now: float) -> Mapping[str, Item]:
        """The records that exist, by key; sees every write that has returned."""
        ...

    def find(self, kind: Kind, field: str, value: str, now: float) -> AsyncIterator[Item]:
        """All records whose field (one of FOUND_BY) has the value, in no order, read in pages.

        What changes meanwhile may be seen or not; what was written just before may be missed (an index may lag).
        """
        ...

    async def write(self, writes: Sequence[Write], now: float) -> None:
        """All of the writes or none, isolated from others. Each record is named once; at most MAX_WRITES.

        Raises Refused with the positions whose conditions were not met.
        """
        ...

    async def sweep(self, now: float) -> int:
        """Deletes records whose ttl has passed, where the database does not do that by itself; says how many."""
        ...


class Module(Protocol):
    """What a store's file offers."""

    def open_store(self, config: "Config") -> AbstractAsyncContextManager[Store]:
        """Opens or connects. Entering raises Unavailable(STORE_UNAVAILABLE) with what to do about it."""
        ...


STORES = {
    "sqlite": "session_svc.store.sqlite",
    "dynamodb": "session_svc.store.dynamodb",
}


def open_store(config: "Config") -> AbstractAsyncContextManager[Store]:
    """The store that the settings name. Raises Invalid(UNKNOWN_STORE)."""
    if config.store not in STORES:
        raise Invalid("UNKNOWN_STORE", f"SESSION_STORE is one of: {', '.join(sorted(STORES))}")
    return cast(Module, import_module(STORES[config.store])).open_store(config)
