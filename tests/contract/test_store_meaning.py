"""Every store means by a write what `writes.allowed` and `outcome` say: any record, any write, any conditions."""

import asyncio
import itertools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from session_svc.store.writes import (
    Above,
    Below,
    Change,
    Condition,
    Delete,
    Is,
    Item,
    Kind,
    Put,
    Refused,
    Value,
    Write,
    allowed,
    outcome,
)
from tests.contract.test_session_store import STORES, store_of
from tests.databases import DYNAMODBS

NOW = 100.0
TTLS = st.sampled_from([50.0, NOW, NOW + 2**-10, 1000.25])
# A store need not tell True from 1, so each field keeps to one type.
TYPES: dict[str, st.SearchStrategy[Value]] = {
    "count": st.integers(-3, 3),
    "listeners:pt-BR": st.integers(-3, 3),
    "state": st.sampled_from(["live", "ended", "-", "às ☀"]),
    "session_id": st.sampled_from(["", "faithful-shepherd-427"]),
    "speaker_connected": st.booleans(),
    "volume": st.sampled_from([0.0, 0.1, 1 / 3, 1.0, 1e22, 1e-9]),
}
FIELDS = st.fixed_dictionaries({}, optional=TYPES)
ITEMS = st.builds(lambda fields, ttl: {**fields, "ttl": ttl}, FIELDS, TTLS)
COUNTERS = st.sampled_from(["count", "listeners:pt-BR", "ttl", "volume", "missing"])
EQUALS = ["count", "listeners:pt-BR", "state", "session_id", "speaker_connected"]
CONDITIONS: st.SearchStrategy[Condition] = st.one_of(
    st.sampled_from(EQUALS).flatmap(lambda name: st.builds(Is, st.just(name), TYPES[name])),
    st.builds(Is, st.just("missing"), st.sampled_from(["", 0, False])),
    st.builds(Below, COUNTERS, st.one_of(st.integers(-3, 3), st.just(NOW + 1), st.just(0.2))),
    st.builds(Above, COUNTERS, st.one_of(st.integers(-3, 3), st.just(NOW), st.just(-0.2))),
)
WHERE = st.lists(CONDITIONS, max_size=3).map(tuple)
SETS = st.builds(
    lambda fields, ttl: {**fields, **ttl}, FIELDS, st.fixed_dictionaries({}, optional={"ttl": st.just(2000.5)})
)
ADDS = st.dictionaries(st.sampled_from(["count", "listeners:pt-BR", "missing"]), st.integers(-3, 3), max_size=2)
KINDS = st.sampled_from([Kind.SESSION, Kind.LEASE, Kind.SPEAKER])


def writes_of(kind: Kind) -> st.SearchStrategy[Write]:
    key = st.just("?")
    return st.one_of(
        st.builds(Put, st.just(kind), key, ITEMS, st.booleans()),
        st.builds(Change, st.just(kind), key, WHERE, SETS, ADDS),
        st.builds(Delete, st.just(kind), key, WHERE),
    )


CASES = KINDS.flatmap(lambda kind: st.tuples(st.none() | ITEMS, writes_of(kind), st.booleans()))


def keyed(write: Write, key: str) -> Write:
    match write:
        case Put(kind, _, item, fresh):
            return Put(kind, key, item, fresh)
        case Change(kind, _, where, fields, sums):
            return Change(kind, key, where, fields, sums)
        case Delete(kind, _, where):
            return Delete(kind, key, where)


@pytest.mark.parametrize("name", STORES)
def test_a_store_means_by_writes_what_they_mean(name: str, tmp_path: Path) -> None:
    keys = map(str, itertools.count(1))
    with asyncio.Runner() as runner:
        opened = store_of(name, tmp_path)
        _, store = runner.run(opened.__aenter__())

        @settings(max_examples=100 if name in DYNAMODBS else 300, deadline=None)
        @given(CASES)
        def holds(case: tuple[Item | None, Write, bool]) -> None:
            before, write, beside_another = case
            key, other = next(keys), next(keys)
            write = keyed(write, key)
            runner.run(agrees(before, write, other if beside_another else ""))

        async def agrees(before: Item | None, write: Write, other: str) -> None:
            if before is not None:
                await store.write([Put(write.kind, write.key, before)], 0.0)
            there = before if before is not None and float(before["ttl"]) > NOW else None
            beside = [Put(Kind.LIMIT, other, {"ttl": 5000.0})] if other else []
            if allowed(write, there):
                await store.write([*beside, write], NOW)
                after = outcome(write, there)
            else:
                with pytest.raises(Refused) as refused:
                    await store.write([*beside, write], NOW)
                assert refused.value.positions == {len(beside)}
                after = before
            # Seen from before every ttl, what was written shows whole.
            assert await store.read(write.kind, [write.key], 0.0) == ({write.key: after} if after is not None else {})
            now_there = after is not None and float(after["ttl"]) > NOW
            assert (write.key in await store.read(write.kind, [write.key], NOW)) is now_there
            assert bool(await store.read(Kind.LIMIT, [other], NOW)) is (bool(other) and allowed(write, there))

        try:
            holds()
        finally:
            runner.run(opened.__aexit__(None, None, None))
