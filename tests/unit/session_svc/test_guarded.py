"""Tries again, and leaves a store alone that is down (S15)."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from chassis.breaker import BreakerTerms
from chassis.errors import Unavailable
from session_svc.domain.patience import Patience
from session_svc.store.guarded import Guarded
from session_svc.store.writes import Delete, Item, Kind, Refused, Write
from tests.fakes.failing_store import FailingStore, Fault

NONE, BEFORE, CONTENDED, HANGS = Fault.NONE, Fault.BEFORE, Fault.CONTENDED, Fault.HANGS
QUICK = Patience(tries=3, backoff=0.0, seconds=20.0)
TERMS = BreakerTerms(failures=5, rest=30.0)


class Answering:
    """A store with three records that answers at once; `refuses` says whether to writes with a refusal."""

    refuses = False

    async def read(self, kind: Kind, keys: Collection[str], now: float) -> Mapping[str, Item]:
        return {key: {"ttl": 1.0} for key in keys}

    async def find(self, kind: Kind, field: str, value: str, now: float) -> AsyncIterator[Item]:
        for number in range(3):
            yield {"ttl": 1.0, "n": number}

    async def write(self, writes: Sequence[Write], now: float) -> None:
        if self.refuses:
            raise Refused(frozenset({0}))

    async def sweep(self, now: float) -> int:
        return 7


class Rig:
    """A guarded store that fails by a script, then no more; and the clock of its breaker."""

    def __init__(self, *faults: Fault, patience: Patience = QUICK) -> None:
        self.now = 0.0
        self.inner = Answering()
        self.failing = FailingStore(self.inner)
        self.then(*faults)
        self.store = Guarded(self.failing, patience, TERMS, lambda: self.now, lambda: 1.0)

    def then(self, *faults: Fault) -> None:
        script = iter(faults)
        self.failing.next_fault = lambda: next(script, NONE)

    async def reads(self) -> bool:
        """False when the read failed."""
        try:
            return await self.store.read(Kind.SESSION, ["a"], 0.0) == {"a": {"ttl": 1.0}}
        except Unavailable:
            return False

    async def opened(self) -> None:
        self.then(*[BEFORE] * 5)
        for _ in range(2):
            assert not await self.reads()


@pytest.mark.parametrize(
    ("faults", "answered", "asked"),
    [
        ([], True, 1),
        ([BEFORE], True, 2),
        ([BEFORE, BEFORE], True, 3),
        ([BEFORE, BEFORE, BEFORE], False, 3),
        ([CONTENDED, BEFORE], True, 3),
        ([CONTENDED] * 3, False, 3),
    ],
)
async def test_what_fails_is_tried_three_times_in_all(faults: Iterable[Fault], answered: bool, asked: int) -> None:
    rig = Rig(*faults)
    assert (await rig.reads(), rig.failing.asked) == (answered, asked)


async def test_every_operation_is_tried_again_except_a_sweep() -> None:
    rig = Rig(BEFORE)
    await rig.store.write([Delete(Kind.SESSION, "a")], 0.0)
    rig.then(BEFORE)
    assert [item["n"] async for item in rig.store.find(Kind.SESSION, "state", "live", 0.0)] == [0, 1, 2]
    rig.then(BEFORE)
    with pytest.raises(Unavailable):
        await rig.store.sweep(0.0)
    assert await rig.store.sweep(0.0) == 7


async def test_a_refusal_is_an_answer_and_not_tried_again() -> None:
    rig = Rig()
    rig.inner.refuses = True
    with pytest.raises(Refused):
        await rig.store.write([Delete(Kind.SESSION, "a")], 0.0)
    assert rig.failing.asked == 1


async def test_a_store_that_hangs_is_given_up_in_time_and_counts_as_a_failure() -> None:
    rig = Rig(*[HANGS] * 5, patience=Patience(tries=3, backoff=0.0, seconds=0.05))
    async with asyncio.timeout(20):
        for _ in range(5):
            assert not await rig.reads()
        assert rig.failing.asked == 5
        assert not await rig.reads()
    assert rig.failing.asked == 5


async def test_no_wait_begins_that_would_outlast_the_patience() -> None:
    rig = Rig(BEFORE, patience=Patience(tries=3, backoff=1e6, seconds=20.0))
    async with asyncio.timeout(10):
        assert not await rig.reads()
    assert rig.failing.asked == 1


async def test_an_interrupted_search_gives_what_it_had_and_its_error() -> None:
    rig = Rig()
    rig.failing.find_fails_after = 2
    found = rig.store.find(Kind.SESSION, "state", "live", 0.0)
    assert [(await anext(found))["n"] for _ in range(2)] == [0, 1]
    with pytest.raises(Unavailable):
        await anext(found)


async def test_a_search_without_records_is_empty() -> None:
    class Empty(Answering):
        async def find(self, kind: Kind, field: str, value: str, now: float) -> AsyncIterator[Item]:
            for nothing in list[Item]():
                yield nothing

    store = Guarded(Empty(), QUICK, TERMS, lambda: 0.0, lambda: 1.0)
    assert [item async for item in store.find(Kind.SESSION, "state", "live", 0.0)] == []


async def test_after_five_failures_in_a_row_the_store_is_left_alone_for_thirty_seconds() -> None:
    rig = Rig()
    await rig.opened()
    assert rig.failing.asked == 5
    rig.now = 12.0
    for refused in (
        rig.store.read(Kind.SESSION, ["a"], 0.0),
        rig.store.write([Delete(Kind.SESSION, "a")], 0.0),
        rig.store.sweep(0.0),
        anext(rig.store.find(Kind.SESSION, "state", "live", 0.0)),
    ):
        with pytest.raises(Unavailable) as error:
            await refused
        assert (error.value.reason, error.value.retry_after) == ("STORE_UNAVAILABLE", timedelta(seconds=18))
    assert rig.failing.asked == 5
    rig.now = 30.0
    assert await rig.reads()
    assert await rig.reads()


async def test_the_trial_after_the_rest_is_one_call_and_its_failure_costs_another_rest() -> None:
    rig = Rig()
    await rig.opened()
    rig.now = 30.0
    rig.then(BEFORE)
    results = await asyncio.gather(*(rig.reads() for _ in range(10)))
    assert not any(results)
    assert rig.failing.asked == 6
    rig.now = 59.9
    assert not await rig.reads()
    rig.now = 60.0
    assert await rig.reads()


async def test_refusals_between_failures_keep_the_breaker_closed() -> None:
    rig = Rig()
    rig.inner.refuses = True
    for _ in range(4):
        rig.then(BEFORE, BEFORE)
        with pytest.raises(Refused):
            await rig.store.write([Delete(Kind.SESSION, "a")], 0.0)
    assert rig.failing.asked == 12


async def test_contention_never_opens_the_breaker_and_does_not_hide_failures() -> None:
    rig = Rig(*[CONTENDED] * 30)
    for _ in range(10):
        assert not await rig.reads()
    assert await rig.reads()
    rig.then(BEFORE, CONTENDED, BEFORE, BEFORE, CONTENDED, BEFORE, CONTENDED, BEFORE)
    for _ in range(3):
        assert not await rig.reads()
    asked = rig.failing.asked
    assert not await rig.reads()
    assert rig.failing.asked == asked


async def test_a_caller_that_leaves_does_not_count_and_frees_the_trials_place() -> None:
    rig = Rig()
    await rig.opened()
    rig.now = 30.0
    rig.then(HANGS)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await rig.reads()
    assert await rig.reads()


async def test_each_change_of_the_breaker_is_logged_once() -> None:
    rig = Rig()
    with capture_logs() as logs:
        await rig.opened()
        for _ in range(3):
            assert not await rig.reads()
        rig.now = 30.0
        for _ in range(3):
            assert await rig.reads()
    assert [line["state"] for line in logs if line["event"] == "breaker_changed"] == ["open", "half_open", "closed"]


@given(
    patience=st.builds(Patience, st.integers(1, 6), st.floats(0, 2), st.floats(0.1, 10)),
    failures=st.integers(1, 10),
    left=st.floats(0, 10),
    random=st.floats(0, 1),
)
def test_the_wait_is_random_below_a_bound_that_doubles_and_fits_into_what_is_left(
    patience: Patience, failures: int, left: float, random: float
) -> None:
    wait = patience.wait(failures, left, random)
    if wait is None:
        assert failures >= patience.tries or patience.backoff * 2 ** (failures - 1) * random >= left
    else:
        assert failures < patience.tries
        assert 0 <= wait <= patience.backoff * 2 ** (failures - 1)
        assert wait < left


def test_full_jitter_uses_the_whole_range() -> None:
    patience = Patience(tries=3, backoff=0.1)
    assert [patience.wait(failures, 10.0, random) for failures in (1, 2) for random in (0.0, 0.5, 1.0)] == [
        0.0, 0.05, 0.1, 0.0, 0.1, 0.2,
    ]  # fmt: skip
