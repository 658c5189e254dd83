"""What only DynamoDB does: conflicts, throttling, lost answers, pages, tables. On real servers, by the real SDK."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chassis.breaker import BreakerTerms
from chassis.dynamodb import DynamoDB, Misconfigured, open_dynamodb
from chassis.dynamodb_settings import DynamoSettings
from chassis.errors import Exhausted, Unavailable
from chassis.probing import free_port
from chassis.table_command import main
from chassis.tables import Index, Table, create, faults, look
from session_svc.config import Config
from session_svc.connections import Joining
from session_svc.domain.patience import Patience
from session_svc.records import find_connections, read_session
from session_svc.service import open_service
from session_svc.sessions import Opening
from session_svc.store import Store, open_store
from session_svc.store.dynamodb import DynamoStore
from session_svc.store.guarded import Guarded
from session_svc.store.writes import Below, Change, Contended, Delete, Is, Item, Kind, Once, Put, Refused
from session_svc.tables import CONNECTIONS, TABLES
from tests.contract.test_session_store import Clock, Dice, one, patient, record
from tests.databases import DYNAMODBS, settings_of, tables_of, url_of
from tests.fakes.database import Cancelled, FaultyDatabase, HalfAnswer, LostAnswer, Refusal, Stall, faulty

CONFLICT = Cancelled(("TransactionConflict", "None"))


@dataclass(frozen=True)
class Rig:
    """A store that speaks with a database through something that breaks."""

    store: Store
    database: FaultyDatabase
    config: Config


@asynccontextmanager
async def rig_of(name: str, **changed: Any) -> AsyncIterator[Rig]:
    settings = settings_of(name, **changed)
    direct = Config(store="dynamodb", **settings)
    async with tables_of(direct, *TABLES), faulty(url_of(name)) as database:
        config = patient(Config(store="dynamodb", **{**settings, "dynamodb_endpoint": database.url}))
        async with open_store(config) as store:
            yield Rig(store, database, config)


@pytest.fixture(params=DYNAMODBS)
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    async with rig_of(request.param) as made:
        yield made


@pytest.fixture
async def local() -> AsyncIterator[Rig]:
    """On one of them only: what happens is decided before the request gets there."""
    async with rig_of(DYNAMODBS[0]) as made:
        yield made


def counting(name: str = "b") -> list[Put | Change]:
    """A transaction that must not happen twice."""
    return [Put(Kind.CONNECTION, name, record(), fresh=True), Change(Kind.SESSION, "a", add={"n": 1})]


async def counted(rig: Rig) -> float | int:
    item = await one(rig.store, "a")
    assert item is not None
    assert not isinstance(item["n"], str)
    return item["n"]


@pytest.fixture
async def held(local: Rig) -> Rig:
    """With a session that counts."""
    await local.store.write([Put(Kind.SESSION, "a", record(n=0))], 1.0)
    return local


# Others at the same record.


async def test_a_transaction_that_collides_goes_through_when_the_other_is_done(held: Rig) -> None:
    held.database.inject("TransactWriteItems", CONFLICT, Cancelled(("None", "TransactionConflict")), CONFLICT)
    await held.store.write(counting(), 1.0)
    assert (await counted(held), held.database.asked["TransactWriteItems"]) == (1, 4)


async def test_a_single_write_that_collides_with_a_transaction_goes_through_when_that_is_done(held: Rig) -> None:
    held.database.inject("UpdateItem", Refusal("TransactionConflictException"), Refusal("TransactionConflictException"))
    await held.store.write([Change(Kind.SESSION, "a", add={"n": 1})], 1.0)
    assert (await counted(held), held.database.asked["UpdateItem"]) == (1, 3)


async def test_collisions_without_end_are_contention_and_not_a_fault_of_the_database(held: Rig) -> None:
    held.database.inject("TransactWriteItems", *[CONFLICT] * 5)
    with pytest.raises(Contended):
        await held.store.write(counting(), 1.0)
    assert await counted(held) == 0
    await held.store.write(counting(), 1.0)
    assert await counted(held) == 1


async def test_a_refusal_beside_a_collision_is_asked_again_until_all_refusals_are_known(held: Rig) -> None:
    await held.store.write([Put(Kind.CONNECTION, "taken", record())], 1.0)
    held.database.inject("TransactWriteItems", Cancelled(("ConditionalCheckFailed", "TransactionConflict")))
    with pytest.raises(Refused) as refused:
        await held.store.write(
            [
                Put(Kind.CONNECTION, "taken", record()),
                Change(Kind.SESSION, "a", (Below("n", 0),), add={"n": 1}),
            ],
            1.0,
        )
    assert refused.value.positions == {0, 1}


@pytest.mark.parametrize("reason", ["ProvisionedThroughputExceeded", "ThrottlingError"])
async def test_a_throttled_transaction_is_contention_and_not_asked_again_at_once(held: Rig, reason: str) -> None:
    held.database.inject("TransactWriteItems", Cancelled((reason, "None")))
    with pytest.raises(Contended):
        await held.store.write(counting(), 1.0)
    assert held.database.asked["TransactWriteItems"] == 1


async def test_a_transaction_still_in_progress_is_asked_for_again(held: Rig) -> None:
    held.database.inject("TransactWriteItems", Refusal("TransactionInProgressException"))
    await held.store.write(counting(), 1.0)
    assert await counted(held) == 1


@pytest.mark.parametrize("name", DYNAMODBS)
async def test_a_crowd_at_two_instances_lets_exactly_the_capacity_in(name: str) -> None:
    settings = settings_of(name, capacity=20)
    config = patient(Config(store="dynamodb", **settings))
    clock = Clock()
    async with tables_of(config, *TABLES), open_store(config) as first, open_store(config) as second:
        with (
            open_service(config, first, clock, Dice()) as one_instance,
            open_service(config, second, clock, Dice()) as other,
        ):
            session = await one_instance.sessions.open(Opening("speaker", "user", "edge-1", "en", "standard"))
            # Some ask at both at once.
            asked = [(one_instance, range(60)), (other, range(50, 100))]
            joins = [
                service.connections.join(Joining(session.session_id, f"listener-{number}", "edge-1", "es"))
                for service, numbers in asked
                for number in numbers
            ]
            results = await asyncio.gather(*joins, return_exceptions=True)
            assert {error.reason for error in results if isinstance(error, Exhausted)} == {"SESSION_FULL"}
            assert not [error for error in results if isinstance(error, Exception) and not isinstance(error, Exhausted)]
            stored = await read_session(first, session.session_id, clock())
            assert stored is not None
            found = [c async for c in find_connections(first, "session_id", session.session_id, clock())]
            assert (stored.listener_count, len(found)) == (20, 21)


async def test_a_crowd_that_waits_in_vain_for_one_session_does_not_open_the_breaker(held: Rig) -> None:
    held.database.inject("TransactWriteItems", Stall())
    async with open_dynamodb(held.config) as database, asyncio.TaskGroup() as tasks:
        store = DynamoStore(database, 1000, turn_seconds=1.0)
        first = tasks.create_task(store.write(counting("first"), 1.0))
        # Now it has its turn, and keeps it.
        await asyncio.sleep(0)
        patience, terms = Patience(tries=3, backoff=0.1, seconds=3.0), BreakerTerms(failures=5, rest=1e6)
        guarded = Guarded(store, patience, terms, time.monotonic, random.random)
        crowd = [guarded.write(counting(str(number)), 1.0) for number in range(50)]
        assert {type(result) for result in await asyncio.gather(*crowd, return_exceptions=True)} == {Contended}
        first.cancel()
        await asyncio.wait([first])
        await guarded.write(counting("last"), 1.0)
    assert await counted(held) == 1


# A database that does not answer.


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("ProvisionedThroughputExceededException", 400),
        ("ThrottlingException", 400),
        ("RequestLimitExceeded", 400),
        ("InternalServerError", 500),
        ("ServiceUnavailable", 503),
    ],
)
async def test_an_answer_that_says_later_is_unavailability(held: Rig, code: str, status: int) -> None:
    held.database.inject("PutItem", Refusal(code, status))
    held.database.inject("GetItem", Refusal(code, status))
    with pytest.raises(Unavailable, match="STORE_UNAVAILABLE") as failure:
        await held.store.write([Put(Kind.SESSION, "c", record())], 1.0)
    assert (failure.value.retryable, isinstance(failure.value, Contended)) == (True, False)
    with pytest.raises(Unavailable, match="STORE_UNAVAILABLE"):
        await one(held.store, "a")
    # The SDK must not try by itself: the caller's time is not its to spend.
    assert (held.database.asked["GetItem"], held.database.asked["PutItem"]) == (1, 2)


async def test_a_database_that_stalls_is_unavailable_before_the_caller_gives_up(held: Rig) -> None:
    for operation in ("GetItem", "TransactWriteItems", "Query"):
        held.database.inject(operation, Stall())
    impatient = held.config.model_copy(update={"dynamodb_timeout_seconds": 0.3})
    async with open_dynamodb(impatient) as database, asyncio.timeout(30):
        store = DynamoStore(database, 10, 1.0)
        with pytest.raises(Unavailable, match="STORE_UNAVAILABLE"):
            await one(store, "a")
        with pytest.raises(Unavailable, match="STORE_UNAVAILABLE"):
            await store.write(counting(), 1.0)
        with pytest.raises(Unavailable, match="STORE_UNAVAILABLE"):
            await anext(store.find(Kind.SESSION, "state", "live", 1.0))
    assert await counted(held) == 0


class Busy:
    """A client that does one thing after the other, as a process with one event loop does."""

    def __init__(self) -> None:
        self._doing = asyncio.Lock()

    async def get_item(self, **_: Any) -> dict[str, Any]:
        async with self._doing:
            await asyncio.sleep(0.02)
        return {}


async def test_what_waits_for_its_turn_in_this_process_is_not_taken_for_a_silent_database() -> None:
    settings = DynamoSettings(DYNAMODB_TIMEOUT_SECONDS=1.0)
    store = DynamoStore(DynamoDB(Busy(), settings), 1000, 1.0, connections=2)
    async with asyncio.timeout(60):
        crowd = await asyncio.gather(*(one(store, str(number)) for number in range(75)), return_exceptions=True)
    assert crowd == [None] * 75


async def test_a_dead_database_is_unavailable_at_the_start_and_later() -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    config = Config(store="dynamodb", **{**settings_of(DYNAMODBS[0]), "dynamodb_endpoint": nobody})
    with pytest.raises(Unavailable, match="does not answer"):
        async with open_store(config):
            pass
    async with open_dynamodb(config) as database:
        store = DynamoStore(database, 10, 1.0)
        with pytest.raises(Unavailable, match="STORE_UNAVAILABLE"):
            await store.write(counting(), 1.0)


async def test_a_transaction_whose_answer_was_lost_is_not_made_twice(rig: Rig) -> None:
    await rig.store.write([Put(Kind.SESSION, "a", record(n=0))], 1.0)
    once = Once(counting(), 0.0)
    rig.database.inject("TransactWriteItems", LostAnswer())
    with pytest.raises(Unavailable, match="STORE_UNAVAILABLE"):
        await rig.store.write(once, 1.0)
    await rig.store.write(once, 1.0)
    assert await counted(rig) == 1
    # The same words again are another transaction.
    with pytest.raises(Refused):
        await rig.store.write(Once(counting(), 0.0), 1.0)


async def test_a_join_whose_answer_was_lost_counts_once(rig: Rig) -> None:
    with open_service(rig.config, rig.store, Clock(), Dice()) as service:
        session = await service.sessions.open(Opening("speaker", "user", "edge-1", "en", "standard"))
        rig.database.inject("TransactWriteItems", LostAnswer())
        joined = await service.connections.join(Joining(session.session_id, "listener", "edge-1", "es"))
    assert (joined.listener_count, joined.language_counts) == (1, {"es": 1})


async def test_keys_that_the_database_leaves_out_are_asked_for_again(rig: Rig) -> None:
    names = [str(number) for number in range(250)]
    for start in range(0, 250, 50):
        await rig.store.write([Put(Kind.SESSION, name, record(name=name)) for name in names[start : start + 50]], 1.0)
    rig.database.inject("BatchGetItem", HalfAnswer(), HalfAnswer())
    there = await rig.store.read(Kind.SESSION, [*names, "missing", "7", ""], 1.0)
    assert there == {name: record(name=name) for name in names}
    assert rig.database.asked["BatchGetItem"] == 3 + 2


async def test_more_operations_than_may_wait_are_refused_and_the_database_is_not_to_blame() -> None:
    async with rig_of(DYNAMODBS[0], store_waiting=5) as rig:
        puts = [rig.store.write([Put(Kind.SESSION, str(number), record())], 1.0) for number in range(50)]
        results = await asyncio.gather(*puts, return_exceptions=True)
        assert sum(isinstance(result, Contended) for result in results) == 45
        assert await one(rig.store, "0") is not None


# Searching.


async def test_finding_goes_on_where_a_page_ends(rig: Rig) -> None:
    leases = [Put(Kind.LEASE, f"edge-{number}", record(edge_id=f"edge-{number}", state="held")) for number in range(25)]
    await rig.store.write(leases, 1.0)
    await rig.store.write([Put(Kind.SESSION, f"s-{at}", record(state="held", at=at)) for at in range(25)], 1.0)
    async with open_dynamodb(rig.config) as database:
        paged = DynamoStore(database, 1000, 1.0, page=10)
        found = sorted([str(item["edge_id"]) async for item in paged.find(Kind.LEASE, "state", "held", 1.0)])
    assert found == sorted(f"edge-{number}" for number in range(25))
    assert rig.database.asked["Query"] >= 3


async def test_finding_reads_more_than_a_megabyte(rig: Rig) -> None:
    for start in range(0, 400, 100):
        big = [record(name=str(at), session_id="s", padding="x" * 4000) for at in range(start, start + 100)]
        await rig.store.write([Put(Kind.CONNECTION, str(item["name"]), item) for item in big], 1.0)
    async with open_dynamodb(rig.config) as database:
        # The page ends where DynamoDB says.
        store = DynamoStore(database, 1000, 1.0, page=10_000)
        found = {str(item["name"]) async for item in store.find(Kind.CONNECTION, "session_id", "s", 1.0)}
    assert found == {str(at) for at in range(400)}
    assert rig.database.asked["Query"] >= 2


async def test_expired_records_are_passed_over_on_every_page_to_the_fraction_of_a_second(rig: Rig) -> None:
    writes = [
        Put(Kind.CONNECTION, f"{at}", record(ttl=100.5 if at % 3 else 200.0, name=at, session_id="s", edge_id="e"))
        for at in range(30)
    ]
    await rig.store.write(writes, 1.0)
    async with open_dynamodb(rig.config) as database:
        paged = DynamoStore(database, 1000, 1.0, page=4)
        before = [item["name"] async for item in paged.find(Kind.CONNECTION, "edge_id", "e", 100.4)]
        after = [item["name"] async for item in paged.find(Kind.CONNECTION, "edge_id", "e", 100.5)]
    assert sorted(map(int, before)) == list(range(30))
    assert sorted(map(int, after)) == list(range(0, 30, 3))
    with pytest.raises(Refused):
        await rig.store.write([Delete(Kind.CONNECTION, "1", (Is("name", 1),))], 100.5)
    await rig.store.write([Delete(Kind.CONNECTION, "0", (Is("name", 0),)), Put(Kind.CONNECTION, "1", record())], 100.5)


async def test_empty_and_missing_fields_of_indexes_come_back_as_they_were(rig: Rig) -> None:
    items: list[Item] = [
        record(session_id="s", target_language=""),
        record(session_id="s"),
        record(session_id="s", target_language="pt-BR", edge_id="e"),
        record(target_language="-"),
    ]
    await rig.store.write([Put(Kind.CONNECTION, str(at), item) for at, item in enumerate(items)], 1.0)
    there = await rig.store.read(Kind.CONNECTION, [str(at) for at in range(4)], 1.0)
    assert [there[str(at)] for at in range(4)] == items
    found = [item async for item in rig.store.find(Kind.CONNECTION, "session_id", "s", 1.0)]
    assert len(found) == 3
    assert all(item in found for item in items[:3])
    speaker = Is("target_language", "")
    await rig.store.write([Change(Kind.CONNECTION, "0", (speaker,), set={"target_language": "es"})], 1.0)
    with pytest.raises(Refused):
        await rig.store.write([Change(Kind.CONNECTION, "1", (speaker,), set={"target_language": "es"})], 1.0)


# Tables.


@pytest.mark.parametrize("name", DYNAMODBS)
async def test_what_is_missing_of_the_tables_is_made_and_nothing_else(name: str) -> None:
    config = Config(**settings_of(name))
    before = Table("Connections", "connectionId", CONNECTIONS.indexes[:1])
    async with open_dynamodb(config) as database:
        await create(database, [before], ttl=False)
        await database.request(
            "put_item", TableName=database.table("Connections"), Item={"connectionId": {"S": "c"}, "edgeId": {"S": "e"}}
        )
        wrong = [list(faults(table, await look(database, table))) for table in TABLES]
        assert wrong[0] == wrong[2] == ["is missing"]
        assert wrong[1] == [
            "lacks the index edgeId-index",
            "does not delete expired records (time to live of ttl is off)",
        ]
        for _ in range(2):
            await create(database, TABLES, point_in_time_recovery=True)
            found = [await look(database, table) for table in TABLES]
            assert [list(faults(table, it)) for table, it in zip(TABLES, found, strict=True)] == [[], [], []]
        assert found[1].description["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
        # The new index holds what was there before.
        answer = await database.request(
            "query",
            TableName=database.table("Connections"),
            IndexName="edgeId-index",
            KeyConditionExpression="edgeId = :e",
            ExpressionAttributeValues={":e": {"S": "e"}},
        )
        assert answer["Count"] == 1


class Beaten(DynamoDB):
    """Whatever is to be made, another process has made it a moment before."""

    def __init__(self, database: DynamoDB) -> None:
        self._database = database

    def table(self, name: str) -> str:
        return self._database.table(name)

    async def request(self, operation: str, *, timeout: float | None = None, **parameters: Any) -> dict[str, Any]:
        if operation.startswith(("create_", "update_")):
            await self._database.request(operation, timeout=timeout, **parameters)
        return await self._database.request(operation, timeout=timeout, **parameters)


@pytest.mark.parametrize("name", DYNAMODBS)
async def test_two_processes_that_make_the_tables_at_once_do_not_stumble(name: str) -> None:
    config = Config(**settings_of(name))
    async with open_dynamodb(config) as database:
        beaten = Beaten(database)
        await create(beaten, [Table("Connections", "connectionId", CONNECTIONS.indexes[:1])], ttl=False)
        await create(beaten, TABLES)
        assert [list(faults(table, await look(database, table))) for table in TABLES] == [[], [], []]


@pytest.mark.parametrize("name", DYNAMODBS)
async def test_a_service_does_not_start_on_tables_that_lack_something(name: str) -> None:
    config = Config(store="dynamodb", **settings_of(name))
    with pytest.raises(Misconfigured, match=r"Sessions is missing. `python -m session_svc.tables create`") as failure:
        async with open_store(config):
            pass
    assert not failure.value.retryable
    async with open_dynamodb(config) as database:
        other = Index("sessionId-targetLanguage-index", "sessionId")
        await create(database, [Table("Connections", "connectionId", (other,)), *TABLES[::2]], ttl=False)
        with pytest.raises(Misconfigured, match="other keys in the index"):
            async with open_store(config):
                pass


@pytest.mark.parametrize("name", DYNAMODBS)
def test_the_command_makes_and_describes_and_says_by_its_status_what_is_wrong(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = settings_of(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", settings["dynamodb_endpoint"])
    monkeypatch.setenv("AWS_REGION", settings["aws_region"])
    monkeypatch.setenv("DYNAMODB_PREFIX", settings["dynamodb_prefix"])
    prefix = settings["dynamodb_prefix"]

    def told(*arguments: str) -> tuple[int, str]:
        status = main("session_svc", Config, TABLES, list(arguments))
        return status, capsys.readouterr().out

    assert told("describe") == (
        1,
        "".join(f"{prefix}{table.name}\n  WRONG: is missing\n" for table in TABLES),
    )
    status, made = told("create", "--no-ttl")
    assert status == 0
    assert f"{prefix}Connections  ACTIVE" in made
    assert told("describe")[0] == 1
    assert told("create") == told("create") == (0, told("describe")[1])
    described = told("describe")[1]
    for line in (
        "  key      connectionId",
        "  index    sessionId-targetLanguage-index: sessionId + targetLanguage; all attributes; ACTIVE",
        "  index    state-index: state + sessionId; keys only; ACTIVE",
        "  billing  on demand",
        "  ttl      ttl",
    ):
        assert line in described


def test_the_command_says_in_a_sentence_why_it_cannot(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    assert main("session_svc", Config, TABLES, ["create"]) == 1
    said = capsys.readouterr().err
    assert "DynamoDB does not answer" in said
    assert "Traceback" not in said
