"""The client's parsing, and that it knows every message that the edge declares."""

import json
import subprocess
import sys
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from edge.client.messages import BroadcastState, ErrorEvent, SessionStatus, SourceCaption, Unknown, parse
from edge.protocol import server

# Plain clients alone are sent these.
PLAIN_ONLY = {"audioData", "audioReceived"}
CLIENTS_OWN = {"complete"}
DECLARED = list(get_args(get_args(server.ServerMessage)[0]))
VALUES: dict[Any, Any] = {
    int: 7,
    float: 0.5,
    str: "words",
    bool: True,
    dict[str, int]: {"es": 3},
    dict[str, float]: {"es": 0.25},
    int | None: 7,
    str | None: "words",
    tuple[str, ...] | None: ("es", "pt"),
}


def first_of(kind: Any) -> Any:
    """The first of a Literal's values, optional or not."""
    choices = get_args(kind)
    return first_of(choices[0]) if choices else kind


def an_instance(model: type[BaseModel]) -> server.Message:
    values: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        kind = field.annotation
        if name == "type":
            continue
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            values[name] = an_instance(kind)
        else:
            values[name] = VALUES[kind] if kind in VALUES else first_of(kind)
    made = model(**values)
    assert isinstance(made, server.Message)
    return made


@pytest.mark.parametrize("model", DECLARED, ids=lambda model: str(model.__name__))
def test_every_message_of_the_edge_is_understood(model: type[server.Message]) -> None:
    message = an_instance(model)
    event = parse(message.to_json().decode())
    if getattr(message, "type", "") in PLAIN_ONLY:
        assert isinstance(event, Unknown)
        return
    assert not isinstance(event, Unknown)
    # What both sides name alike must have arrived with its value.
    for name in set(type(event).__dataclass_fields__) - CLIENTS_OWN:
        assert name in type(message).model_fields, f"the edge sends no {name}"
        sent, got = getattr(message, name), getattr(event, name)
        if isinstance(got, BroadcastState):
            assert (got.is_paused, got.volume) == (sent.is_paused, sent.volume)
        else:
            assert got == sent


def test_the_client_needs_aiohttp_only() -> None:
    # It may be copied into other programs: neither this project's services nor the demo's libraries come with it.
    foreign = ("chassis", "edge.protocol", "edge.auth", "pydantic", "grpc", "numpy", "av", "rich")
    code = f"import sys, edge.client; print([name for name in {foreign} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_unknown_fields_are_passed_over() -> None:
    text = json.dumps({"type": "error", "code": "CONFLICT", "later": {"deep": [1]}})
    assert parse(text) == ErrorEvent("CONFLICT")


def test_a_null_is_a_field_left_out() -> None:
    text = json.dumps({"type": "error", "code": "CONFLICT", "retryAfter": None})
    assert parse(text) == ErrorEvent("CONFLICT")


@pytest.mark.parametrize(
    "body",
    [
        {"type": "sourceCaption", "segmentId": 1, "text": "a"},
        {"type": "sourceCaption", "segmentId": "1", "text": "a", "isFinal": True},
        {"type": "sourceCaption", "segmentId": 1, "text": 5, "isFinal": True},
        {"type": "sourceCaption", "segmentId": 1, "text": "a", "isFinal": 1},
        {"type": "sessionStatus", "listenerCount": 1, "languageDistribution": {"es": "many"}},
        {"type": "stateRestored", "broadcastState": "on"},
        {"type": "error", "code": "X", "languages": "es"},
        {"type": "audioDropped", "cues": float("inf")},
        {"type": "audioDropped", "cues": 1, "seconds": 10**400},
    ],
)
def test_what_is_not_as_it_should_be_is_unknown(body: dict[str, object]) -> None:
    event = parse(json.dumps(body))
    assert event == Unknown(str(body["type"]), body)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"caption"', "[" * 5000])
def test_what_is_no_message_is_unknown(text: str) -> None:
    assert parse(text) == Unknown("")


TEXT = st.text('aé\U0001f600\\"', max_size=4)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.just(10**400) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=8,
)
names = st.sampled_from([model.model_fields["type"].default for model in DECLARED])
keys = st.sampled_from(
    ["segmentId", "text", "isFinal", "language", "cueId", "code", "broadcastState", "lag", "sampleRate"]
)


@given(names, st.dictionaries(keys, json_values))
def test_nothing_that_a_server_says_breaks_the_parser(name: str, body: dict[str, object]) -> None:
    parse(json.dumps({**body, "type": name}))


def test_defaults_stand_for_what_a_server_leaves_out() -> None:
    assert parse('{"type": "sessionStatus", "listenerCount": 2}') == SessionStatus(2)
    caption = '{"type": "sourceCaption", "segmentId": 1, "text": "a", "isFinal": false}'
    assert parse(caption) == SourceCaption(1, "a", False)
