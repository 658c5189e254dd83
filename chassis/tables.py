"""DynamoDB tables as data: what there is of them, in what it differs, and making what is missing.

What is there is never changed in a way that could lose something: a table or index that differs in its keys is named,
and a person decides.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from chassis.dynamodb import DynamoDB, Misconfigured
from chassis.errors import Unavailable

# Making a table takes Amazon some ten seconds, filling an index of many records minutes.
_PATIENCE_SECONDS = 900.0
_LOOK_EVERY_SECONDS = 1.0
# These requests are rare and slower than those for records.
_REQUEST_SECONDS = 10.0
_UNKNOWN = {"UnknownOperationException", "NotImplementedException", "InvalidAction"}


@dataclass(frozen=True, slots=True)
class Index:
    """A global secondary index; keys are text. `whole`: it holds all attributes, else only the keys."""

    name: str
    key: str
    sort: str = ""
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Table:
    """A table; its key is text. `ttl`: the attribute with the whole second after which DynamoDB deletes a record."""

    name: str
    key: str
    indexes: tuple[Index, ...] = ()
    ttl: str = "ttl"


@dataclass(frozen=True, slots=True)
class Found:
    """What there is of a table; `description` empty when there is none. `backup` is a state, or why there is none."""

    description: dict[str, Any]
    ttl: str = ""
    backup: str = ""


def faults(table: Table, found: Found) -> Iterator[str]:
    """In what a table differs from what it must be; nothing when all is well."""
    there = found.description
    if not there:
        yield "is missing"
        return
    if there["TableStatus"] not in ("ACTIVE", "UPDATING"):
        yield f"is {there['TableStatus']}"
    if _keys(there) != _wanted_keys(table.key):
        yield f"has the key {shown_keys(there)}, not {table.key}; delete it, or choose another DYNAMODB_PREFIX"
    indexes = {index["IndexName"]: index for index in there.get("GlobalSecondaryIndexes", [])}
    for index in table.indexes:
        if index.name not in indexes:
            yield f"lacks the index {index.name}"
        elif _keys(indexes[index.name]) != _wanted_keys(index.key, index.sort):
            yield f"has other keys in the index {index.name}; delete that index, then create"
        elif index.whole and indexes[index.name]["Projection"]["ProjectionType"] != "ALL":
            yield f"has not all attributes in the index {index.name}; delete that index, then create"
        elif indexes[index.name].get("IndexStatus", "ACTIVE") not in ("ACTIVE", "UPDATING"):
            yield f"is still filling the index {index.name}"
    if table.ttl and found.ttl != table.ttl:
        yield f"does not delete expired records (time to live of {table.ttl} is off)"


async def look(database: DynamoDB, table: Table) -> Found:
    """What there is of a table. Raises Unavailable(STORE_UNAVAILABLE), Misconfigured."""
    name = database.table(table.name)
    description = await _description(database, table)
    if not description:
        return Found({})
    return Found(description, await _ttl(database, name), await _backup(database, name))


async def check(database: DynamoDB, tables: Sequence[Table], service: str) -> None:
    """That a service can start: every table and index is there. Raises Misconfigured with what to do, Unavailable."""
    for table in tables:
        wrong = list(faults(table, Found(await _description(database, table), table.ttl)))
        if wrong:
            name = database.table(table.name)
            raise Misconfigured(f"table {name} {wrong[0]}. `python -m {service}.tables create` makes what is missing")


async def create(
    database: DynamoDB, tables: Sequence[Table], *, ttl: bool = True, point_in_time_recovery: bool = False
) -> None:
    """Makes what is missing of the tables, all at once, and waits until they can be used. Repeated, changes nothing.

    Raises Unavailable, also when DynamoDB is not done within 15 minutes.
    """
    async with asyncio.TaskGroup() as tasks:
        for table in tables:
            tasks.create_task(_create(database, table, ttl, point_in_time_recovery))


# ------------------------------------------------------------------------------------------------ looking


async def _description(database: DynamoDB, table: Table) -> dict[str, Any]:
    try:
        answer = await _request(database, "describe_table", TableName=database.table(table.name))
    except Misconfigured as error:
        if error.missing_table:
            return {}
        raise
    description: dict[str, Any] = answer["Table"]
    return description


async def _ttl(database: DynamoDB, name: str) -> str:
    answer = await _request(database, "describe_time_to_live", TableName=name)
    state = answer.get("TimeToLiveDescription", {})
    on = state.get("TimeToLiveStatus") in ("ENABLED", "ENABLING")
    return str(state.get("AttributeName", "")) if on else ""


async def _backup(database: DynamoDB, name: str) -> str:
    try:
        answer = await _request(database, "describe_continuous_backups", TableName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] not in _UNKNOWN:
            raise
        return "not offered by this server"
    state = answer["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription", {})
    return str(state.get("PointInTimeRecoveryStatus", "DISABLED")).lower()


def _keys(there: dict[str, Any]) -> list[tuple[str, str]]:
    return sorted((key["KeyType"], key["AttributeName"]) for key in there["KeySchema"])


def _wanted_keys(key: str, sort: str = "") -> list[tuple[str, str]]:
    return [("HASH", key), *([("RANGE", sort)] if sort else [])]


def shown_keys(there: dict[str, Any]) -> str:
    """The keys of a table or index as DynamoDB describes it: `sessionId + targetLanguage`."""
    return " + ".join(name for _, name in _keys(there))


# ------------------------------------------------------------------------------------------------ making


async def _create(database: DynamoDB, table: Table, ttl: bool, point_in_time_recovery: bool) -> None:
    name = database.table(table.name)
    if not await _description(database, table):
        await _see_to(partial(_description, database, table), database, "create_table", **_specification(name, table))
    there = {index["IndexName"] for index in (await _settled(database, table)).get("GlobalSecondaryIndexes", [])}
    for index in table.indexes:
        if index.name not in there:
            await _see_to(
                partial(_has_index, database, table, index.name),
                database,
                "update_table",
                TableName=name,
                AttributeDefinitions=_attributes(table),
                GlobalSecondaryIndexUpdates=[{"Create": _index(index)}],
            )
            # Amazon fills one index at a time.
            await _settled(database, table)
    if ttl and table.ttl and await _ttl(database, name) != table.ttl:
        specification = {"Enabled": True, "AttributeName": table.ttl}
        await _see_to(
            partial(_ttl, database, name),
            database,
            "update_time_to_live",
            TableName=name,
            TimeToLiveSpecification=specification,
        )
    if point_in_time_recovery and await _backup(database, name) == "disabled":
        await _request(
            database,
            "update_continuous_backups",
            TableName=name,
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
        )


async def _settled(database: DynamoDB, table: Table) -> dict[str, Any]:
    """Waits until nothing is being made, and describes what there is."""
    give_up = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < give_up:
        there = await _description(database, table)
        states = [index.get("IndexStatus", "ACTIVE") for index in there.get("GlobalSecondaryIndexes", [])]
        if there and {there["TableStatus"], *states} == {"ACTIVE"}:
            return there
        await asyncio.sleep(_LOOK_EVERY_SECONDS)
    raise Unavailable("STORE_UNAVAILABLE", f"table {database.table(table.name)} is not ready yet; try again later")


def _specification(name: str, table: Table) -> dict[str, Any]:
    indexes = {"GlobalSecondaryIndexes": [_index(index) for index in table.indexes]} if table.indexes else {}
    return {
        "TableName": name,
        "KeySchema": _schema(table.key),
        "AttributeDefinitions": _attributes(table),
        "BillingMode": "PAY_PER_REQUEST",
        **indexes,
    }


def _attributes(table: Table) -> list[dict[str, str]]:
    names = {table.key, *(name for index in table.indexes for name in (index.key, index.sort) if name)}
    return [{"AttributeName": name, "AttributeType": "S"} for name in sorted(names)]


def _index(index: Index) -> dict[str, Any]:
    return {
        "IndexName": index.name,
        "KeySchema": _schema(index.key, index.sort),
        "Projection": {"ProjectionType": "ALL" if index.whole else "KEYS_ONLY"},
    }


def _schema(key: str, sort: str = "") -> list[dict[str, str]]:
    return [{"AttributeName": name, "KeyType": kind} for kind, name in _wanted_keys(key, sort)]


async def _request(database: DynamoDB, operation: str, **parameters: Any) -> dict[str, Any]:
    return await database.request(operation, timeout=_REQUEST_SECONDS, **parameters)


async def _see_to(done: Callable[[], Awaitable[object]], database: DynamoDB, operation: str, **parameters: Any) -> None:
    """The request; an error is fine when it is `done`: another process does the same at this moment."""
    try:
        await _request(database, operation, **parameters)
    except (ClientError, Unavailable):
        if not await done():
            raise


async def _has_index(database: DynamoDB, table: Table, name: str) -> bool:
    there = (await _description(database, table)).get("GlobalSecondaryIndexes", [])
    return any(index["IndexName"] == name for index in there)
