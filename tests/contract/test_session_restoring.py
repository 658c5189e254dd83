"""An edge whose lease lapsed learns of it and writes back what it holds, on every store."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping
from pathlib import Path
from typing import Any

import pytest

from chassis.errors import Denied, NotFound
from protos.session.v1 import session_pb2 as pb
from session_svc.connections import Joining
from session_svc.domain.ids import fingerprint, short
from session_svc.domain.session import Role, Session
from session_svc.records import find_connections
from session_svc.refreshes import Refreshing
from session_svc.restoring import Held
from session_svc.store import Store
from session_svc.store.writes import Item, Kind
from tests.contract.test_session_service import refused
from tests.contract.test_session_service import rig_of as served
from tests.contract.test_session_store import STORES, Meanwhile, Rig, rig_of
from tests.fakes.failing_store import FailingStore, Fault


@pytest.fixture(params=STORES)
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig_of(request.param, tmp_path, capacity=20, speaker_grace_seconds=600) as made:
        yield made


def listener(session: Session, key: str, language: str = "es", joined_at: float = 0.0) -> Held:
    return Held(session.session_id, key, Role.LISTENER, language, joined_at)


def speaker(session: Session, key: str = "speaker-1") -> Held:
    return Held(session.session_id, key, Role.SPEAKER)


async def lapsed(rig: Rig, edge: str = "edge-1") -> bool:
    return (await rig.service.leases.renew(edge)).unrestored


async def registered(rig: Rig, edge: str = "edge-1") -> None:
    """As an edge begins: it renews, and holds nothing yet."""
    await rig.service.leases.renew(edge)
    assert await rig.service.restoring.restore(edge, []) == {}


async def reaped(rig: Rig) -> None:
    """All edges fall silent for as long as it takes."""
    rig.clock.now += 31
    await rig.service.reaper.reap()


async def test_an_edge_learns_of_a_lapse_until_it_has_restored(rig: Rig) -> None:
    assert await lapsed(rig)
    await rig.service.restoring.restore("edge-1", [])
    assert not await lapsed(rig)
    rig.clock.now += 29
    assert not await lapsed(rig)
    rig.clock.now += 30
    assert await lapsed(rig)
    assert await lapsed(rig)
    await rig.service.restoring.restore("edge-1", [], more=True)
    assert await lapsed(rig)
    await rig.service.restoring.restore("edge-1", [])
    assert not await lapsed(rig)


async def test_a_lapse_is_told_although_a_join_was_the_first_sign_of_life(rig: Rig) -> None:
    session = await rig.opened()
    await registered(rig, "edge-2")
    await rig.join(session, "listener-1", "es", "edge-2")
    rig.clock.now += 31
    await rig.service.leases.renew("edge-1")
    await rig.service.reaper.reap()
    await rig.join(session, "listener-2", "fr", "edge-2")
    assert await lapsed(rig, "edge-2")


async def test_a_lapse_is_told_although_the_lease_was_forgotten(rig: Rig) -> None:
    await registered(rig)
    rig.clock.now += 61
    await rig.service.reaper.reap()
    assert await rig.store.read(Kind.LEASE, ["edge-1"], rig.clock()) == {}
    assert await lapsed(rig)


async def test_an_edge_that_released_its_lease_and_goes_on_after_all_is_told(rig: Rig) -> None:
    await registered(rig)
    await rig.service.leases.release("edge-1")
    assert await lapsed(rig)


async def test_what_was_reaped_comes_back_with_its_counts_and_its_speaker(rig: Rig) -> None:
    session = await rig.opened(pin_hash="of no use to who was in already")
    held = [listener(session, f"listener-{n}", "es" if n % 2 else "fr") for n in range(5)]
    await rig.service.restoring.restore("edge-1", held)
    await reaped(rig)
    gone = await rig.stored(session)
    assert (gone.listener_count, gone.speaker_connected, await rig.languages(session)) == (0, False, Counter())
    assert await rig.service.restoring.restore("edge-1", [*held, speaker(session)]) == {}
    back = await rig.stored(session)
    assert back.language_counts == await rig.languages(session) == Counter(es=2, fr=3)
    assert (back.listener_count, back.speaker_connected, back.speaker_gone_at) == (5, True, 0.0)
    assert back.expires_at == session.expires_at
    # They are of the edge's new lease: the reaper leaves them.
    rig.clock.now += 29
    await rig.service.reaper.reap()
    assert (await rig.stored(session)).listener_count == 5


async def test_restoring_repeated_and_at_once_counts_once(rig: Rig) -> None:
    session = await rig.opened()
    held = [listener(session, f"listener-{n}") for n in range(6)] + [speaker(session)]
    await rig.service.connections.leave(session.session_id, "speaker-1")
    restored = await asyncio.gather(
        *(rig.service.restoring.restore("edge-1", held[:part]) for part in (7, 2, 7, 4, 7)),
        rig.service.restoring.restore("edge-1", held * 2),
    )
    assert restored == [{}] * 6
    stored = await rig.stored(session)
    assert (stored.listener_count, stored.speaker_connected) == (6, True)
    assert stored.language_counts == await rig.languages(session)


async def test_who_is_there_stays_as_it_is(rig: Rig) -> None:
    session = await rig.opened()
    await rig.join(session, "listener-1", "fr")
    before = await rig.stored(session)
    assert (
        await rig.service.restoring.restore("edge-1", [listener(session, "listener-1", "es"), speaker(session)]) == {}
    )
    assert await rig.stored(session) == before


async def test_those_who_were_in_may_exceed_the_capacity(rig: Rig) -> None:
    session = await rig.opened()
    for number in range(20):
        await rig.join(session, f"new-{number}")
    assert await rig.service.restoring.restore("edge-2", [listener(session, "old-1"), listener(session, "old-2")]) == {}
    assert (await rig.stored(session)).listener_count == 22


async def test_a_speaker_whose_place_was_taken_is_lost(rig: Rig) -> None:
    session = await rig.opened()
    await rig.service.refreshes.refresh(
        Refreshing(session.session_id, Role.SPEAKER, "", "speaker-2", "edge-2", "user-1")
    )
    lost = await rig.service.restoring.restore("edge-1", [speaker(session), listener(session, "listener-1")])
    assert lost == {"speaker-1": "CONNECTION_NOT_FOUND"}
    stored = await rig.stored(session)
    assert (stored.speaker_connection, stored.listener_count) == ("speaker-2", 1)


async def test_nobody_comes_back_to_a_session_that_is_over_or_unknown(rig: Rig) -> None:
    session, other = await rig.opened(), await rig.opened("speaker-2", "user-2")
    await rig.service.sessions.end(session.session_id, "speaker-1", "speaker")
    held = [speaker(session), listener(session, "a"), listener(other, "b"), Held("no-such-100", "c", Role.LISTENER)]
    lost = await rig.service.restoring.restore("edge-1", held)
    assert lost == dict.fromkeys(["speaker-1", "a", "c"], "SESSION_NOT_FOUND")
    assert await rig.languages(session) == Counter()
    assert await rig.languages(other) == Counter(es=1)
    rig.clock.now += 7200
    assert await rig.service.restoring.restore("edge-1", [listener(other, "d")]) == {"d": "SESSION_NOT_FOUND"}


async def test_an_id_that_is_anothers_is_a_conflict(rig: Rig) -> None:
    session, other = await rig.opened(), await rig.opened("speaker-2", "user-2")
    await rig.join(other, "listener-1")
    held = [listener(session, "listener-1"), listener(session, "speaker-1"), speaker(session, "speaker-2")]
    assert set((await rig.service.restoring.restore("edge-1", held)).values()) == {"CONFLICT"}


async def test_restoring_does_not_lengthen_a_listeners_life(rig: Rig) -> None:
    session = await rig.opened()
    joined_at = rig.clock.now - 7000
    lost = await rig.service.restoring.restore(
        "edge-1", [listener(session, "old", joined_at=joined_at), listener(session, "older", joined_at=joined_at - 200)]
    )
    assert lost == {"older": "CONNECTION_NOT_FOUND"}
    found = find_connections(rig.store, "session_id", session.session_id, rig.clock())
    assert [record.expires_at async for record in found if record.key == "old"] == [joined_at + 7200]


@pytest.mark.parametrize("store", STORES)
async def test_an_edge_that_comes_back_in_the_middle_of_its_reaping_loses_nothing_silently(
    store: str, tmp_path: Path
) -> None:
    async with rig_of(store, tmp_path, around=Meanwhile, speaker_grace_seconds=600) as rig:
        session = await rig.opened()
        await registered(rig, "edge-2")
        await rig.join(session, "before", "es", "edge-2")
        rig.clock.now += 31
        assert isinstance(rig.store, Meanwhile)

        async def comes_back() -> None:
            rig.store.happens = None  # type: ignore[attr-defined]
            assert await lapsed(rig, "edge-2")
            await rig.service.restoring.restore("edge-2", [listener(session, "before")])

        rig.store.happens = comes_back
        await rig.service.reaper.reap()
        assert (await rig.stored(session)).language_counts == await rig.languages(session) == Counter(es=1)


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("position", range(8))
async def test_an_answer_that_is_lost_anywhere_changes_nothing(store: str, position: int, tmp_path: Path) -> None:
    def around(bare: Store) -> Store:
        return FailingStore(bare)

    async with rig_of(store, tmp_path, around=around, store_backoff_seconds=0.0) as rig:
        session = await rig.opened()
        await rig.service.connections.leave(session.session_id, "speaker-1")
        held = [listener(session, "a"), listener(session, "b", "fr"), speaker(session)]
        assert isinstance(rig.store, FailingStore)
        faults = iter([Fault.NONE] * position + [Fault.LOST])
        rig.store.next_fault = lambda: next(faults, Fault.NONE)
        assert await rig.service.restoring.restore("edge-1", held) == {}
        assert list(faults) == [], "the fault happened"
        stored = await rig.stored(session)
        assert stored.language_counts == await rig.languages(session) == Counter(es=1, fr=1)
        assert stored.speaker_connected
        assert not await lapsed(rig)


# What restoring is there for: the calls that prove less.


async def test_a_join_repeated_after_its_record_is_gone_asks_for_the_pin(rig: Rig) -> None:
    pins = rig.service.servicer._pins  # The hash that CreateSession would store.
    session = await rig.opened(pin_hash=await pins.hashed("1234"))
    joining = Joining(session.session_id, "listener-1", "edge-1", "es", "1234")
    await rig.service.connections.join(joining)
    await reaped(rig)
    with pytest.raises(Denied, match="WRONG_PIN"):
        await rig.join(session, "listener-1")
    assert (await rig.service.connections.join(joining)).listener_count == 1


async def test_a_speakers_refresh_by_its_own_connection_says_i_am_still_here(rig: Rig) -> None:
    session = await rig.opened()
    here = Refreshing(session.session_id, Role.SPEAKER, "speaker-1", "speaker-1", "edge-1", "user-1")
    assert await rig.service.refreshes.refresh(here) == session
    await reaped(rig)
    assert not (await rig.stored(session)).speaker_connected
    back = await rig.service.refreshes.refresh(here)
    assert (back.speaker_connected, back.speaker_connection) == (True, "speaker-1")
    found = find_connections(rig.store, "session_id", session.session_id, rig.clock())
    assert [record.key async for record in found] == ["speaker-1"]


async def test_a_listeners_refresh_by_its_own_connection_proves_nothing_once_its_record_is_gone(rig: Rig) -> None:
    session = await rig.opened()
    await rig.join(session, "listener-1")
    here = Refreshing(session.session_id, Role.LISTENER, "listener-1", "listener-1", "edge-1")
    assert (await rig.service.refreshes.refresh(here)).listener_count == 1
    await reaped(rig)
    with pytest.raises(NotFound, match="CONNECTION_NOT_FOUND"):
        await rig.service.refreshes.refresh(here)


@pytest.mark.parametrize("store", STORES)
async def test_a_refresh_by_its_own_connection_that_joins_at_the_same_moment_is_no_internal_error(
    store: str, tmp_path: Path
) -> None:
    async with rig_of(store, tmp_path, around=Joins) as rig:
        session = await rig.opened()
        assert isinstance(rig.store, Joins)
        rig.store.happens = lambda: rig.join(session, "listener-1")
        here = Refreshing(session.session_id, Role.LISTENER, "listener-1", "listener-1", "edge-1")
        assert (await rig.service.refreshes.refresh(here)).listener_count == 1


class Joins(Meanwhile):
    """Something else happens just after a connection was looked for."""

    async def read(self, kind: Kind, keys: Collection[str], now: float) -> Mapping[str, Item]:
        found = await super().read(kind, keys, now)
        if kind is Kind.CONNECTION and self.happens:
            happens, self.happens = self.happens, None
            await happens()
        return found


# On the wire.


async def test_lapsing_and_restoring_over_the_wire(tmp_path: Path) -> None:
    async with served("sqlite", tmp_path, speaker_grace_seconds=600.0) as rig:
        renew, restore = rig.stub.RenewEdgeLease, rig.stub.RestoreConnections
        lease = pb.RenewEdgeLeaseRequest(edge_id="edge-1")
        assert (await renew(lease)).lapsed
        assert not (await restore(pb.RestoreConnectionsRequest(edge_id="edge-1"))).lost
        assert not (await renew(lease)).lapsed
        session = await rig.create("speaker-secret")
        await rig.join(session, "listener-secret", "pt_br")
        rig.clock.now += 31
        await rig.service.reaper.reap()
        assert (await renew(lease)).lapsed
        of_session: dict[str, Any] = {"session_id": session.session_id}
        held = [
            pb.HeldConnection(connection_id="speaker-secret", role=pb.ROLE_SPEAKER, **of_session),
            pb.HeldConnection(
                connection_id="listener-secret", role=pb.ROLE_LISTENER, target_language="pt_br", **of_session
            ),
            pb.HeldConnection(connection_id="other", role=pb.ROLE_SPEAKER, **of_session),
        ]
        answer = await restore(pb.RestoreConnectionsRequest(edge_id="edge-1", connections=held))
        assert [(one.session_id, one.connection_id, one.reason) for one in answer.lost] == [
            (session.session_id, "other", "CONNECTION_NOT_FOUND")
        ]
        status = await rig.stub.GetStatus(pb.GetStatusRequest(session_id=session.session_id))
        assert dict(status.session.language_counts) == {"pt-BR": 1}
        assert not (await renew(lease)).lapsed
        async for told in rig.stub.WatchSession(pb.WatchSessionRequest(session_id=session.session_id)):
            assert (told.speaker_connected, told.speaker_connection_hash) == (
                True,
                short(fingerprint("speaker-secret")),
            )
            break


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"session_id": "nonsense"}, "INVALID_SESSION_ID"),
        ({"connection_id": ""}, "MISSING_PARAMETER"),
        ({"role": pb.ROLE_UNSPECIFIED}, "INVALID_PARAMETER"),
        ({"target_language": "?"}, "INVALID_LANGUAGE"),
        ({"target_language": ""}, "MISSING_PARAMETER"),
    ],
)
async def test_a_malformed_connection_is_refused(changed: dict[str, Any], reason: str, tmp_path: Path) -> None:
    good: dict[str, Any] = {
        "session_id": "bold-lamp-100",
        "connection_id": "a",
        "role": pb.ROLE_LISTENER,
        "target_language": "es",
    }
    async with served("sqlite", tmp_path) as rig:
        request = pb.RestoreConnectionsRequest(edge_id="e", connections=[pb.HeldConnection(**{**good, **changed})])
        assert await refused(rig.stub.RestoreConnections(request)) == f"Invalid {reason}"


async def test_more_than_a_hundred_connections_go_into_several_calls(tmp_path: Path) -> None:
    async with served("sqlite", tmp_path) as rig:
        session = await rig.create()
        held = [
            pb.HeldConnection(
                session_id=session.session_id, connection_id=f"c{n}", role=pb.ROLE_LISTENER, target_language="es"
            )
            for n in range(101)
        ]
        request = pb.RestoreConnectionsRequest(edge_id="edge-1", connections=held)
        assert await refused(rig.stub.RestoreConnections(request)) == "Invalid INVALID_PARAMETER"
        del request.connections[100:]
        assert not (await rig.stub.RestoreConnections(request)).lost
        status = await rig.stub.GetStatus(pb.GetStatusRequest(session_id=session.session_id))
        assert status.session.listener_count == 100
