"""How records, conditions and writes are said to DynamoDB."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from session_svc.store.requests import batches, can_be_key, exists, found, key_of, record_of, written
from session_svc.store.writes import Above, Below, Change, Condition, Delete, Is, Item, Kind, Put

NAMES = st.from_regex(r"[a-z]+(_[a-z]+){0,2}(:[A-Za-z-]{2,5})?", fullmatch=True)
FLOATS = st.floats(-1e100, 1e100).filter(lambda number: number == 0 or abs(number) > 1e-100)
VALUES = st.one_of(st.text(), st.integers(-(10**30), 10**30), st.booleans(), FLOATS)


def said(text: str, parameters: dict[str, object]) -> str:
    """An expression with its placeholders filled in."""
    names, values = parameters.get("ExpressionAttributeNames", {}), parameters.get("ExpressionAttributeValues", {})
    assert isinstance(names, dict)
    assert isinstance(values, dict)
    text = re.sub(r"#\d+", lambda match: names[match[0]], text)
    return re.sub(r":\d+", lambda match: str(next(iter(values[match[0]].values()))), text)


def condition(write: Put | Change | Delete) -> str:
    _, parameters = written(write, "T", 10.5)
    return said(parameters.get("ConditionExpression", ""), parameters)


def update(change: Change) -> str:
    _, parameters = written(change, "T", 10.5)
    return said(parameters["UpdateExpression"], parameters)


@given(st.sampled_from([Kind.SESSION, Kind.SPEAKER, Kind.LIMIT]), st.dictionaries(NAMES, VALUES, max_size=6))
def test_a_record_comes_back_as_it_was(kind: Kind, fields: dict[str, str | int | float | bool]) -> None:
    item = {**fields, "state": "live", "session_id": "faithful-shepherd-427", "ttl": 1000.25}
    action, parameters = written(Put(kind, "key", item), "T", 1.0)
    assert action == "Put"
    assert record_of(kind, parameters["Item"]) == item
    assert key_of(kind, parameters["Item"]) == "key"


@given(st.text(max_size=4), st.none() | st.text(max_size=4).filter(lambda text: text != "(none)"))
def test_keys_of_indexes_are_never_empty_and_come_back_as_they_were(session: str, language: str | None) -> None:
    item: Item = {"session_id": session, "ttl": 5, **({"target_language": language} if language is not None else {})}
    attributes = written(Put(Kind.CONNECTION, "key", item), "T", 1.0)[1]["Item"]
    assert attributes["sessionId"]["S"]
    assert attributes["targetLanguage"]["S"]
    assert record_of(Kind.CONNECTION, attributes) == item


def test_an_operator_finds_fields_in_camel_case_and_languages_as_they_are() -> None:
    item: Item = {"listener_count": 3, "listeners:pt-BR": 2, "session_id": "s", "ttl": 99.5}
    assert written(Put(Kind.SESSION, "a-b-100", item), "T", 1.0)[1]["Item"] == {
        "sessionId": {"S": "a-b-100"},
        "sessionId_": {"S": "s"},
        "listenerCount": {"N": "3"},
        "listeners:pt-BR": {"N": "2"},
        # Exact for conditions; for DynamoDB's own deletion a whole second, never too early.
        "ttlExact": {"N": "99.5"},
        "ttl": {"N": "100"},
    }


def test_places_and_leases_live_among_the_sessions_under_keys_of_their_own() -> None:
    for kind, key in ((Kind.SESSION, "x"), (Kind.SPEAKER, "speaker#x"), (Kind.LEASE, "lease#x")):
        assert written(Delete(kind, "x"), "T", 1.0)[1]["Key"] == {"sessionId": {"S": key}}


@pytest.mark.parametrize(
    ("one", "expression"),
    [
        (Is("state", "live"), "state = live"),
        (Is("speaker_connected", True), "speakerConnected = True"),
        (Below("listener_count", 500), "(attribute_not_exists(listenerCount) OR listenerCount < 500)"),
        (Below("listener_count", 0), "listenerCount < 0"),
        (Above("listener_count", 0), "listenerCount > 0"),
        (Above("listener_count", -1), "(attribute_not_exists(listenerCount) OR listenerCount > -1)"),
        (Above("expires_at", 1763722345.123), "expiresAt > 1763722345.123"),
        (Above("ttl", 7), "ttlExact > 7"),
    ],
)
def test_conditions_count_a_missing_field_as_nothing(one: Condition, expression: str) -> None:
    for write in (Change(Kind.SESSION, "a", (one,)), Delete(Kind.SESSION, "a", (one,))):
        # And a record whose time has passed, or that is not there, meets none.
        assert condition(write) == f"ttlExact > 10.5 AND {expression}"


def test_a_fresh_record_may_replace_an_expired_one_and_another_anything() -> None:
    item: Item = {"ttl": 20.0}
    assert condition(Put(Kind.LIMIT, "a", item)) == "attribute_not_exists(identifier) OR ttlExact <= 10.5"
    assert condition(Put(Kind.LIMIT, "a", item, fresh=False)) == ""


def test_a_deletion_without_conditions_needs_no_record_and_a_change_always_does() -> None:
    assert condition(Delete(Kind.SESSION, "a")) == ""
    assert condition(Change(Kind.SESSION, "a", add={"n": 1})) == "ttlExact > 10.5"


def test_a_change_sets_and_adds() -> None:
    change = Change(Kind.SESSION, "a", set={"state": "", "ttl": 30.25}, add={"revision": 1, "listeners:es": -2})
    assert update(change) == "SET state = -, ttlExact = 30.25, ttl = 31 ADD revision 1, listeners:es -2"


def test_of_a_field_set_and_added_to_the_sum_stays() -> None:
    assert update(Change(Kind.SESSION, "a", set={"n": 5, "m": 1}, add={"n": 1})) == "SET m = 1 ADD n 1"
    assert update(Change(Kind.SESSION, "a", set={"n": 5}, add={"n": 1})) == "ADD n 1"


def test_a_change_of_nothing_still_asks_its_conditions() -> None:
    assert update(Change(Kind.SESSION, "a", (Is("state", "live"),))) == "SET ttl = ttl"


def test_no_attribute_stands_in_an_expression_by_its_name() -> None:
    change = Change(Kind.SESSION, "a", (Is("state", "live"),), set={"ttl": 5}, add={"count": 1})
    _, parameters = written(change, "T", 1.0)
    for name in ("ConditionExpression", "UpdateExpression"):
        assert re.fullmatch(r"(#\d+|:\d+|SET|ADD|AND|OR|[ =<>,()])*", parameters[name])


def test_a_search_names_its_index_and_leaves_out_other_kinds_and_the_expired() -> None:
    leases = found(Kind.LEASE, "state", "held", "T", 1.0)
    assert said(leases["KeyConditionExpression"], leases) == "state = held AND begins_with(sessionId, lease#)"
    # That index holds keys only: what has expired shows when the records are read.
    assert "FilterExpression" not in leases
    listeners = found(Kind.CONNECTION, "session_id", "s", "T", 1.0)
    assert listeners["IndexName"] == "sessionId-targetLanguage-index"
    assert said(listeners["KeyConditionExpression"], listeners) == "sessionId = s"
    assert said(listeners["FilterExpression"], listeners) == "ttlExact > 1"
    with pytest.raises(ValueError, match="not found by"):
        found(Kind.CONNECTION, "role", "listener", "T", 1.0)


def test_what_cannot_be_said_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="must be text"):
        written(Put(Kind.LEASE, "a", {"state": 3, "ttl": 5}), "T", 1.0)


def test_keys_that_dynamodb_cannot_hold_are_known() -> None:
    assert can_be_key(Kind.SESSION, "s")
    assert not can_be_key(Kind.SESSION, "")
    assert can_be_key(Kind.SESSION, "x" * 2048)
    assert not can_be_key(Kind.LEASE, "x" * 2048)


def test_a_record_is_gone_the_moment_its_ttl_is_reached() -> None:
    assert exists({"ttl": 10.5}, 10.4)
    assert not exists({"ttl": 10.5}, 10.5)


def test_keys_are_asked_for_once_and_in_batches() -> None:
    assert list(batches(["a", "b", "a", "c"], 2)) == [["a", "b"], ["c"]]
    assert list(batches([], 2)) == []
