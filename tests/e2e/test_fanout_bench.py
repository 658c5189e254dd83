"""The bench of fan-out works, small: its figures are for a person."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.bench.fanout import QUICK, run
from tests.bench.fanout_report import Row, Sample, cost_of, ratio
from tests.load.contenders import BUN, OURS

# Without what npm would have to fetch, and with few servers: to start one takes longer than all else.
SMALL = replace(
    QUICK, counts=(10, 30), languages=(2,), ways=("plain flavour",), javascript=False, seconds=0.1, stuck_seconds=0.2
)

pytestmark = pytest.mark.measures


async def test_the_bench_of_fan_out_measures_every_figure_and_says_what_it_could_not(tmp_path: Path) -> None:
    found = await run(tmp_path, SMALL)
    every = SMALL.rounds * len(found.names("listeners"))
    assert OURS in found.names("listeners")
    assert len([each for each in found.samples if each.figure == "listeners"]) == every * len(SMALL.counts)
    assert {each.figure for each in found.samples} == {"listeners", "backlog", "languages", "ways", "sessions", "edges"}
    assert all(each.microseconds > 0 and each.first <= each.middle <= each.last for each in found.samples)
    assert found.stuck is not None
    assert len(found.stuck.alone) == len(found.stuck.beside) == SMALL.rounds
    assert BUN in found.missing
    report = (tmp_path / "bench" / "fanout.md").read_text()
    assert f"**{BUN}**: not measured" in report
    assert (tmp_path / "bench" / "fanout.png").stat().st_size > 0
    assert len(json.loads((tmp_path / "bench" / "fanout.json").read_text())["samples"]) == len(found.samples)


def test_ratios_are_taken_of_the_best_rounds_and_within_each_round() -> None:
    def samples(*costs: float) -> list[Sample]:
        return [Sample("listeners", "", 10, number, cost, 1, 2, 3, 4) for number, cost in enumerate(costs)]

    # Within the rounds: 2, 2, 0.5. The best: 2 of 1.
    assert ratio(samples(4, 2, 5), samples(2, 1, 10), cost_of) == (2.0, 2.0)
    assert ratio([], samples(1), cost_of) == (None, None)


def test_a_goal_is_met_by_the_median_of_its_rounds() -> None:
    assert Row("", 0.85, best=0.80, median=0.86).verdict == "met"
    assert Row("", 0.85, best=0.86, median=0.80).verdict == "in the best round"
    assert Row("", 1.2, best=1.3, median=1.3, most=True).verdict == "**missed**"
    assert Row("", 1.2, best=None, median=None).verdict == "not measured"
