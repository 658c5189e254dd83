"""Who is spoken by the neural voice while it cannot speak all: steadily, premium first, back when there is room."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random

import pytest

from synthesis_svc.domain.framing import FIRST_AUDIO_SECONDS, PLAYED_SECONDS_PER_CHARACTER, paced
from synthesis_svc.domain.seats import HOLD_SECONDS, Estimate, Seats
from synthesis_svc.domain.workload import Place, Workload

STANDARD, PREMIUM = (1, 2.0), (0, 6.0)  # Turn and patience.
# Seconds a character on two cores: alone, beside a recogniser, beside much else.
QUIET, LOADED, STARVED = 0.0105, 0.018, 0.08


@dataclass
class Talk:
    """Five minutes of one speaker, spoken in several feeds at once by workers of a given speed."""

    feeds: dict[str, tuple[int, float]]
    speed: Callable[[float], float]
    workers: int = 1
    minutes: float = 5.0
    neural: dict[str, list[bool]] = field(default_factory=dict)
    waits: dict[str, list[float]] = field(default_factory=dict)

    def changes(self, feed: str) -> int:
        return sum(before != after for before, after in pairwise(self.neural[feed]))

    def plain(self, feed: str) -> float:
        return self.neural[feed].count(False) / len(self.neural[feed])

    def run(self) -> "Talk":
        random = Random(1)
        load, seats = Workload(self.workers, self.speed(0.0), 8), Seats(self.workers)
        self.neural = {feed: [] for feed in self.feeds}
        self.waits = {feed: [] for feed in self.feeds}
        events: list[tuple[float, int, str | Place, int]] = []
        at, number = 0.0, 0
        while at < 60 * self.minutes:
            characters = random.randint(40, 110)
            for feed in self.feeds:
                number += 1
                heapq.heappush(events, (at + 0.01 * number % 0.1, number, feed, characters))
            at += characters / 16
        waiting: list[tuple[Place, int, str, float]] = []
        begun: dict[Place, float] = {}
        while events:
            now, _, what, characters = heapq.heappop(events)
            if isinstance(what, Place):
                load.remove(what, now - begun.pop(what))
            else:
                turn, patience = self.feeds[what]
                cost = load.cost_seconds(characters)
                load.relax(now)
                first = min(paced(load.seconds_per_character, piece_characters=8).first_most, characters)
                making = load.cost_seconds(first)
                wait = load.wait_seconds(turn, now) + max(making - FIRST_AUDIO_SECONDS, 0.0)
                self.neural[what].append(
                    taken(seats, what, now, turn=turn, work=cost, played=characters / 16, wait=wait, patience=patience)
                )
                if self.neural[what][-1]:
                    limits, due = paced(load.seconds_per_character, piece_characters=8), now
                    while characters > 0:
                        size = min(limits.first_most if due == now else limits.most, characters)
                        heapq.heappush(waiting, (load.add(turn, due, size), size, what, now if due == now else -1.0))
                        due += size * PLAYED_SECONDS_PER_CHARACTER
                        characters -= size
            while waiting and len(begun) < self.workers:
                place, size, feed, asked = heapq.heappop(waiting)
                begun[place] = now
                load.begin(place, now)
                if asked >= 0:
                    self.waits[feed].append(now - asked)
                number += 1
                work = self.speed(now) * (8 + size) * random.uniform(0.7, 1.3)
                heapq.heappush(events, (now + work, number, place, 0))
        return self


def taken(
    seats: Seats,
    feed: str,
    now: float,
    *,
    turn: int = 1,
    work: float = 0.1,
    played: float = 5.0,
    wait: float = 0.0,
    patience: float = 2.0,
) -> bool:
    return seats.take(feed, turn, Estimate(work, played, wait), patience, now)


def standard(count: int) -> dict[str, tuple[int, float]]:
    return {f"feed {number}": STANDARD for number in range(count)}


@pytest.mark.parametrize(("count", "speed"), [(1, LOADED), (2, QUIET), (2, LOADED), (3, QUIET)])
def test_all_have_the_neural_voice_where_there_is_room(count: int, speed: float) -> None:
    talk = Talk(standard(count), lambda _: speed).run()
    assert all(talk.plain(feed) == 0.0 for feed in talk.feeds)


@pytest.mark.parametrize(("count", "speed"), [(3, LOADED), (4, LOADED), (5, LOADED), (5, QUIET), (8, QUIET)])
def test_too_many_feeds_keep_their_voices(count: int, speed: float) -> None:
    talk = Talk(standard(count), lambda _: speed).run()
    assert max(talk.changes(feed) for feed in talk.feeds) <= 8
    assert sum(talk.plain(feed) < 0.1 for feed in talk.feeds) >= 1
    assert sum(talk.plain(feed) > 0.5 for feed in talk.feeds) >= 1


@pytest.mark.parametrize("count", [3, 5])
def test_what_is_spoken_by_the_neural_voice_does_not_wait(count: int) -> None:
    talk = Talk(standard(count), lambda _: LOADED).run()
    waits = sorted(wait for feed in talk.feeds for wait in talk.waits[feed])
    assert waits[round(0.9 * len(waits))] < 1.5


def test_premium_keeps_its_voice_and_takes_a_seat_from_standard() -> None:
    talk = Talk({**standard(3), "premium": PREMIUM}, lambda _: LOADED).run()
    assert talk.plain("premium") == 0.0
    assert sum(talk.plain(feed) > 0.5 for feed in talk.feeds) >= 2


def test_a_busy_minute_costs_the_voice_for_a_while_and_it_comes_back() -> None:
    talk = Talk(standard(2), lambda now: QUIET * (5 if 60 < now < 90 else 1), minutes=10).run()
    for feed in talk.feeds:
        assert talk.changes(feed) <= 6
        assert all(talk.neural[feed][-10:])


def test_a_machine_that_never_keeps_up_is_tried_ever_more_seldom() -> None:
    talk = Talk(standard(1), lambda _: STARVED, minutes=30).run()
    tries = talk.neural["feed 0"]
    assert tries.count(True) < 0.1 * len(tries)
    assert tries[len(tries) // 2 :].count(True) <= tries[: len(tries) // 2].count(True)


def test_more_workers_seat_more_feeds() -> None:
    talk = Talk(standard(6), lambda _: LOADED, workers=4).run()
    assert all(talk.plain(feed) < 0.1 for feed in talk.feeds)


def test_a_cue_beyond_its_patience_is_not_taken_whoever_it_is() -> None:
    seats = Seats(1)
    assert taken(seats, "a", 0.0, turn=0)
    assert not taken(seats, "a", 1.0, turn=0, wait=2.1)


def test_a_long_text_is_no_more_work_a_second_than_a_short_one() -> None:
    seats = Seats(1)
    assert taken(seats, "a", 0.0, work=30.0, played=60.0)
    assert not taken(seats, "b", 1.0, work=30.0, played=60.0)
    assert taken(Seats(2), "a", 0.0, work=30.0, played=60.0)


def test_a_voice_slower_than_speech_loses_its_seat_though_nobody_waits() -> None:
    seats = Seats(1)
    assert not all(taken(seats, "a", second, work=8.0, played=5.0) for second in range(0, 30, 5))


def test_a_cue_given_up_for_being_late_costs_a_seat() -> None:
    seats = Seats(1)
    assert taken(seats, "a", 0.0)
    seats.late(4.0)
    assert not taken(seats, "a", 5.0)
    seats.late(6.0)


def test_a_seat_that_was_lost_is_not_given_back_at_the_next_sentence() -> None:
    seats = Seats(1)
    taken(seats, "a", 0.0)
    assert not taken(seats, "a", 10.0, wait=5.0)
    assert not taken(seats, "a", 10.0 + HOLD_SECONDS - 1)
    assert taken(seats, "a", 10.0 + HOLD_SECONDS + 1)


def test_a_feed_that_ended_leaves_its_seat_to_others() -> None:
    seats = Seats(1)
    for second in range(0, 30, 5):
        assert taken(seats, "a", second, work=4.0)
        assert not taken(seats, "b", second + 1, work=4.0)
    assert taken(seats, "b", 200.0, work=4.0)
