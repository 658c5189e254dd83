"""Records, conditions and writes as data, and what they mean.

The whole vocabulary of a store: what is here can be said to DynamoDB (condition expressions, transactions) and to
SQLite alike. `outcome` is the meaning of one write, executable; a store that has conditions of its own must agree
with it.

A record is a flat mapping of scalars. Its field `ttl` (seconds since the epoch) is required: from then on the record
does not exist, for reads and for conditions, even while the database still holds it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import uuid4

from chassis.errors import Conflict, Unavailable

Value = str | int | float | bool
Item = Mapping[str, Value]

# Records that one transaction may touch: DynamoDB's bound.
MAX_WRITES = 100


class Kind(StrEnum):
    """The kinds of record; each has keys of its own."""

    SESSION = "session"  # By session id.
    SPEAKER = "speaker"  # By place: the speaker's fingerprint and a number. Names the session that takes the place.
    LEASE = "lease"  # By edge id.
    CONNECTION = "connection"  # By fingerprint of the connection id.
    LIMIT = "limit"  # By limit and subject.


# The fields that records can be found by, besides their key.
FOUND_BY: Mapping[Kind, frozenset[str]] = {
    Kind.SESSION: frozenset({"state"}),
    Kind.SPEAKER: frozenset(),
    Kind.LEASE: frozenset({"state"}),
    Kind.CONNECTION: frozenset({"session_id", "edge_id"}),
    Kind.LIMIT: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Is:
    """The field equals the value. Not for fractions: stores differ in how they keep them."""

    field: str
    value: str | int | bool


@dataclass(frozen=True, slots=True)
class Below:
    """The field is a number below `bound`; a missing field is 0."""

    field: str
    bound: float


@dataclass(frozen=True, slots=True)
class Above:
    """The field is a number above `bound`; a missing field is 0."""

    field: str
    bound: float


Condition = Is | Below | Above


@dataclass(frozen=True, slots=True)
class Put:
    """Writes a whole record: over whatever is there, or, with `fresh`, only where none exists."""

    kind: Kind
    key: str
    item: Item
    fresh: bool = True


@dataclass(frozen=True, slots=True)
class Change:
    """Changes fields of a record that exists and meets all of `where`. A missing field counts as 0 for `add`."""

    kind: Kind
    key: str
    where: tuple[Condition, ...] = ()
    set: Item = field(default_factory=dict)
    add: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delete:
    """Deletes a record. With conditions it must exist and meet them; without, its absence is fine."""

    kind: Kind
    key: str
    where: tuple[Condition, ...] = ()


Write = Put | Change | Delete


class Once(tuple[Write, ...]):
    """Writes that are given to a store again when no answer came: the same object, the same transaction.

    A store whose database can tell (by `token`) does not make them twice. `given_at`: when they were given first, on
    the event loop's clock; however often they are tried, who gave them has waited since then.
    """

    token: str
    given_at: float

    def __new__(cls, writes: Iterable[Write], given_at: float) -> "Once":
        made = super().__new__(cls, writes)
        made.token, made.given_at = uuid4().hex, given_at
        return made


class Refused(Conflict):
    """Conditions were not met and nothing was written. `positions`: which writes of the list were refused."""

    def __init__(self, positions: frozenset[int]) -> None:
        super().__init__("CONFLICT", "the state changed meanwhile")
        self.positions = positions


class Contended(Unavailable):
    """The store answers but others are at the same record. Trying again helps; nothing is wrong with the store."""

    def __init__(self, message: str = "others are at the same record") -> None:
        super().__init__("STORE_UNAVAILABLE", message)


def check_writes(writes: tuple[Write, ...]) -> None:
    """Raises ValueError for what no store can do in one transaction."""
    names = [(write.kind, write.key) for write in writes]
    if len(names) > MAX_WRITES:
        raise ValueError(f"one transaction touches at most {MAX_WRITES} records, not {len(names)}")
    if len(set(names)) != len(names):
        raise ValueError("a transaction names a record twice")
    if any("ttl" not in write.item for write in writes if isinstance(write, Put)):
        raise ValueError("a record needs a ttl")


def allowed(write: Write, item: Item | None) -> bool:
    """Whether the conditions hold. `item`: the record as it is, None when there is none or its ttl has passed."""
    match write:
        case Put(fresh=fresh):
            return item is None or not fresh
        case Delete(where=()):
            return True
        case Change(where=where) | Delete(where=where):
            return item is not None and all(_holds(condition, item) for condition in where)


def outcome(write: Write, item: Item | None) -> Item | None:
    """The record after an allowed write; None when it is deleted."""
    match write:
        case Put(item=new):
            return new
        case Delete():
            return None
        case Change(set=fields, add=sums):
            before = item or {}
            return {**before, **fields, **{name: number(before, name) + more for name, more in sums.items()}}


def number(item: Item, name: str) -> float | int:
    """A numeric field; 0 when missing. Raises TypeError for text."""
    value = item.get(name, 0)
    if isinstance(value, str):
        raise TypeError(f"{name} is text")
    return value


def _holds(condition: Condition, item: Item) -> bool:
    match condition:
        case Is(name, value):
            return name in item and item[name] == value
        case Below(name, bound):
            return number(item, name) < bound
        case Above(name, bound):
            return number(item, name) > bound
