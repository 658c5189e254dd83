"""What writes and conditions mean."""

import pytest

from session_svc.store.writes import (
    MAX_WRITES,
    Above,
    Below,
    Change,
    Condition,
    Delete,
    Is,
    Item,
    Kind,
    Put,
    Write,
    allowed,
    check_writes,
    outcome,
)

ITEM: Item = {"state": "live", "listener_count": 3, "ttl": 10.0}


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (Is("state", "live"), True),
        (Is("state", "ended"), False),
        (Is("missing", ""), False),
        (Below("listener_count", 4), True),
        (Below("listener_count", 3), False),
        (Above("listener_count", 2), True),
        (Above("listener_count", 3), False),
        (Above("missing", -1), True),
        (Below("missing", 0), False),
    ],
)
def test_conditions(condition: Condition, holds: bool) -> None:
    assert allowed(Change(Kind.SESSION, "a", (condition,)), ITEM) is holds


@pytest.mark.parametrize(
    ("write", "where_none_is", "where_one_is"),
    [
        (Put(Kind.SESSION, "a", ITEM), True, False),
        (Put(Kind.SESSION, "a", ITEM, fresh=False), True, True),
        (Change(Kind.SESSION, "a"), False, True),
        (Delete(Kind.SESSION, "a"), True, True),
        (Delete(Kind.SESSION, "a", (Is("state", "live"),)), False, True),
    ],
)
def test_what_a_write_needs(write: Write, where_none_is: bool, where_one_is: bool) -> None:
    assert allowed(write, None) is where_none_is
    assert allowed(write, ITEM) is where_one_is


def test_a_change_sets_and_adds_and_leaves_the_rest() -> None:
    change = Change(Kind.SESSION, "a", set={"state": "ended"}, add={"listener_count": -1, "new": 2})
    assert outcome(change, ITEM) == {"state": "ended", "listener_count": 2, "new": 2, "ttl": 10.0}
    assert ITEM["listener_count"] == 3


def test_a_transaction_names_a_record_once_and_a_hundred_at_most() -> None:
    with pytest.raises(ValueError, match="twice"):
        check_writes((Delete(Kind.SESSION, "a"), Put(Kind.SESSION, "a", ITEM)))
    check_writes((Delete(Kind.SESSION, "a"), Delete(Kind.CONNECTION, "a")))
    with pytest.raises(ValueError, match="at most 100"):
        check_writes(tuple(Delete(Kind.SESSION, str(number)) for number in range(MAX_WRITES + 1)))


def test_a_record_needs_a_ttl() -> None:
    with pytest.raises(ValueError, match="ttl"):
        check_writes((Put(Kind.SESSION, "a", {"state": "live"}),))
