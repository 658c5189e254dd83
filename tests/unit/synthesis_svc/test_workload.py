"""How long a cue would wait for Kokoro."""

import pytest

from synthesis_svc.domain.workload import Workload


def test_nothing_queued_means_no_wait() -> None:
    assert Workload(1, 0.05).wait_seconds(turn=1, now=10.0) == 0.0


def test_text_that_is_due_earlier_is_waited_for() -> None:
    load = Workload(1, 0.05)
    load.add(turn=1, due=10.0, characters=40)
    assert load.wait_seconds(turn=1, now=10.1) == pytest.approx(2.0)


def test_later_pieces_of_other_cues_are_not_waited_for() -> None:
    load = Workload(1, 0.05)
    load.add(turn=1, due=10.0, characters=20)
    load.add(turn=1, due=13.0, characters=100)
    assert load.wait_seconds(turn=1, now=10.1) == pytest.approx(1.0)
    assert load.wait_seconds(turn=1, now=13.1) == pytest.approx(6.0)


def test_premium_waits_for_premium_only() -> None:
    load = Workload(1, 0.05)
    load.add(turn=1, due=10.0, characters=100)
    load.add(turn=0, due=10.0, characters=20)
    assert load.wait_seconds(turn=0, now=10.1) == pytest.approx(1.0)


def test_workers_share_the_queue() -> None:
    load = Workload(2, 0.05)
    load.add(turn=1, due=10.0, characters=40)
    assert load.wait_seconds(turn=1, now=11.0) == pytest.approx(1.0)


def test_the_speed_is_learned_from_what_pieces_took() -> None:
    load = Workload(1, 0.05)
    for _ in range(50):
        load.remove(load.add(turn=1, due=0.0, characters=10), seconds=2.0)
    assert load.seconds_per_character == pytest.approx(0.2, rel=0.01)


def test_a_piece_that_takes_too_long_says_so_before_it_ends() -> None:
    load = Workload(1, 0.05)
    place = load.add(turn=1, due=10.0, characters=20)
    load.begin(place, now=10.0)
    assert load.wait_seconds(turn=1, now=10.5) == pytest.approx(1.0)
    assert load.wait_seconds(turn=1, now=14.0) == pytest.approx(4.0)
    load.remove(place, seconds=4.0)
    assert load.wait_seconds(turn=1, now=14.0) == 0.0


def test_what_was_learned_in_busy_times_is_forgotten_in_idle_ones() -> None:
    load = Workload(1, 0.05)
    for _ in range(50):
        load.remove(load.add(turn=1, due=0.0, characters=10), seconds=2.0)
    busy = load.add(turn=1, due=0.0, characters=10)
    load.relax(0.0)
    load.relax(60.0)
    assert load.seconds_per_character == pytest.approx(0.2, rel=0.01)
    load.remove(busy)
    load.relax(100.0)
    load.relax(130.0)
    assert load.seconds_per_character == pytest.approx(0.125, rel=0.01)
    load.relax(1000.0)
    assert load.seconds_per_character == pytest.approx(0.05, rel=0.01)


def test_a_piece_costs_more_than_its_text() -> None:
    load = Workload(1, 0.05, piece_characters=8)
    assert load.cost_seconds(12, 2) == pytest.approx(1.5)
    place = load.add(turn=1, due=0.0, characters=2)
    assert load.wait_seconds(turn=1, now=0.0) == pytest.approx(0.5)
    load.remove(place, seconds=0.5)
    assert load.seconds_per_character == pytest.approx(0.05)


def test_a_piece_given_up_teaches_nothing_and_counts_no_more() -> None:
    load = Workload(1, 0.05)
    place = load.add(turn=1, due=0.0, characters=10)
    load.remove(place)
    load.remove(place, seconds=99.0)
    assert len(load) == 0
    assert load.seconds_per_character == 0.05


def test_places_are_served_by_turn_then_by_need_then_by_arrival() -> None:
    load = Workload(1, 0.05)
    later, early, premium, same = (
        load.add(1, 20.0, 1),
        load.add(1, 10.0, 1),
        load.add(0, 30.0, 1),
        load.add(1, 10.0, 1),
    )
    assert sorted([later, early, premium, same]) == [premium, early, same, later]
