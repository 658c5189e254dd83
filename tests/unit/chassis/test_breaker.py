"""The circuit breaker: counts failures in a row, rests, tries once."""

from hypothesis import given
from hypothesis import strategies as st

from chassis.breaker import Breaker, BreakerTerms, Pass, State

TERMS = BreakerTerms(failures=5, rest=30.0)


def let_through(breaker: Breaker, now: float) -> Pass:
    admitted = breaker.admit(now)
    assert admitted is not None
    return admitted


def state_of(breaker: Breaker) -> State:
    return breaker.state


def opened(at: float = 0.0) -> Breaker:
    breaker = Breaker(TERMS)
    for _ in range(5):
        breaker.failed(let_through(breaker, at), at)
    assert state_of(breaker) is State.OPEN
    return breaker


def test_five_failures_in_a_row_open_it_for_thirty_seconds() -> None:
    breaker = Breaker(TERMS)
    for _ in range(4):
        breaker.failed(let_through(breaker, 0.0), 0.0)
    assert (breaker.state, breaker.deadline()) == (State.CLOSED, None)
    breaker.failed(let_through(breaker, 1.0), 2.0)
    assert (breaker.state, breaker.deadline()) == (State.OPEN, 32.0)
    assert breaker.admit(31.9) is None
    assert breaker.admit(32.0) is not None


def test_both_terms_are_settings() -> None:
    breaker = Breaker(BreakerTerms(failures=1, rest=0.5))
    breaker.failed(let_through(breaker, 0.0), 0.0)
    assert breaker.deadline() == 0.5


def test_a_success_in_between_starts_the_count_anew() -> None:
    breaker = Breaker(TERMS)
    for outcome in "ffffsffff":
        admitted = let_through(breaker, 0.0)
        breaker.succeeded(admitted) if outcome == "s" else breaker.failed(admitted, 0.0)
    assert state_of(breaker) is State.CLOSED


def test_after_the_rest_one_call_tries_and_the_others_wait_for_it() -> None:
    breaker = opened()
    trial = let_through(breaker, 30.0)
    assert state_of(breaker) is State.HALF_OPEN
    assert breaker.admit(30.0) is None
    breaker.succeeded(trial)
    assert state_of(breaker) is State.CLOSED
    assert breaker.admit(30.0) is not None
    assert breaker.admit(30.0) is not None


def test_a_trial_that_fails_opens_it_for_another_rest() -> None:
    breaker = opened()
    breaker.failed(let_through(breaker, 30.0), 31.0)
    assert (breaker.state, breaker.deadline()) == (State.OPEN, 61.0)


def test_after_a_good_trial_five_failures_are_needed_again() -> None:
    breaker = opened()
    breaker.succeeded(let_through(breaker, 30.0))
    for _ in range(4):
        breaker.failed(let_through(breaker, 30.0), 30.0)
    assert state_of(breaker) is State.CLOSED


def test_a_trial_that_was_abandoned_leaves_its_place_to_another() -> None:
    breaker = opened()
    breaker.abandoned(let_through(breaker, 30.0))
    assert state_of(breaker) is State.HALF_OPEN
    breaker.succeeded(let_through(breaker, 30.0))
    assert state_of(breaker) is State.CLOSED


def test_what_an_abandoned_call_would_have_said_does_not_count() -> None:
    breaker = Breaker(TERMS)
    for _ in range(4):
        breaker.failed(let_through(breaker, 0.0), 0.0)
    breaker.abandoned(let_through(breaker, 0.0))
    assert state_of(breaker) is State.CLOSED
    breaker.failed(let_through(breaker, 0.0), 0.0)
    assert state_of(breaker) is State.OPEN


def test_an_old_calls_late_word_neither_ends_a_rest_nor_decides_a_trial() -> None:
    breaker = Breaker(TERMS)
    slow = [let_through(breaker, 0.0) for _ in range(3)]
    for _ in range(5):
        breaker.failed(let_through(breaker, 0.0), 0.0)
    breaker.succeeded(slow[0])
    assert state_of(breaker) is State.OPEN
    trial = let_through(breaker, 30.0)
    breaker.failed(slow[1], 30.0)
    breaker.abandoned(slow[2])
    assert state_of(breaker) is State.HALF_OPEN
    assert breaker.admit(30.0) is None
    breaker.succeeded(trial)
    assert state_of(breaker) is State.CLOSED


def test_it_says_how_long_to_wait() -> None:
    breaker = opened(at=10.0)
    assert breaker.retry_after(15.0) == 25.0
    assert breaker.retry_after(50.0) == 0.0
    assert Breaker(TERMS).retry_after(0.0) == 0.0


OUTCOMES = st.sampled_from(["succeeds", "fails", "abandoned"])


def report(breaker: Breaker, admitted: Pass, outcome: str, now: float) -> None:
    match outcome:
        case "succeeds":
            breaker.succeeded(admitted)
        case "fails":
            breaker.failed(admitted, now)
        case _:
            breaker.abandoned(admitted)


@given(
    terms=st.builds(BreakerTerms, st.integers(1, 6), st.floats(0.1, 60.0)),
    steps=st.lists(st.tuples(st.floats(0.0, 40.0), st.booleans(), st.integers(0, 3), OUTCOMES), max_size=80),
)
def test_any_calls_in_any_order_move_it_only_as_told(
    terms: BreakerTerms, steps: list[tuple[float, bool, int, str]]
) -> None:
    """Each step lets time pass, may ask for a call, and may end one of those under way."""
    breaker, now = Breaker(terms), 0.0
    # What was let through since the breaker moved last, what of it has told something, and what is older.
    under_way, told, late = list[Pass](), list[str](), list[Pass]()
    for gap, ask, which, outcome in steps:
        now += gap
        before, resting = state_of(breaker), breaker.retry_after(now) > 0.0
        admitted = breaker.admit(now) if ask else None
        if state_of(breaker) is not before:
            assert (before, state_of(breaker)) == (State.OPEN, State.HALF_OPEN)
            late, under_way, told, before = late + under_way, [], [], State.HALF_OPEN
        assert not ask or (admitted is None) == (resting or (before is State.HALF_OPEN and bool(under_way)))
        under_way += [admitted] if admitted else []
        if which < len(under_way):
            report(breaker, under_way.pop(which), outcome, now)
            told += [outcome] if outcome != "abandoned" else []
            assert state_of(breaker) is expected(before, told, terms.failures)
            if state_of(breaker) is not before:
                assert (breaker.deadline() == now + terms.rest) == (state_of(breaker) is State.OPEN)
                late, under_way, told = late + under_way, [], []
        elif late:
            before = state_of(breaker)
            report(breaker, late.pop(), outcome, now)
            assert state_of(breaker) is before
    # Whatever happened: once those under way have left, the time of a rest is all it takes.
    for left in under_way:
        breaker.abandoned(left)
    assert breaker.admit(now + terms.rest + 1e-6) is not None


def expected(before: State, told: list[str], failures: int) -> State:
    """Where the reports since the last move lead."""
    if before is State.CLOSED:
        return State.OPEN if told[-failures:] == ["fails"] * failures else State.CLOSED
    return {"fails": State.OPEN, "succeeds": State.CLOSED}[told[0]] if told else before
