"""What every session store must do, and what the rules of sessions make of it. A new store joins by one line."""

import asyncio
import os
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from chassis.errors import Conflict, Exhausted, NotFound, Unavailable
from session_svc.config import Config
from session_svc.connections import Joining
from session_svc.domain.session import Role, Session, State
from session_svc.records import find_connections, read_session
from session_svc.refreshes import Refreshing
from session_svc.service import Service, open_service
from session_svc.sessions import Opening, Steering
from session_svc.store import Store, open_store
from session_svc.store.writes import Above, Below, Change, Delete, Is, Item, Kind, Put, Refused, Write
from session_svc.tables import TABLES
from tests.databases import DYNAMODBS, settings_of, tables_of

T = TypeVar("T")

STORES = ["sqlite", *DYNAMODBS]
Around = Callable[[Store], Store]


class Clock:
    """Stands still until told."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Dice:
    """Numbers below a bound, in turn: every draw differs and every run is the same."""

    def __init__(self) -> None:
        self._at = 0

    def __call__(self, bound: int) -> int:
        self._at += 7919
        return self._at % bound


@dataclass(frozen=True)
class Rig:
    """A store, the service over it, and the clock of both."""

    store: Store
    service: Service
    clock: Clock

    async def opened(self, connection: str = "speaker-1", speaker: str = "user-1", **more: Any) -> Session:
        return await self.service.sessions.open(Opening(connection, speaker, "edge-1", "en", "standard", **more))

    async def join(self, session: Session, connection: str, language: str = "es", edge: str = "edge-1") -> Session:
        return await self.service.connections.join(Joining(session.session_id, connection, edge, language))

    async def stored(self, session: Session) -> Session:
        found = await read_session(self.store, session.session_id, self.clock())
        assert found is not None
        return found

    async def languages(self, session: Session) -> Counter[str]:
        """Listeners by language, counted from the records themselves."""
        found = find_connections(self.store, "session_id", session.session_id, self.clock())
        return Counter([record.target_language async for record in found if record.role is Role.LISTENER])


def patient(config: Config) -> Config:
    """Waits longer than the settings allow, for a machine on which much else runs."""
    return config.model_copy(update={"store_patience_seconds": 60.0})


@asynccontextmanager
async def store_of(name: str, folder: Path, **changed: Any) -> AsyncIterator[tuple[Config, Store]]:
    """One of STORES with nothing in it, opened as the service opens it."""
    if name not in DYNAMODBS:
        config = Config(LINGOCAST_DATA=folder, store=name, **changed)
        async with open_store(config) as store:
            yield config, store
        return
    config = patient(Config(LINGOCAST_DATA=folder, store="dynamodb", **{**settings_of(name), **changed}))
    async with tables_of(config, *TABLES), open_store(config) as store:
        yield config, store


@asynccontextmanager
async def rig_of(
    store: str, folder: Path, below: Callable[[int], int] | None = None, around: Around | None = None, **changed: Any
) -> AsyncIterator[Rig]:
    clock = Clock()
    async with store_of(store, folder, **changed) as (config, bare):
        opened = around(bare) if around else bare
        with open_service(config, opened, clock, below or Dice()) as service:
            yield Rig(opened, service, clock)


@pytest.fixture(params=STORES)
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig_of(request.param, tmp_path, capacity=20) as made:
        yield made


def record(ttl: float = 2_000_000.0, **fields: str | int | float | bool) -> Item:
    return {"ttl": ttl, **fields}


async def one(store: Store, key: str, now: float = 1.0) -> Item | None:
    return (await store.read(Kind.SESSION, [key], now)).get(key)


# The port itself.


async def test_what_was_written_is_read_whole(rig: Rig) -> None:
    item = record(state="live", volume=0.3, listener_count=2**40, paused=True, name="às ☀")
    await rig.store.write([Put(Kind.SESSION, "a", item)], 1.0)
    assert await rig.store.read(Kind.SESSION, ["a", "missing"], 1.0) == {"a": item}


async def test_kinds_do_not_see_each_others_keys(rig: Rig) -> None:
    await rig.store.write([Put(Kind.SESSION, "a", record(state="live"))], 1.0)
    assert await rig.store.read(Kind.LEASE, ["a"], 1.0) == {}


async def test_one_refused_write_undoes_all_and_every_refusal_is_named(rig: Rig) -> None:
    await rig.store.write([Put(Kind.SESSION, "a", record(n=1))], 1.0)
    with pytest.raises(Refused) as refused:
        await rig.store.write(
            [
                Put(Kind.SESSION, "b", record(n=1)),
                Put(Kind.SESSION, "a", record(n=2)),
                Change(Kind.SESSION, "missing", add={"n": 1}),
                Change(Kind.CONNECTION, "c", where=(Is("n", 1),)),
            ],
            1.0,
        )
    assert refused.value.positions == {1, 2, 3}
    assert await one(rig.store, "b") is None
    assert await one(rig.store, "a") == record(n=1)


async def test_conditions_guard_changes_and_deletions(rig: Rig) -> None:
    await rig.store.write([Put(Kind.SESSION, "a", record(state="live", n=3))], 1.0)
    await rig.store.write(
        [Change(Kind.SESSION, "a", (Is("state", "live"), Below("n", 4), Above("n", 2)), add={"n": 1})], 1.0
    )
    for write in (
        Change(Kind.SESSION, "a", (Below("n", 4),), add={"n": 1}),
        Change(Kind.SESSION, "a", (Is("state", "ended"),), set={"state": "x"}),
        Delete(Kind.SESSION, "a", (Above("n", 4),)),
    ):
        with pytest.raises(Refused):
            await rig.store.write([write], 1.0)
    assert await one(rig.store, "a") == record(state="live", n=4)
    await rig.store.write([Delete(Kind.SESSION, "a", (Is("n", 4),))], 1.0)
    assert await one(rig.store, "a") is None


async def test_a_record_is_gone_for_reads_and_conditions_when_its_ttl_has_passed(rig: Rig) -> None:
    await rig.store.write([Put(Kind.SESSION, "a", record(ttl=100.0, state="live"))], 1.0)
    assert await one(rig.store, "a", 99.9) is not None
    assert await one(rig.store, "a", 100.0) is None
    assert [item async for item in rig.store.find(Kind.SESSION, "state", "live", 100.0)] == []
    with pytest.raises(Refused):
        await rig.store.write([Change(Kind.SESSION, "a", set={"state": "x"})], 100.0)
    fresh = record(ttl=300.0, state="new")
    await rig.store.write([Put(Kind.SESSION, "a", fresh)], 100.0)
    assert await one(rig.store, "a", 100.0) == fresh


@pytest.mark.parametrize("store", STORES)
async def test_sweeping_deletes_what_is_gone_and_nothing_else(store: str, tmp_path: Path) -> None:
    async with store_of(store, tmp_path) as (_, opened):
        await opened.write([Put(Kind.LIMIT, str(at), record(ttl=float(at))) for at in range(1, 100)], 0.0)
        swept = await opened.sweep(50.0)
        # Seen from before their ttl, what was swept is still gone. DynamoDB deletes by itself, and when it likes.
        left = await opened.read(Kind.LIMIT, [str(at) for at in range(1, 100)], 0.0)
        assert set(left) == {str(at) for at in range(1 + swept, 100)}
        assert swept == (0 if store in DYNAMODBS else 50)


async def test_finding_reads_every_page_and_follows_changes(rig: Rig) -> None:
    for start in range(0, 1200, 100):
        names = [str(number) for number in range(start, start + 100)]
        await rig.store.write(
            [Put(Kind.CONNECTION, name, record(name=name, session_id="s", edge_id="e")) for name in names], 1.0
        )
    await rig.store.write([Change(Kind.CONNECTION, "7", set={"edge_id": "other"}), Delete(Kind.CONNECTION, "8")], 1.0)
    of_session = [item["name"] async for item in rig.store.find(Kind.CONNECTION, "session_id", "s", 1.0)]
    of_edge = [item["name"] async for item in rig.store.find(Kind.CONNECTION, "edge_id", "e", 1.0)]
    assert sorted(of_session) == sorted({str(number) for number in range(1200)} - {"8"})
    assert set(of_session) - set(of_edge) == {"7"}


async def test_additions_at_once_are_all_counted(rig: Rig) -> None:
    await rig.store.write([Put(Kind.SESSION, "a", record(n=0))], 1.0)
    await asyncio.gather(*(rig.store.write([Change(Kind.SESSION, "a", add={"n": 1})], 1.0) for _ in range(200)))
    assert await one(rig.store, "a") == record(n=200)


async def test_of_two_writers_with_one_condition_one_wins(rig: Rig) -> None:
    await rig.store.write([Put(Kind.SESSION, "a", record(owner="nobody"))], 1.0)
    take = [Change(Kind.SESSION, "a", (Is("owner", "nobody"),), set={"owner": str(who)}) for who in range(20)]
    results = await asyncio.gather(*(rig.store.write([write], 1.0) for write in take), return_exceptions=True)
    assert sum(result is None for result in results) == 1
    assert sum(isinstance(result, Refused) for result in results) == 19


# Sessions over it.


async def test_a_hundred_joins_at_once_let_exactly_the_capacity_in(rig: Rig) -> None:
    session = await rig.opened()
    results = await asyncio.gather(
        *(rig.join(session, f"listener-{number}", "es" if number % 2 else "fr") for number in range(100)),
        return_exceptions=True,
    )
    refused = [result for result in results if isinstance(result, Exhausted)]
    assert [error.reason for error in refused] == ["SESSION_FULL"] * 80
    stored = await rig.stored(session)
    assert stored.listener_count == 20
    assert stored.language_counts == await rig.languages(session)


async def test_one_join_repeated_at_once_counts_once(rig: Rig) -> None:
    session = await rig.opened()
    await asyncio.gather(*(rig.join(session, "listener-1") for _ in range(30)))
    assert (await rig.stored(session)).language_counts == {"es": 1}


async def test_a_full_session_still_answers_a_repeated_join_and_a_refresh(rig: Rig) -> None:
    session = await rig.opened()
    for number in range(20):
        await rig.join(session, f"listener-{number}")
    assert (await rig.join(session, "listener-3")).listener_count == 20
    swapped = await rig.service.refreshes.refresh(
        Refreshing(session.session_id, Role.LISTENER, "listener-3", "listener-new", "edge-1", target_language="fr")
    )
    assert (swapped.listener_count, swapped.language_counts) == (20, {"es": 19, "fr": 1})


async def test_leaving_at_once_and_twice_never_counts_below_nothing(rig: Rig) -> None:
    session = await rig.opened()
    for number in range(10):
        await rig.join(session, f"listener-{number}")
    leave = rig.service.connections.leave
    left = await asyncio.gather(*(leave(session.session_id, f"listener-{number % 10}") for number in range(50)))
    assert sum(left) == 10
    assert ((await rig.stored(session)).listener_count, await rig.languages(session)) == (0, Counter())


async def test_a_join_at_the_moment_of_the_end_leaves_no_connection_behind(rig: Rig) -> None:
    session = await rig.opened()
    await asyncio.gather(
        *(rig.join(session, f"listener-{number}") for number in range(10)),
        rig.service.sessions.end(session.session_id, "speaker-1", "speaker"),
        *(rig.join(session, f"late-{number}") for number in range(10)),
        return_exceptions=True,
    )
    await rig.service.reaper.reap()
    assert [c async for c in find_connections(rig.store, "session_id", session.session_id, rig.clock())] == []
    assert not (await rig.stored(session)).live


@pytest.mark.parametrize("store", STORES)
async def test_ids_that_are_taken_are_drawn_again_until_ten_were(store: str, tmp_path: Path) -> None:
    taken, free = (5, 7), (6, 7)
    draws = iter([*taken, *taken * 9, *free, *taken * 10])
    async with rig_of(store, tmp_path, below=lambda bound: next(draws)) as rig:
        first = await rig.opened("speaker-1", "user-1")
        second = await rig.opened("speaker-2", "user-2")
        assert second.session_id != first.session_id
        with pytest.raises(Exhausted, match="NO_SESSION_ID"):
            await rig.opened("speaker-3", "user-3")
    assert list(draws) == []


async def test_creating_twice_with_one_connection_makes_one_session(rig: Rig) -> None:
    sessions = await asyncio.gather(*(rig.opened() for _ in range(10)))
    assert len({session.session_id for session in sessions}) == 1
    with pytest.raises(Exhausted, match="MAX_SESSIONS_EXCEEDED"):
        await rig.opened("speaker-other")
    with pytest.raises(Conflict):
        await rig.opened("speaker-1", "user-2")


async def test_a_speakers_place_is_free_when_the_session_ended_or_expired(rig: Rig) -> None:
    session = await rig.opened()
    await rig.service.sessions.end(session.session_id, "speaker-1", "speaker")
    second = await rig.opened("speaker-2")
    rig.clock.now += 7200
    third = await rig.opened("speaker-3")
    # The reaper ends the second and leaves the third its place.
    await rig.service.reaper.reap()
    assert (await rig.stored(second)).end_reason == "expired"
    assert (await rig.stored(third)).live
    with pytest.raises(Exhausted, match="MAX_SESSIONS_EXCEEDED"):
        await rig.opened("speaker-4")


async def test_a_speaker_may_have_as_many_sessions_as_the_setting_says(tmp_path: Path) -> None:
    async with rig_of("sqlite", tmp_path, sessions_per_speaker=2) as rig:
        await rig.opened("speaker-1")
        await rig.opened("speaker-2")
        with pytest.raises(Exhausted, match="MAX_SESSIONS_EXCEEDED"):
            await rig.opened("speaker-3")


async def test_an_expired_session_is_not_found_while_its_record_is_still_there(rig: Rig) -> None:
    session = await rig.opened()
    rig.clock.now += 7200
    with pytest.raises(NotFound, match="SESSION_NOT_FOUND"):
        await rig.service.sessions.get(session.session_id)
    with pytest.raises(NotFound, match="SESSION_NOT_FOUND"):
        await rig.join(session, "listener-1")
    assert (await rig.stored(session)).live


async def test_a_speakers_refresh_extends_the_session_and_a_listeners_does_not(rig: Rig) -> None:
    session = await rig.opened()
    await rig.join(session, "listener-1")
    rig.clock.now += 6000
    refresh = rig.service.refreshes.refresh
    listened = await refresh(Refreshing(session.session_id, Role.LISTENER, "listener-1", "listener-2", "edge-1"))
    assert listened.expires_at == session.expires_at
    spoken = await refresh(Refreshing(session.session_id, Role.SPEAKER, "", "speaker-2", "edge-1", "user-1"))
    assert spoken.expires_at == rig.clock.now + 7200
    rig.clock.now += 7000
    assert (await rig.service.sessions.get(session.session_id)).live
    with pytest.raises(Exhausted, match="MAX_SESSIONS_EXCEEDED"):
        await rig.opened("speaker-3")


async def test_of_two_refreshes_from_one_connection_at_once_one_speaks(rig: Rig) -> None:
    session = await rig.opened()
    refresh = rig.service.refreshes.refresh
    results = await asyncio.gather(
        *(
            refresh(Refreshing(session.session_id, Role.SPEAKER, "speaker-1", f"new-{number}", "edge-1", "user-1"))
            for number in range(10)
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(result, Session) for result in results) == 1
    stored = await rig.stored(session)
    found = find_connections(rig.store, "session_id", session.session_id, rig.clock())
    assert [connection.key async for connection in found] == [stored.speaker_connection]


async def test_expired_connections_are_counted_off_before_their_records_go(rig: Rig) -> None:
    session = await rig.opened()
    await rig.join(session, "listener-1")
    rig.clock.now += 6000
    await rig.service.refreshes.refresh(
        Refreshing(session.session_id, Role.SPEAKER, "", "speaker-2", "edge-1", "user-1")
    )
    rig.clock.now += 1300
    await rig.service.reaper.sweep()
    assert ((await rig.stored(session)).listener_count, await rig.languages(session)) == (0, Counter())


async def test_steering_survives_a_refresh_and_repeating_it_changes_nothing(rig: Rig) -> None:
    session = await rig.opened()
    steer = rig.service.sessions.steer
    steered = await steer(session.session_id, "speaker-1", Steering(active=True, paused=True, volume=0.5))
    again = await steer(session.session_id, "speaker-1", Steering(paused=True))
    assert again.revision == steered.revision
    swapped = await rig.service.refreshes.refresh(
        Refreshing(session.session_id, Role.SPEAKER, "speaker-1", "speaker-2", "edge-1", "user-1")
    )
    assert (swapped.active, swapped.paused, swapped.muted, swapped.volume) == (True, True, False, 0.5)


# The reaper.


@dataclass
class Meanwhile:
    """A store in which something else happens just before the connections of an edge are listed."""

    store: Store
    happens: Callable[[], Awaitable[object]] | None = None

    async def read(self, kind: Kind, keys: Collection[str], now: float) -> Mapping[str, Item]:
        return await self.store.read(kind, keys, now)

    async def find(self, kind: Kind, field: str, value: str, now: float) -> AsyncIterator[Item]:
        if field == "edge_id" and self.happens:
            await self.happens()
        async for item in self.store.find(kind, field, value, now):
            yield item

    async def write(self, writes: Sequence[Write], now: float) -> None:
        await self.store.write(writes, now)

    async def sweep(self, now: float) -> int:
        return await self.store.sweep(now)


class Overtaken(Meanwhile):
    """A store in which something else happens just after a live session was read by an index."""

    async def find(self, kind: Kind, field: str, value: str, now: float) -> AsyncIterator[Item]:
        async for item in self.store.find(kind, field, value, now):
            if kind is Kind.SESSION and value == State.LIVE and self.happens:
                await self.happens()
            yield item


async def test_a_speaker_who_stays_away_ends_the_session_after_the_grace(rig: Rig) -> None:
    session = await rig.opened()
    await rig.join(session, "listener-1")
    assert await rig.service.connections.leave(session.session_id, "speaker-1")
    rig.clock.now += 29.9
    await rig.service.reaper.reap()
    assert (await rig.stored(session)).live
    rig.clock.now += 0.1
    await rig.service.reaper.reap()
    stored = await rig.stored(session)
    assert (stored.live, stored.end_reason, stored.listener_count) == (False, "speaker_gone", 0)
    assert await rig.languages(session) == Counter()


async def test_a_speaker_who_comes_back_in_time_keeps_the_session(rig: Rig) -> None:
    session = await rig.opened()
    await rig.service.connections.leave(session.session_id, "speaker-1")
    rig.clock.now += 20
    await rig.service.refreshes.refresh(
        Refreshing(session.session_id, Role.SPEAKER, "", "speaker-2", "edge-1", "user-1")
    )
    rig.clock.now += 20
    await rig.service.leases.renew("edge-1")
    await rig.service.reaper.reap()
    assert (await rig.stored(session)).live


@pytest.mark.parametrize("store", STORES)
async def test_a_speaker_who_comes_and_goes_while_the_reaper_looks_has_the_whole_grace(
    store: str, tmp_path: Path
) -> None:
    async with rig_of(store, tmp_path, around=Overtaken) as rig:
        session, overtaken = await rig.opened(), rig.store
        assert isinstance(overtaken, Overtaken)
        back = Refreshing(session.session_id, Role.SPEAKER, "", "speaker-2", "edge-1", "user-1")

        async def comes_and_goes() -> None:
            overtaken.happens = None
            await rig.service.refreshes.refresh(back)
            await rig.service.connections.leave(session.session_id, "speaker-2")

        await rig.service.connections.leave(session.session_id, "speaker-1")
        rig.clock.now += 30
        await rig.service.leases.renew("edge-1")
        overtaken.happens = comes_and_goes
        await rig.service.reaper.reap()
        assert overtaken.happens is None
        assert (await rig.stored(session)).live
        rig.clock.now += 30
        await rig.service.reaper.reap()
        assert not (await rig.stored(session)).live


async def test_a_dead_edge_is_reaped_and_the_living_one_keeps_its_listeners(rig: Rig) -> None:
    session = await rig.opened()
    for number in range(6):
        await rig.join(session, f"dead-{number}", "es", "edge-dead")
    await rig.join(session, "alive", "fr", "edge-1")
    for _ in range(3):
        rig.clock.now += 10
        await rig.service.leases.renew("edge-1")
        await rig.service.reaper.reap()
    assert (await rig.stored(session)).language_counts == await rig.languages(session) == Counter({"fr": 1})


async def test_the_speaker_of_a_dead_edge_is_gone_and_free_within_a_minute(rig: Rig) -> None:
    session = await rig.opened()
    rig.clock.now += 30
    await rig.service.reaper.reap()
    assert not (await rig.stored(session)).speaker_connected
    rig.clock.now += 29
    await rig.service.reaper.reap()
    assert (await rig.stored(session)).end_reason == "speaker_gone"
    assert (await rig.opened("speaker-2")).live


async def test_a_speaker_is_free_soon_after_everything_was_switched_off_for_more_than_an_hour(rig: Rig) -> None:
    session = await rig.opened()
    rig.clock.now += 65 * 60
    with open_service(Config(), rig.store, rig.clock, Dice()) as restarted:
        for _ in range(2):
            rig.clock.now += 30
            await restarted.reaper.reap()
        assert (await rig.stored(session)).end_reason == "speaker_gone"
        assert (await rig.opened("speaker-2")).live


async def test_an_edge_that_goes_is_reaped_at_once(rig: Rig) -> None:
    session = await rig.opened()
    await rig.join(session, "listener-1", "es", "edge-2")
    await rig.service.leases.release("edge-2")
    await rig.service.reaper.reap()
    stored = await rig.stored(session)
    assert (stored.listener_count, stored.speaker_connected) == (0, True)


async def test_an_edge_that_joins_without_ever_renewing_is_reaped_too(rig: Rig) -> None:
    session = await rig.opened()
    await rig.join(session, "listener-1", "es", "edge-silent")
    rig.clock.now += 25
    await rig.service.leases.renew("edge-1")
    rig.clock.now += 5
    await rig.service.reaper.reap()
    assert (await rig.stored(session)).listener_count == 0


@pytest.mark.parametrize("store", STORES)
async def test_an_edge_that_is_back_before_it_was_reaped_keeps_all_it_has(store: str, tmp_path: Path) -> None:
    async with rig_of(store, tmp_path, around=Meanwhile) as rig:
        session = await rig.opened()
        await rig.join(session, "before", "es", "edge-2")
        rig.clock.now += 25
        await rig.service.leases.renew("edge-1")
        rig.clock.now += 6
        assert isinstance(rig.store, Meanwhile)
        rig.store.happens = lambda: rig.join(session, "after", "fr", "edge-2")
        await rig.service.reaper.reap()
        assert (
            (await rig.stored(session)).language_counts == await rig.languages(session) == Counter({"es": 1, "fr": 1})
        )


async def test_the_end_deletes_every_connection_record_at_once(rig: Rig) -> None:
    session = await rig.opened()
    for number in range(20):
        await rig.join(session, f"listener-{number}")
    await rig.service.sessions.end(session.session_id, "speaker-1", "speaker")
    assert [c async for c in find_connections(rig.store, "session_id", session.session_id, rig.clock())] == []


async def test_a_refresh_overtaken_by_another_is_refused(tmp_path: Path) -> None:
    async with rig_of(STORES[0], tmp_path) as rig:
        session = await rig.opened()
        refresh = rig.service.refreshes.refresh
        await refresh(Refreshing(session.session_id, Role.SPEAKER, "speaker-1", "speaker-2", "edge-1", "user-1"))
        with pytest.raises(NotFound, match="CONNECTION_NOT_FOUND"):
            await refresh(Refreshing(session.session_id, Role.SPEAKER, "speaker-1", "speaker-3", "edge-1", "user-1"))


async def test_leases_of_edges_long_gone_are_forgotten(rig: Rig) -> None:
    await rig.service.leases.renew("edge-1")
    rig.clock.now += 61
    await rig.service.reaper.reap()
    assert await rig.store.read(Kind.LEASE, ["edge-1"], rig.clock()) == {}


async def test_an_end_that_was_interrupted_is_finished_by_the_reaper(rig: Rig) -> None:
    session = await rig.opened()
    await rig.join(session, "listener-1")
    # As a crash leaves it: ended, its connections not yet deleted.
    ending: Item = {"state": State.ENDING, "ended_at": rig.clock.now, "end_reason": "speaker"}
    await rig.store.write([Change(Kind.SESSION, session.session_id, set=ending)], rig.clock.now)
    await rig.service.reaper.reap()
    assert await rig.languages(session) == Counter()
    rig.clock.now += 5
    await rig.service.reaper.reap()
    assert (await rig.stored(session)).state is State.ENDED


# Only the embedded store.


async def test_the_database_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    async with rig_of("sqlite", tmp_path) as rig:
        await rig.opened()
        for path in sorted(os.scandir(tmp_path), key=lambda entry: entry.name):
            assert path.stat().st_mode & 0o077 == 0, path.name


@pytest.mark.parametrize("field", ["state", "session_id", "edge_id"])
async def test_finding_uses_the_index_of_its_field(field: str, tmp_path: Path) -> None:
    async with rig_of("sqlite", tmp_path):
        with sqlite3.connect(tmp_path / "sessions.sqlite3") as database:
            # Raises where the index cannot serve the query.
            query = f"SELECT item FROM items INDEXED BY items_by_{field} WHERE kind = 'x' AND {field} = ? AND key > ''"
            plan = database.execute(f"EXPLAIN QUERY PLAN {query} ORDER BY key", ("a",)).fetchall()
        assert [row[3] for row in plan] == [
            f"SEARCH items USING INDEX items_by_{field} (kind=? AND {field}=? AND key>?)"
        ]


async def test_a_database_of_a_newer_version_is_not_touched(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "sessions.sqlite3") as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(Unavailable, match="newer version"):
        async with open_store(Config(LINGOCAST_DATA=tmp_path)):
            pass


async def test_a_locked_database_is_unavailable_not_a_wait_without_end(tmp_path: Path) -> None:
    async with rig_of("sqlite", tmp_path) as rig:
        other = sqlite3.connect(tmp_path / "sessions.sqlite3", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="STORE_UNAVAILABLE"):
            await rig.store.write([Put(Kind.SESSION, "a", record())], 1.0)
        other.execute("ROLLBACK")
        other.close()
        await rig.store.write([Put(Kind.SESSION, "a", record())], 1.0)


async def test_more_operations_than_may_wait_are_refused(tmp_path: Path) -> None:
    async with rig_of("sqlite", tmp_path, store_waiting=5) as rig:
        puts = [rig.store.write([Put(Kind.SESSION, str(number), record())], 1.0) for number in range(50)]
        results = await asyncio.gather(*puts, return_exceptions=True)
        refused = [result for result in results if isinstance(result, Unavailable)]
        assert len(refused) == 45
        assert {error.reason for error in refused} == {"STORE_UNAVAILABLE"}
        assert await one(rig.store, "0") is not None
