"""What the soak takes for a leak, a loss and an excuse."""

import json
from collections.abc import Callable

import pytest

from edge.client import AudioDropped, Caption, CueEnd, CueStart, Disconnected, Event
from tests.soak.account import Disturbance, Heard, shortfall
from tests.soak.samples import Life, Sample, Trend, together, trends
from tests.soak.soak import unexpected

MEGABYTE = 1 << 20


def life(rss_megabytes: Callable[[float], float], descriptors: Callable[[float], int], seconds: int = 900) -> Life:
    samples = [Sample(at, round(rss_megabytes(at) * MEGABYTE), descriptors(at)) for at in range(0, seconds + 1, 10)]
    return Life("edge", 7, samples)


def only_trend(one: Life) -> Trend:
    (trend,) = trends([one], 900)
    return trend


def test_memory_that_levels_off_after_a_third_is_flat_whatever_it_did_before() -> None:
    trend = only_trend(life(lambda at: 50 + min(at, 300) / 10, lambda _: 40))
    assert trend.rss_is_flat
    assert trend.rss_ratio == pytest.approx(1.0)


def test_memory_that_grows_steadily_is_told_with_its_slope() -> None:
    trend = only_trend(life(lambda at: 50 + at / 30, lambda _: 40))
    assert not trend.rss_is_flat
    assert trend.bytes_a_minute == pytest.approx(2 * MEGABYTE, rel=0.05)


@pytest.mark.parametrize(("each_minute", "flat"), [(0.5, True), (2.0, False)])
def test_of_few_descriptors_a_few_may_come_and_go(each_minute: float, flat: bool) -> None:
    trend = only_trend(life(lambda _: 50, lambda at: 30 + int(at / 60 * each_minute)))
    assert trend.descriptors_are_flat is flat


def test_who_lived_only_shortly_is_not_judged() -> None:
    assert trends([life(lambda at: 50 + at, int, seconds=200)], 900) == []


def test_listeners_who_move_from_one_edge_to_the_other_are_no_leak() -> None:
    first = life(lambda _: 50, lambda at: 60 + int(at / 30))
    second = Life("edge-2", 8, [Sample(each.at, 1, 120 - each.descriptors) for each in first.samples if each.at > 100])
    assert not only_trend(first).descriptors_are_flat
    both = only_trend(*together([first, second]))
    assert both.descriptors_are_flat
    assert both.life.samples[0].at == 110
    assert both.descriptors_after == 120


def test_a_run_in_whose_middle_an_edge_was_away_says_nothing_of_both_together() -> None:
    whole = life(lambda _: 50, lambda _: 60)
    away = Life("edge-2", 8, [each for each in whole.samples if not 290 < each.at < 610])
    assert trends(together([whole, away]), 900) == []


def cue(segment: int) -> list[Event]:
    start = CueStart(f"c{segment}", segment, "es", 16_000)
    return [Caption(segment, "es", "…", is_final=True), start, CueEnd(f"c{segment}")]


def heard(*events: Event, at: float = 0.0) -> Heard:
    one = Heard()
    for event in events:
        one.receive(event, at)
    return one


SAID = {1: 10.0, 2: 20.0, 3: 100.0}
NATS = Disturbance("NATS", 95.0, 96.0, loses=True)
RESTART = Disturbance("restart", 95.0, 130.0, loses=False)


def test_who_heard_all_has_nothing_to_complain_of() -> None:
    assert shortfall(SAID, heard(*cue(1), *cue(2), *cue(3)), []).complaints == []


def test_a_caption_that_is_missing_without_a_reason_is_complained_of() -> None:
    found = shortfall(SAID, heard(*cue(1), *cue(3)), [NATS])
    assert found.complaints == ["1 captions missing", "1 cues missing, 0 told"]


def test_what_was_said_when_nats_was_away_may_be_missing_but_not_when_an_edge_drained() -> None:
    so_far = heard(*cue(1), *cue(2))
    assert shortfall(SAID, so_far, [NATS]).complaints == []
    assert shortfall(SAID, so_far, [RESTART]).complaints == ["1 captions missing", "1 cues missing, 0 told"]


def test_a_voice_that_was_left_out_and_told_is_no_loss() -> None:
    captions = [Caption(segment, "es", "…", is_final=True) for segment in SAID]
    assert shortfall(SAID, heard(*captions, AudioDropped(3)), []).complaints == []
    assert shortfall(SAID, heard(*captions, AudioDropped(2)), []).complaints == ["3 cues missing, 2 told"]


def test_a_cue_that_comes_twice_or_before_its_time_is_complained_of() -> None:
    assert shortfall({1: 0.0}, heard(*cue(1), *cue(1)), []).complaints == ["a cue came twice"]
    assert shortfall({1: 0.0, 2: 0.0}, heard(*cue(2), *cue(1)), []).complaints == ["cues out of order"]


def test_a_lost_connection_is_a_fault_unless_an_edge_was_restarted() -> None:
    so_far = heard(*cue(1), Disconnected(1.0), at=120.0)
    assert shortfall({1: 120.0}, so_far, []).complaints == ["lost its connection"]
    assert shortfall({1: 120.0}, so_far, [RESTART]).complaints == []


def test_errors_and_tracebacks_in_a_log_are_found_and_warnings_are_not() -> None:
    lines = [
        json.dumps({"level": "error", "event": "call_failed", "exception": "Boom"}),
        json.dumps({"level": "warning", "event": "slow"}),
        json.dumps({"level": "warning", "event": "Task exception was never retrieved"}),
        "Traceback (most recent call last):",
        "[1] [INF] Server is ready",
        "[1] [ERR] disk",
    ]
    assert [line.split()[1] for line in unexpected("edge", "\n".join(lines))] == [
        *("call_failed", "Task", "Traceback", "[1]")
    ]
