"""The service over a store that fails: answers that are lost, a store that is down (S12, S15)."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from chassis.errors import Unavailable
from protos.session.v1 import session_pb2 as pb
from session_svc.records import find_connections
from session_svc.store.writes import Contended, Kind, Write
from tests.contract.test_session_store import STORES, Rig, rig_of
from tests.fakes.failing_store import FailingStore, Fault

JOIN = pb.TakeRateLimitRequest(limit=pb.RATE_LIMIT_JOIN, subject="address")


@pytest.fixture(params=STORES)
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig_of(request.param, tmp_path, around=FailingStore, store_backoff_seconds=0.0) as made:
        yield made


def fails(rig: Rig, *faults: Fault) -> FailingStore:
    """The next operations fail like this, and those after them not."""
    assert isinstance(rig.store, FailingStore)
    script = iter(faults)
    rig.store.next_fault = lambda: next(script, Fault.NONE)
    return rig.store


def lost_its_write(rig: Rig) -> bool:
    """The fault happened where it was meant to."""
    assert isinstance(rig.store, FailingStore)
    return {("write", Fault.LOST)} == set(rig.store.happened)


async def taken(rig: Rig) -> pb.TakeRateLimitResponse:
    return await rig.service.servicer.TakeRateLimit(JOIN, None)


@pytest.mark.parametrize("faults", [[Fault.NONE, Fault.LOST], [Fault.NONE, Fault.LOST, Fault.LOST]])
async def test_a_place_in_a_limit_is_taken_once_although_the_answer_was_lost(rig: Rig, faults: list[Fault]) -> None:
    for _ in range(10):
        fails(rig, *faults)
        answer = await taken(rig)
        assert (answer.allowed, answer.enforced) == (True, True)
    assert lost_its_write(rig)
    fails(rig)
    assert not (await taken(rig)).allowed


async def test_limits_that_two_take_at_the_same_moment_count_both(rig: Rig) -> None:
    answers = await asyncio.gather(*(taken(rig) for _ in range(15)))
    assert sum(answer.allowed for answer in answers) == 10


async def test_a_flood_is_refused_without_asking_the_store_for_each(rig: Rig) -> None:
    store = fails(rig)
    answers = await asyncio.gather(*(taken(rig) for _ in range(500)))
    assert Counter((answer.allowed, answer.enforced) for answer in answers) == {(True, True): 10, (False, True): 490}
    # Read and written for each that came in, and read once for all the others.
    assert store.asked <= 2 * 10 + 1
    assert {answer.retry_after.seconds for answer in answers if not answer.allowed} == {60}
    rig.clock.now += 60.1
    assert (await taken(rig)).allowed


async def test_while_the_store_is_down_a_refusal_that_is_known_does_not_pass_for_its_answer(rig: Rig) -> None:
    for _ in range(11):
        known = await taken(rig)
    assert not known.allowed
    fails(rig, *[Fault.BEFORE] * 6)
    other = pb.TakeRateLimitRequest(limit=pb.RATE_LIMIT_JOIN, subject="another")
    with capture_logs() as lines:
        for _ in range(2):
            assert not (await rig.service.servicer.TakeRateLimit(other, None)).enforced
            assert not (await taken(rig)).allowed
    assert [line["event"] for line in lines if line["event"].startswith("rate_limits")] == ["rate_limits_off"]


async def test_a_clock_set_back_locks_nobody_out_for_longer_than_the_window(rig: Rig) -> None:
    for _ in range(11):
        answer = await taken(rig)
    assert not answer.allowed
    rig.clock.now -= 7200.0
    assert (await taken(rig)).retry_after.seconds <= 60


async def test_while_the_store_is_down_limits_open_at_once_and_calls_say_when_to_come_back(rig: Rig) -> None:
    session = await rig.opened()
    store = fails(rig, *[Fault.BEFORE] * 6)
    for _ in range(2):
        with pytest.raises(Unavailable):
            await rig.service.sessions.get(session.session_id)
    asked = store.asked
    answer = await taken(rig)
    assert (answer.allowed, answer.enforced) == (True, False)
    with pytest.raises(Unavailable) as refused:
        await rig.join(session, "listener-1")
    assert refused.value.reason == "STORE_UNAVAILABLE"
    assert refused.value.retry_after is not None
    assert timedelta(0) < refused.value.retry_after <= timedelta(seconds=30)
    assert store.asked == asked


async def test_an_end_whose_answer_was_lost_is_whole_and_told(rig: Rig) -> None:
    session = await rig.opened()
    await rig.join(session, "listener-1")
    watching = rig.service.watching.watch(session.session_id)
    assert (await anext(watching)).live
    # The session, its place, then the end itself.
    fails(rig, Fault.NONE, Fault.NONE, Fault.LOST)
    ended = await rig.service.sessions.end(session.session_id, "speaker-1", "speaker")
    assert lost_its_write(rig)
    assert (ended.live, ended.end_reason) == (False, "speaker")
    assert [c async for c in find_connections(rig.store, "session_id", session.session_id, rig.clock())] == []
    async with asyncio.timeout(20):
        assert not (await anext(watching)).live


async def test_a_join_whose_answer_was_lost_counts_once_and_is_told(rig: Rig) -> None:
    session = await rig.opened()
    watching = rig.service.watching.watch(session.session_id)
    await anext(watching)
    # The session, then the join itself: the lease is known to hold.
    fails(rig, Fault.NONE, Fault.LOST)
    assert (await rig.join(session, "listener-1")).language_counts == {"es": 1}
    assert lost_its_write(rig)
    async with asyncio.timeout(20):
        assert (await anext(watching)).listener_count == 1


async def test_a_session_whose_opening_was_not_answered_is_the_one_that_is_there(rig: Rig) -> None:
    # The lease (looked for, written), places, the connection, then the opening itself.
    fails(rig, *[Fault.NONE] * 4, Fault.LOST)
    session = await rig.opened()
    assert lost_its_write(rig)
    assert (await rig.stored(session)).session_id == session.session_id
    assert (await rig.opened()).session_id == session.session_id


async def test_a_leave_whose_answer_was_lost_counts_off_once(rig: Rig) -> None:
    session = await rig.opened()
    for name in ("listener-1", "listener-2"):
        await rig.join(session, name)
    fails(rig, Fault.NONE, Fault.LOST)
    await rig.service.connections.leave(session.session_id, "listener-1")
    assert lost_its_write(rig)
    stored = await rig.stored(session)
    assert (stored.listener_count, stored.language_counts) == (1, {"es": 1})


class Crowded(FailingStore):
    """A store in which others are always at one session."""

    session_id = ""

    async def write(self, writes: Sequence[Write], now: float) -> None:
        if any((write.kind, write.key) == (Kind.SESSION, self.session_id) for write in writes):
            raise Contended
        await super().write(writes, now)


async def test_a_session_that_others_are_always_at_keeps_the_reaper_from_nothing_else(tmp_path: Path) -> None:
    async with rig_of("sqlite", tmp_path, around=Crowded, store_backoff_seconds=0.0) as rig:
        assert isinstance(rig.store, Crowded)
        crowded, other, over = [await rig.opened(f"speaker-{number}", f"user-{number}") for number in range(3)]
        for session in (crowded, other):
            await rig.join(session, f"listener-of-{session.session_id}", edge="edge-dead")
        rig.store.session_id = crowded.session_id
        await rig.service.connections.leave(over.session_id, "speaker-2")
        for _ in range(7):
            rig.clock.now += 10
            await rig.service.leases.renew("edge-1")
            await rig.service.reaper.reap()
        assert [(await rig.stored(one)).listener_count for one in (crowded, other)] == [1, 0]
        assert not (await rig.stored(over)).live
        # However long it took, its connections are found once the others are gone.
        rig.store.session_id = ""
        await rig.service.reaper.reap()
        assert (await rig.stored(crowded)).listener_count == 0
