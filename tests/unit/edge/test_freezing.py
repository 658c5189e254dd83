"""When the garbage collector looks at what sockets hold."""

from hypothesis import given
from hypothesis import strategies as st

from edge.domain.freezing import PATIENCE, Freezing, Move


def test_what_came_is_frozen_in_batches() -> None:
    freezing = Freezing(batch=100, left=50)
    assert freezing.tick(99, 99, quiet=True) is None
    assert freezing.tick(100, 100, quiet=False) is Move.FREEZE
    assert freezing.tick(150, 150, quiet=False) is None
    assert freezing.tick(230, 230, quiet=False) is Move.FREEZE


def test_when_as_many_have_left_as_are_there_a_quiet_moment_is_used_to_look_at_all() -> None:
    freezing = Freezing(batch=100, left=50)
    freezing.tick(300, 300, quiet=False)
    assert freezing.tick(300, 160, quiet=True) is None
    assert freezing.tick(300, 140, quiet=False) is None
    assert freezing.tick(300, 140, quiet=True) is Move.THAW
    assert freezing.tick(300, 140, quiet=True) is None


def test_without_a_quiet_moment_it_is_done_when_many_more_have_left() -> None:
    freezing = Freezing(batch=1_000_000, left=50)
    present = 100
    assert freezing.tick(present + PATIENCE * present - 1, present, quiet=False) is None
    assert freezing.tick(present + PATIENCE * present, present, quiet=False) is Move.THAW


def test_a_few_who_left_are_not_worth_it() -> None:
    freezing = Freezing(batch=100, left=50)
    freezing.tick(100, 100, quiet=False)
    assert freezing.tick(100, 60, quiet=True) is None
    assert freezing.tick(110, 60, quiet=True) is None
    assert freezing.tick(110, 55, quiet=True) is Move.THAW


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300), st.booleans()), max_size=60))
def test_what_the_collector_has_not_looked_at_since_it_left_is_bounded(steps: list[tuple[int, int, bool]]) -> None:
    freezing = Freezing(batch=100, left=50)
    opened = present = left = unseen = 0
    for comes, goes, quiet in steps:
        leaving = min(goes, present + comes)
        opened, present = opened + comes, present + comes - leaving
        left, unseen = left + leaving, unseen + comes
        match freezing.tick(opened, present, quiet=quiet):
            case Move.THAW:
                left = unseen = 0
            case Move.FREEZE:
                unseen = 0
        assert left < PATIENCE * max(50, present)
        assert unseen < 100
