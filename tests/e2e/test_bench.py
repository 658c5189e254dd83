"""The benches of sessions and of receiving work, small: their figures are for a person, what they count is not a matter
of speed."""

import json
from pathlib import Path

import pytest

from session_svc.store.writes import Change, Delete, Kind, Put, Write
from tests.bench import receiving
from tests.bench.counted_session import write_units
from tests.bench.session_report import GOALS
from tests.bench.sessions import Sizes, run

SMALL = Sizes(
    creates=3,
    listeners=12,
    statuses=3,
    controls=4,
    searches=3,
    moves=3,
    quiet_seconds=1.0,
    burst_seconds=0.5,
    burst_sessions=2,
)

pytestmark = pytest.mark.measures


async def test_the_bench_of_sessions_measures_every_goal_and_counts_what_each_action_costs(tmp_path: Path) -> None:
    await run(tmp_path, ["sqlite"], SMALL)
    (found,) = json.loads((tmp_path / "bench-sessions.json").read_text())
    assert set(found["measured"]) == set(GOALS)
    assert found["measured"]["join"]["n"] == SMALL.listeners
    costs = found["costs"]
    # Heartbeats as the protocol asks cost the store nothing; a join is one transaction, and a place in each limit.
    assert (costs["heartbeat"]["calls"], costs["heartbeat"]["reads"], costs["heartbeat"]["writes"]) == (0, 0, 0)
    assert (costs["join"]["calls"], costs["join"]["writes"], costs["join"]["records_written"]) == (4, 3, 4)
    assert costs["leave"]["writes"] == 1
    assert all(rate["joins"] > 0 for rate in found["rates"])
    report = (tmp_path / "bench-sessions.md").read_text()
    assert "SQLite, 12 listeners" in report


async def test_the_bench_of_receiving_counts_every_frame_and_judges_every_goal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whatever holds up this machine: what comes late comes at once.
    monkeypatch.setenv("EDGE_AUDIO_CHUNKS_PER_SECOND", "1000")
    sizes = receiving.Sizes(speakers=5, warm_seconds=0.5, seconds=1.0, listeners=8, controls=4)
    found = await receiving.run(tmp_path, sizes)
    # What is a matter of speed is for a person to judge; that nothing is lost is not.
    assert (found.dropped, found.lost) == (0, 0)
    assert found.frames_sent == found.frames_heard > 5 * 50
    assert len(found.told_quiet["last listener"]) == len(found.told_busy["speaker"]) == 4
    assert found.processors["edge"] > 0
    figures = json.loads((tmp_path / "bench" / "receiving.json").read_text())
    assert len(figures["goals"]) == 5
    assert figures["delays"]["n"] > 5 * 40
    assert "5 speakers with 50 frames a second" in (tmp_path / "bench" / "receiving.md").read_text()


def test_write_units_follow_amazons_rules() -> None:
    join: list[Write] = [Put(Kind.CONNECTION, "c", {"ttl": 9.0}), Change(Kind.SESSION, "s", add={"listener_count": 1})]
    assert write_units(join) == 2 + 2 + 2  # Two records in a transaction, and the connection in both of its indexes.
    move = Change(Kind.CONNECTION, "c", set={"target_language": "es"})
    assert write_units([move]) == 1 + 2 + 1  # It moves in the index by language, and changes in the other.
    assert write_units([Change(Kind.SESSION, "s", set={"state": "ending"})]) == 1 + 2
    assert write_units([Put(Kind.LEASE, "e", {"ttl": 9.0}, fresh=False)]) == 1
    assert write_units([Delete(Kind.CONNECTION, str(number)) for number in range(50)]) == 50 * (2 + 2)
