"""Failover: who is asked now, and who serves."""

from contextlib import nullcontext

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from chassis.aws import Misconfigured
from chassis.breaker import BreakerTerms, State
from chassis.errors import Exhausted, Invalid, LingocastError, Unavailable
from chassis.failover import Choice, Failover, FailoverTerms, Moved
from chassis.ranking import Attempt, Ranking

TERMS = FailoverTerms(BreakerTerms(failures=3, rest=30.0), lasting_rest=300.0)
TWO = ("aws", "local")


def failover(*engines: str) -> Failover:
    return Failover(engines or TWO, TERMS)


def asked(machine: Failover, now: float, *offered: str) -> str:
    """Who would be asked, without asking."""
    choice = machine.choose(offered or TWO, now)
    machine.abandoned(choice)
    return choice.engine


def break_down(machine: Failover, now: float, *offered: str) -> Moved | None:
    """The engine in front fails as often as it may."""
    moved = None
    for _ in range(TERMS.breaker.failures):
        moved = machine.failed(machine.choose(offered or TWO, now), now)
    return moved


def test_the_preferred_engine_is_asked_while_it_is_well() -> None:
    machine = failover()
    assert machine.choose(TWO, 0.0).engine == "aws"
    assert machine.serving(TWO) == "aws"


def test_failures_that_are_not_in_a_row_change_nothing() -> None:
    machine = failover()
    for outcome in "ffsffsff":
        choice = machine.choose(TWO, 0.0)
        assert (machine.succeeded(choice) if outcome == "s" else machine.failed(choice, 0.0)) is None
    assert asked(machine, 0.0) == "aws"


def test_after_too_many_failures_in_a_row_the_next_engine_serves() -> None:
    machine = failover()
    assert break_down(machine, 0.0) == Moved("aws", "local")
    assert asked(machine, 29.9) == "local"


def test_a_recovered_engine_takes_over_again_after_one_good_trial() -> None:
    machine = failover()
    break_down(machine, 0.0)
    trial = machine.choose(TWO, 30.0)
    assert (trial.engine, machine.standing("aws")) == ("aws", State.HALF_OPEN)
    assert asked(machine, 30.0) == "local"  # While the trial runs.
    assert machine.succeeded(trial) == Moved("local", "aws")
    assert asked(machine, 30.0) == "aws"


def test_a_trial_that_fails_costs_another_rest() -> None:
    machine = failover()
    break_down(machine, 0.0)
    assert machine.failed(machine.choose(TWO, 30.0), 31.0) is None
    assert asked(machine, 60.9) == "local"
    assert asked(machine, 61.0) == "aws"


def test_what_only_a_person_can_mend_moves_at_once_and_is_tried_again_rarely() -> None:
    machine = failover()
    assert machine.failed(machine.choose(TWO, 0.0), 0.0, lasting=True) == Moved("aws", "local")
    assert asked(machine, 299.9) == "local"
    assert machine.failed(machine.choose(TWO, 300.0), 300.0, lasting=True) is None
    assert asked(machine, 599.9) == "local"
    assert machine.succeeded(machine.choose(TWO, 600.0)) == Moved("local", "aws")


def test_one_that_was_given_up_rests_at_once() -> None:
    machine = failover()
    assert machine.gave_up("aws", 0.0) == Moved("aws", "local")
    assert machine.gave_up("aws", 20.0) is None
    assert asked(machine, 29.9) == "local"
    assert asked(machine, 30.0) == "aws"


def test_when_all_rest_the_one_that_rests_least_long_is_asked_all_the_same() -> None:
    machine = failover()
    machine.failed(machine.choose(TWO, 0.0), 0.0, lasting=True)
    break_down(machine, 1.0)
    choice = machine.choose(TWO, 2.0)
    assert (choice.engine, choice.for_want_of_another) == ("local", True)
    assert machine.succeeded(choice) is None
    assert machine.standing("local") is State.OPEN


def test_an_engine_alone_is_always_asked() -> None:
    machine = failover("local")
    assert break_down(machine, 0.0, "local") is None
    assert [asked(machine, now, "local") for now in (0.0, 10.0, 30.0)] == ["local"] * 3


def test_work_that_only_one_engine_can_do_goes_to_it() -> None:
    machine = failover()
    assert asked(machine, 0.0, "local") == "local"
    assert machine.serving(("local",)) == "local"


def test_work_under_way_is_taken_over_only_by_an_engine_that_is_well_or_on_trial() -> None:
    machine = failover("aws", "other", "local")
    three = ("aws", "other", "local")
    break_down(machine, 0.0, *three)
    break_down(machine, 0.0, *three)
    assert machine.better("local", three, 10.0) is None
    assert machine.better("aws", three, 30.0) is None
    trial = machine.better("local", three, 30.0)
    assert trial is not None
    assert trial.engine == "aws"
    second = machine.better("local", three, 30.0)
    assert second is not None
    assert second.engine == "other"
    assert machine.better("local", three, 30.0) is None


@given(
    names=st.lists(st.sampled_from("abcd"), min_size=1, max_size=4, unique=True),
    steps=st.lists(
        st.tuples(st.floats(0.0, 400.0), st.sampled_from(["succeeds", "fails", "lasting", "abandoned", "runs on"])),
        max_size=60,
    ),
)
def test_whatever_fails_somebody_is_asked_and_the_preferred_of_those_that_may_be(
    names: list[str], steps: list[tuple[float, str]]
) -> None:
    machine, now, running = Failover(names, TERMS), 0.0, list[Choice]()
    serving = names[0]
    for gap, outcome in steps:
        now += gap
        choice = machine.choose(names, now)
        before = names[: names.index(choice.engine)]
        assert choice.for_want_of_another or all(machine.standing(name) is not State.CLOSED for name in before)
        assert not choice.for_want_of_another or all(machine.standing(name) is not State.CLOSED for name in names)
        moved = None
        match outcome:
            case "succeeds":
                moved = machine.succeeded(choice)
            case "fails" | "lasting":
                moved = machine.failed(choice, now, lasting=outcome == "lasting")
            case "abandoned":
                machine.abandoned(choice)
            case _:
                running.append(choice)
        if moved is not None:
            assert moved.before == serving != moved.after
            serving = moved.after
        assert serving == machine.serving(names)
    # When all that runs has come to its end and every rest is over, the preferred one is asked again.
    for choice in running:
        machine.abandoned(choice)
    assert machine.choose(names, now + TERMS.lasting_rest + 1.0).engine == names[0]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def tried(ranking: Ranking[str], error: BaseException | None = None) -> str:
    """The first attempt's engine; `error` comes of it."""
    attempt = next(ranking.attempts(TWO))
    raised = pytest.raises(type(error)) if error is not None else nullcontext()
    with raised, ranking.judged(attempt):
        if error is not None:
            raise error
    return attempt.name


@pytest.mark.parametrize(
    ("error", "times"),
    [
        (Unavailable("SYNTHESIS_FAILED", "lost"), 3),
        (Exhausted("ENGINE_OVERLOADED", "too much"), 3),
        (TimeoutError(), 3),
        (RuntimeError("a defect"), 3),
        (Misconfigured("AWS_SETUP", "no credentials"), 1),
    ],
)
def test_what_a_failure_says_of_the_engine(error: Exception, times: int) -> None:
    ranking = Ranking("synthesis", {"aws": "a", "local": "l"}, TERMS, Clock())
    assert [tried(ranking, error) for _ in range(times)] == ["aws"] * times
    assert tried(ranking) == "local"


@pytest.mark.parametrize("error", [Invalid("TRANSLATION_FAILED", "no such word"), KeyboardInterrupt(), GeneratorExit()])
def test_what_says_nothing_against_the_engine(error: LingocastError | BaseException) -> None:
    ranking = Ranking("synthesis", {"aws": "a", "local": "l"}, TERMS, Clock())
    assert {tried(ranking, error) for _ in range(20)} == {"aws"}


def test_each_engine_has_one_turn_and_the_last_is_known_as_such() -> None:
    ranking = Ranking("synthesis", {"aws": "a", "local": "l"}, TERMS, Clock())
    turns: list[Attempt[str]] = list(ranking.attempts(TWO))
    assert [(turn.name, turn.engine, turn.is_last) for turn in turns] == [("aws", "a", False), ("local", "l", True)]


def test_a_change_of_the_engine_is_logged_once_and_the_way_back_too() -> None:
    clock = Clock()
    ranking = Ranking("synthesis", {"aws": "a", "local": "l"}, TERMS, clock)
    with structlog.testing.capture_logs() as logs:
        for _ in range(5):
            tried(ranking, Unavailable("SYNTHESIS_FAILED", "lost"))
        clock.now = 31.0
        tried(ranking)
    assert [(line["event"], line["before"], line["after"]) for line in logs] == [
        ("engine_changed", "aws", "local"),
        ("engine_changed", "local", "aws"),
    ]


def test_an_engine_counts_as_well_once_its_rest_is_over_although_nobody_has_asked_it_since() -> None:
    clock = Clock()
    ranking = Ranking("recognition", {"aws": "a", "local": "l"}, TERMS, clock)
    tried(ranking, Misconfigured("AWS_SETUP", "no credentials"))
    clock.now = 299.0
    assert list(ranking.well()) == ["local"]
    clock.now = 300.0
    assert list(ranking.well()) == ["aws", "local"]


def test_an_engine_stands_in_while_those_before_it_are_out_of_order() -> None:
    ranking = Ranking("synthesis", {"aws": "a", "local": "l"}, TERMS, Clock())
    assert not ranking.stands_in("local", TWO)
    tried(ranking, Misconfigured("AWS_SETUP", "no credentials"))
    assert ranking.stands_in("local", TWO)
    assert not ranking.stands_in("local", ("local",))
    assert not ranking.stands_in("aws", TWO)
