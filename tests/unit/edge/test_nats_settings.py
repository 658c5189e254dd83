"""How an edge is told where NATS is."""

import pytest
from pydantic import ValidationError

from edge.config import Config


def servers(setting: str) -> list[str]:
    return Config.model_validate({"nats": setting}).nats_servers


def test_no_address_is_an_edge_alone() -> None:
    assert servers("") == servers(" , ") == []


def test_several_addresses_are_separated_by_commas() -> None:
    assert servers("nats://one:4222, tls://edge:secret@two:4222") == ["nats://one:4222", "tls://edge:secret@two:4222"]


@pytest.mark.parametrize(
    "setting",
    [
        *("one:4222", "http://one:4222", "nats://", "nats://one:4222,two"),
        *("nats://one:99999", "nats://one:port", "nats://edge:sec#ret@one:4222", "nats://edge:[secret]@one:4222"),
    ],
)
def test_what_is_no_address_of_nats_is_refused_before_anything_starts(setting: str) -> None:
    with pytest.raises(ValidationError, match="EDGE_NATS takes addresses"):
        servers(setting)


def test_credentials_in_an_address_are_not_shown() -> None:
    assert "secret" not in repr(Config.model_validate({"nats": "nats://edge:secret@one:4222"}))
