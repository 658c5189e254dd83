"""How values travel to DynamoDB, and when a table is as it must be."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.dynamodb import Value, from_attribute, to_attribute
from chassis.dynamodb_settings import DynamoSettings
from chassis.tables import Found, Index, Table, faults

FLOATS = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e125, max_value=1e125).filter(
    lambda number: number == 0 or abs(number) >= 1e-130
)


@given(st.one_of(st.text(), st.booleans(), st.integers(-(10**37), 10**37), FLOATS))
def test_a_value_comes_back_equal_and_flags_stay_flags(value: Value) -> None:
    back = from_attribute(to_attribute(value))
    assert back == value
    assert isinstance(back, bool) is isinstance(value, bool)
    assert isinstance(back, str) is isinstance(value, str)


@given(FLOATS)
def test_a_number_takes_no_more_digits_than_dynamodb_keeps(number: float) -> None:
    mantissa = to_attribute(number)["N"].lower().split("e")[0]
    assert len(mantissa.strip("-0.").replace(".", "")) <= 38


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e300, 1e-200, 10**38, -(10**40)])
def test_what_dynamodb_has_no_number_for_is_refused_here(value: float) -> None:
    with pytest.raises(ValueError, match="not a number that DynamoDB keeps"):
        to_attribute(value)


@pytest.mark.parametrize(
    ("digits", "value"), [("2", 2), ("1E+2", 100), ("2.0", 2), ("0.3", 0.3), ("-7", -7), ("1E-9", 1e-9)]
)
def test_numbers_are_read_in_every_way_of_writing_them(digits: str, value: float) -> None:
    assert from_attribute({"N": digits}) == value


def test_what_is_not_a_scalar_is_not_ours() -> None:
    with pytest.raises(ValueError, match="not a scalar: L"):
        from_attribute({"L": []})


def test_a_prefix_that_no_table_can_have_is_refused() -> None:
    with pytest.raises(ValueError, match="dynamodb_prefix"):
        DynamoSettings(dynamodb_prefix="ours/")


TABLE = Table("Cars", "plate", (Index("by-owner", "owner", "plate"),))


def there(**changed: object) -> Found:
    """As DynamoDB describes that table, or a little otherwise."""
    index = {
        "IndexName": "by-owner",
        "IndexStatus": "ACTIVE",
        "KeySchema": [{"AttributeName": "owner", "KeyType": "HASH"}, {"AttributeName": "plate", "KeyType": "RANGE"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    own = {name: value for name, value in changed.items() if name in ("TableStatus", "KeySchema")}
    description = {
        "TableStatus": "ACTIVE",
        "KeySchema": [{"AttributeName": "plate", "KeyType": "HASH"}],
        "GlobalSecondaryIndexes": [{**index, **{k: v for k, v in changed.items() if k not in own}}],
    }
    return Found({**description, **own}, "ttl", "disabled")


@pytest.mark.parametrize(
    ("found", "wrong"),
    [
        (there(), []),
        (Found({}), ["is missing"]),
        (there(TableStatus="DELETING"), ["is DELETING"]),
        (there(IndexName="by-colour"), ["lacks the index by-owner"]),
        (
            there(KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}]),
            ["has the key id, not plate; delete it, or choose another DYNAMODB_PREFIX"],
        ),
        (
            there(Projection={"ProjectionType": "KEYS_ONLY"}),
            ["has not all attributes in the index by-owner; delete that index, then create"],
        ),
        (there(IndexStatus="CREATING"), ["is still filling the index by-owner"]),
        (
            Found(there().description, "", "disabled"),
            ["does not delete expired records (time to live of ttl is off)"],
        ),
    ],
)
def test_in_what_a_table_differs_is_said(found: Found, wrong: list[str]) -> None:
    assert list(faults(TABLE, found)) == wrong
