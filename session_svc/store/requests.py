"""How records, conditions and writes are said to DynamoDB. Pure: answers are the parameters of requests.

An operator who looks into a table can read it: attributes are fields in camelCase. What differs from the record:

- Speakers' places and leases live among the sessions, under keys that begin with `speaker#` and `lease#`: they are few,
  and a table of their own each would have to be made, watched and backed up. A field called like the table's key gets
  an underscore at the end.
- `ttl` travels twice: exactly as `ttlExact`, which conditions and reads use, and rounded up to the whole second that
  DynamoDB's own deletion wants. DynamoDB may delete late by days but never too early.
- Keys of indexes must be text and not empty: there, "" is written as "-" (and dashes alone get one more).
- A connection without target language would not be in the index of its session, which sorts by it: it has "(none)".
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chassis.dynamodb import Attributes, from_attributes, to_attribute, to_attributes
from chassis.tables import Index, Table
from session_svc.store.writes import Above, Below, Change, Condition, Delete, Is, Item, Kind, Put, Value, Write
from session_svc.tables import CONNECTIONS, RATE_LIMITS, SESSIONS

Parameters = dict[str, Any]

_TTL, _TTL_EXACT = "ttl", "ttlExact"
_NO_LANGUAGE = "(none)"
# DynamoDB's bound for a key, in bytes.
_MAX_KEY = 2048


@dataclass(frozen=True, slots=True)
class Home:
    """Where the records of a kind are. `indexes`: by the field that they are found by."""

    table: Table
    prefix: str = ""
    indexes: Mapping[str, Index] = field(default_factory=dict)
    indexed: frozenset[str] = frozenset()

    def key(self, key: str) -> dict[str, Any]:
        """A record's key as it travels."""
        return {self.table.key: {"S": self.prefix + key}}


HOMES: Mapping[Kind, Home] = {
    Kind.SESSION: Home(SESSIONS, "", {"state": SESSIONS.indexes[0]}, frozenset({"state"})),
    Kind.SPEAKER: Home(SESSIONS, "speaker#"),
    Kind.LEASE: Home(SESSIONS, "lease#", {"state": SESSIONS.indexes[0]}, frozenset({"state"})),
    Kind.CONNECTION: Home(
        CONNECTIONS,
        "",
        {"session_id": CONNECTIONS.indexes[0], "edge_id": CONNECTIONS.indexes[1]},
        frozenset({"session_id", "target_language", "edge_id"}),
    ),
    Kind.LIMIT: Home(RATE_LIMITS),
}


def can_be_key(kind: Kind, key: str) -> bool:
    """Whether DynamoDB can hold a record under the key at all."""
    return bool(key) and len((HOMES[kind].prefix + key).encode()) <= _MAX_KEY


def record_of(kind: Kind, attributes: Mapping[str, Mapping[str, Any]]) -> Item:
    """The record that attributes hold, exactly as it was put."""
    home, item = HOMES[kind], dict[str, Value]()
    for name, value in from_attributes(attributes).items():
        if name in (home.table.key, _TTL):
            continue
        field = _field(name)
        if field == "target_language" and value == _NO_LANGUAGE:
            continue
        item[field] = _from_index(str(value)) if field in home.indexed else value
    return item


def key_of(kind: Kind, attributes: Mapping[str, Mapping[str, Any]]) -> str:
    """The key of a record of that kind."""
    home = HOMES[kind]
    return str(attributes[home.table.key]["S"]).removeprefix(home.prefix)


def exists(item: Item, now: float) -> bool:
    """Whether a record that the database holds is one: its ttl has not passed."""
    ttl = item["ttl"]
    return not isinstance(ttl, str) and ttl > now


def written(write: Write, table: str, now: float) -> tuple[str, Parameters]:
    """`Put`, `Update` or `Delete`, and its parameters: the same for a request of its own and within a transaction.

    Conditions mean what `writes.allowed` says, but for one thing: to DynamoDB True is not 1.
    """
    said = _Expression()
    home, parameters = HOMES[write.kind], Parameters(TableName=table)
    conditions = list[str]()
    match write:
        case Put(item=item, fresh=fresh):
            parameters["Item"] = {**home.key(write.key), **_attributes(write.kind, item)}
            if fresh:
                conditions.append(f"attribute_not_exists({said.name(home.table.key)}) OR {said.gone(now)}")
        case Change():
            parameters["Key"] = home.key(write.key)
            parameters["UpdateExpression"] = _update(write, said)
            conditions += [said.there(now), *(_condition(write.kind, one, said) for one in write.where)]
        case Delete(where=where):
            parameters["Key"] = home.key(write.key)
            if where:
                conditions += [said.there(now), *(_condition(write.kind, one, said) for one in where)]
    if conditions:
        parameters["ConditionExpression"] = " AND ".join(conditions)
    return {Put: "Put", Change: "Update", Delete: "Delete"}[type(write)], {**parameters, **said.placeholders()}


def found(kind: Kind, field: str, value: str, table: str, now: float) -> Parameters:
    """The query for one page. Raises ValueError where records are not found by that field."""
    home = HOMES[kind]
    if field not in home.indexes:
        raise ValueError(f"{kind} records are not found by {field}")
    index, said = home.indexes[field], _Expression()
    condition = f"{said.name(index.key)} = {said.value(_to_index(value))}"
    if home.prefix:
        condition += f" AND begins_with({said.name(index.sort)}, {said.value(home.prefix)})"
    parameters = Parameters(TableName=table, IndexName=index.name, KeyConditionExpression=condition)
    if index.whole:
        parameters["FilterExpression"] = said.there(now)
    return {**parameters, **said.placeholders()}


class _Expression:
    """Collects what an expression names. No attribute stands in one by its name: many are reserved words."""

    def __init__(self) -> None:
        self._names, self._values = dict[str, str](), Attributes()

    def name(self, attribute: str) -> str:
        return self._names.setdefault(attribute, f"#{len(self._names)}")

    def value(self, value: Value) -> str:
        return self.value_of(to_attribute(value))

    def value_of(self, attribute: dict[str, Any]) -> str:
        placeholder = f":{len(self._values)}"
        self._values[placeholder] = attribute
        return placeholder

    def there(self, now: float) -> str:
        # False also where there is no record, and so no attribute.
        return f"{self.name(_TTL_EXACT)} > {self.value(now)}"

    def gone(self, now: float) -> str:
        return f"{self.name(_TTL_EXACT)} <= {self.value(now)}"

    def placeholders(self) -> Parameters:
        values = {"ExpressionAttributeValues": self._values} if self._values else {}
        names = {name: attribute for attribute, name in self._names.items()}
        return {**values, "ExpressionAttributeNames": names} if names else values


def _condition(kind: Kind, condition: Condition, said: _Expression) -> str:
    name = said.name(_attribute(kind, condition.field))
    match condition:
        case Is(field, value):
            return f"{name} = {said.value(_value(kind, field, value))}"
        case Below(_, bound):
            return _bounded(name, f"{name} < {said.value(bound)}", missing=bound > 0)
        case Above(_, bound):
            return _bounded(name, f"{name} > {said.value(bound)}", missing=bound < 0)


def _bounded(name: str, comparison: str, *, missing: bool) -> str:
    # A missing field counts as 0; DynamoDB's comparisons are false for it.
    return f"(attribute_not_exists({name}) OR {comparison})" if missing else comparison


def _update(change: Change, said: _Expression) -> str:
    # As `outcome` has it: of a field that is both set and added to, the sum stays.
    fields = {name: value for name, value in change.set.items() if name not in change.add}
    sets = [
        f"{said.name(name)} = {said.value_of(attribute)}"
        for name, attribute in _attributes(change.kind, fields, whole=False).items()
    ]
    sums = [f"{said.name(_attribute(change.kind, name))} {said.value(more)}" for name, more in change.add.items()]
    if not sets and not sums:
        # Only its conditions matter.
        sets = [f"{said.name(_TTL)} = {said.name(_TTL)}"]
    return " ".join([*(["SET " + ", ".join(sets)] if sets else []), *(["ADD " + ", ".join(sums)] if sums else [])])


def _attributes(kind: Kind, item: Item, *, whole: bool = True) -> Attributes:
    attributes = to_attributes({_attribute(kind, name): _value(kind, name, value) for name, value in item.items()})
    if "ttl" in item:
        attributes[_TTL] = {"N": str(math.ceil(float(item["ttl"])))}
    if whole and kind is Kind.CONNECTION and "target_language" not in item:
        attributes["targetLanguage"] = {"S": _NO_LANGUAGE}
    return attributes


def _value(kind: Kind, field: str, value: Value) -> Value:
    if field not in HOMES[kind].indexed:
        return value
    if not isinstance(value, str):
        raise ValueError(f"{field} is the key of an index and must be text")
    return _to_index(value)


def _to_index(value: str) -> str:
    return value + "-" if not value.strip("-") else value


def _from_index(value: str) -> str:
    return value[:-1] if not value.strip("-") else value


def _attribute(kind: Kind, field: str) -> str:
    """listener_count → listenerCount; what follows a colon (a language) stays as it is."""
    if field == "ttl":
        return _TTL_EXACT
    head, colon, rest = field.partition(":")
    name = re.sub("_([a-z])", lambda match: match[1].upper(), head) + colon + rest
    return name + "_" if name == HOMES[kind].table.key else name


def _field(attribute: str) -> str:
    if attribute == _TTL_EXACT:
        return "ttl"
    head, colon, rest = attribute.partition(":")
    return re.sub("([A-Z])", lambda match: "_" + match[1].lower(), head).removesuffix("_") + colon + rest


def batches(keys: Iterable[str], size: int) -> Iterable[list[str]]:
    """The keys, each once, in lists of at most `size`."""
    each = list(dict.fromkeys(keys))
    return (each[start : start + size] for start in range(0, len(each), size))
