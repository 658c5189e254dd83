"""DynamoDB as the services with tables use it: one request at a time, with a deadline, failing in our words.

Hidden here: the SDK, its errors, and how values travel. The SDK's own retries are off: who keeps records decides what
is safe to send twice, and how often fits into the caller's deadline. Tables as data are in `chassis.tables`.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from botocore.exceptions import ClientError

from chassis import aws
from chassis.aws import open_client
from chassis.dynamodb_settings import DynamoSettings
from chassis.errors import Conflict, Unavailable

Value = str | int | float | bool
Attributes = dict[str, dict[str, Any]]

CONDITION_FAILED = "ConditionalCheckFailed"
TRANSACTION_CONFLICT = "TransactionConflict"

# Below it every whole float is that number.
_EXACT = 2**53

# Others are at the same records at this moment.
_CONTENDED = {
    "TransactionConflictException",
    "TransactionInProgressException",
    "ReplicatedWriteConflictException",
}


class Misconfigured(aws.Misconfigured):
    """The database cannot be used as it is set up: no table, no credentials, no region. Trying again is no use."""

    def __init__(self, lacking: str, *, missing_table: bool = False) -> None:
        super().__init__("STORE_UNAVAILABLE", f"DynamoDB cannot be used: {lacking}")
        self.missing_table = missing_table


class Cancelled(Conflict):
    """Nothing was written. `reasons`: one for each record, in the order of the request; "None" where all was well.

    CONDITION_FAILED, TRANSACTION_CONFLICT, or another of DynamoDB's cancellation reasons. A request for one record has
    one reason; a transaction that could not even begin has only TRANSACTION_CONFLICT.
    """

    def __init__(self, reasons: tuple[str, ...]) -> None:
        super().__init__("CONFLICT", "the state changed meanwhile")
        self.reasons = reasons


class DynamoDB:
    """A connected client; safe to use from many tasks."""

    def __init__(self, client: Any, settings: DynamoSettings) -> None:
        self._client, self._settings = client, settings

    def table(self, name: str) -> str:
        """The name of a table with the prefix of this installation."""
        return self._settings.dynamodb_prefix + name

    async def request(self, operation: str, *, timeout: float | None = None, **parameters: Any) -> dict[str, Any]:
        """One request (`put_item`, ...) without retries, and its answer. `timeout` in seconds, else the setting's.

        Raises Cancelled where conditions or other writers stood against it, Unavailable(STORE_UNAVAILABLE) when there
        was no answer or one that says "later" (a write may then have happened or not), Misconfigured where that will
        not change by itself.
        """
        with _errors():
            # Also bounds the wait for a free connection, which the SDK's own time-outs do not.
            async with asyncio.timeout(timeout or self._settings.dynamodb_timeout_seconds):
                answer: dict[str, Any] = await getattr(self._client, operation)(**parameters)
        return answer


@asynccontextmanager
async def open_dynamodb(settings: DynamoSettings) -> AsyncIterator[DynamoDB]:
    """A client, closed at the end. Talks to nobody yet. Raises Misconfigured without a region."""
    with _errors():
        client = open_client(
            "dynamodb",
            region=settings.aws_region,
            endpoint=settings.dynamodb_endpoint,
            timeout=settings.dynamodb_timeout_seconds,
            connections=settings.dynamodb_connections,
            # What is sent is built here and tested; checking it again is a fifth of the time a request takes.
            parameter_validation=False,
        )
        opened = await client.__aenter__()
    try:
        yield DynamoDB(opened, settings)
    finally:
        await client.__aexit__(None, None, None)


def to_attribute(value: Value) -> dict[str, Any]:
    """A value as it travels. Numbers are decimal and exact. Raises ValueError for what DynamoDB has no number for."""
    match value:
        case str():
            return {"S": value}
        case bool():
            return {"BOOL": value}
        case int() if abs(value) < 10**38:
            return {"N": str(value)}
        case float() if value == 0.0 or (math.isfinite(value) and 1e-130 <= abs(value) < 1e126):
            # The shortest decimal that reads as the same float, at most 17 of the 38 digits; as it will come back.
            return {"N": str(int(value)) if value.is_integer() and abs(value) < _EXACT else repr(value)}
        case _:
            raise ValueError(f"not a number that DynamoDB keeps: {value}")


def from_attribute(attribute: Mapping[str, Any]) -> Value:
    """The value. A number without a fraction comes back as int, whatever it was: equal, and DynamoDB does not tell."""
    match attribute:
        case {"S": str(text)}:
            return text
        case {"BOOL": bool(flag)}:
            return flag
        case {"N": str(digits)}:
            try:
                return int(digits)
            except ValueError:
                number = float(digits)
                return int(number) if number.is_integer() and abs(number) < _EXACT else number
        case _:
            raise ValueError(f"not a scalar: {', '.join(attribute)}")


def to_attributes(item: Mapping[str, Value]) -> Attributes:
    """A record as it travels."""
    return {name: to_attribute(value) for name, value in item.items()}


def from_attributes(attributes: Mapping[str, Mapping[str, Any]]) -> dict[str, Value]:
    """A record that travelled."""
    return {name: from_attribute(attribute) for name, attribute in attributes.items()}


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except aws.FAILURES as error:
        raise _failed(error) from error


def _failed(error: Exception) -> Exception:
    """What a request that failed means."""
    failure = aws.failure_of(error, "DynamoDB")
    match failure.code:
        case "ConditionalCheckFailedException":
            return Cancelled((CONDITION_FAILED,))
        case "TransactionCanceledException" if isinstance(error, ClientError):
            reasons = error.response["CancellationReasons"]
            return Cancelled(tuple(str(reason.get("Code", "None")) for reason in reasons))
        case code if code in _CONTENDED:
            return Cancelled((TRANSACTION_CONFLICT,))
        case "ResourceNotFoundException":
            lacking = "a table or index is missing; `python -m <service>.tables create` makes it"
            return Misconfigured(lacking, missing_table=True)
    if failure.meaning is aws.Meaning.LACKING:
        return Misconfigured(failure.detail)
    # What we asked for wrongly is a mistake of ours.
    return error if failure.meaning is aws.Meaning.REFUSED else Unavailable("STORE_UNAVAILABLE", failure.message)
