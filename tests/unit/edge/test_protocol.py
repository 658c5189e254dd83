"""The protocol's tables agree with each other and with the shipped document."""

from typing import get_args

import pytest

from chassis.errors import Conflict, Denied, Exhausted, Invalid, LingocastError, NotFound, Unavailable
from edge.address import client_address
from edge.domain.feed import SwitchesChanged
from edge.domain.speaker import Switches
from edge.protocol import client, connect, document
from edge.protocol.errors import CODES, NotOffered, code_of, error_message
from edge.protocol.roles import LARGE_ACTIONS, ROLES, Role, authorise
from edge.protocol.wire import notice_message


def test_the_shipped_document_is_the_generated_one() -> None:
    assert document.FILE.read_text("utf-8") == document.text(), "run: python -m edge.protocol.document"


def test_every_reference_of_the_document_leads_somewhere() -> None:
    whole = document.document()

    def references(node: object) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
            return own + [found for value in node.values() for found in references(value)]
        return [found for value in node for found in references(value)] if isinstance(node, list) else []

    for reference in references(whole):
        target: object = whole
        for step in reference.removeprefix("#/").split("/"):
            assert isinstance(target, dict)
            target = target[step]


def test_every_action_has_a_model_and_a_row_in_the_role_matrix() -> None:
    models = [*get_args(get_args(client.ClientMessage)[0]), *get_args(connect.Query)]
    actions = {action for model in models for action in get_args(model.model_fields["action"].annotation)}
    assert actions == set(ROLES)
    assert set(ROLES) >= LARGE_ACTIONS


@pytest.mark.parametrize("action", sorted(ROLES))
@pytest.mark.parametrize("role", list(Role))
def test_the_role_matrix_is_what_decides(action: str, role: Role) -> None:
    if role in ROLES[action]:
        authorise(role, action)
    else:
        with pytest.raises(Denied) as denied:
            authorise(role, action)
        assert denied.value.reason == "UNAUTHORIZED_ACTION"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Exhausted("SESSION_FULL", "full"), "SESSION_FULL"),
        (Denied("NOT_THE_SPEAKER", "no"), "UNAUTHORIZED_ACTION"),
        (NotFound("CONNECTION_NOT_FOUND", "gone"), "CONFLICT"),
        (Exhausted("NO_SESSION_ID", "none free"), "SERVICE_UNAVAILABLE"),
        (Unavailable("STORE_UNAVAILABLE", "disk"), "SERVICE_UNAVAILABLE"),
        (Unavailable("DEADLINE_EXCEEDED", "late"), "SERVICE_UNAVAILABLE"),
        (Invalid("UNIMPLEMENTED", "no"), "INVALID_PARAMETER"),
        (Conflict("SESSION_ENDED", "over"), "CONFLICT"),
        (NotOffered("de", ("es",)), "UNSUPPORTED_LANGUAGE"),
    ],
)
def test_every_reason_of_a_service_is_told_by_a_code_of_the_protocol(error: LingocastError, code: str) -> None:
    assert code_of(error) == code
    assert error_message(error).status == CODES[code][0]


def test_a_sentence_that_may_name_our_insides_is_not_passed_on() -> None:
    error = Unavailable("UNAVAILABLE", "failed to connect to all addresses; last error: ipv4:10.0.0.7:50051")
    assert "10.0.0.7" not in error_message(error).message


@pytest.mark.parametrize(
    ("remote", "forwarded", "proxies", "address"),
    [
        ("1.1.1.1", "", 0, "1.1.1.1"),
        ("1.1.1.1", "6.6.6.6", 0, "1.1.1.1"),  # Nobody is believed unless configured.
        ("10.0.0.1", "2.2.2.2", 1, "2.2.2.2"),
        ("10.0.0.1", "6.6.6.6, 2.2.2.2", 1, "2.2.2.2"),  # What the client wrote itself is not believed.
        ("10.0.0.1", "6.6.6.6, 2.2.2.2, 10.0.0.9", 2, "2.2.2.2"),
        ("10.0.0.1", "", 1, "10.0.0.1"),
    ],
)
def test_the_client_address_is_the_one_before_our_own_proxies(
    remote: str, forwarded: str, proxies: int, address: str
) -> None:
    assert client_address(remote, forwarded, proxies) == address


def test_a_notice_says_when_the_switch_moved() -> None:
    notice = SwitchesChanged("paused", Switches(paused=True, changed_at=12.5))
    assert notice_message("patient-ark-100", notice).to_json() == (
        b'{"type":"broadcastPaused","sessionId":"patient-ark-100","timestamp":12500}'
    )
