"""Lists of engines: how they are written, what is refused, and what is opened of them."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import ModuleType
from typing import Annotated

import pytest
import structlog
from pydantic import Field, ValidationError
from pydantic_settings import SettingsConfigDict

from chassis.bootstrap import wants_local
from chassis.engines import DEFAULT, EngineNames, among, opened, variables
from chassis.errors import LingocastError, NotFound, Unavailable
from chassis.settings import Settings, describe, load

# Any modules do: what is opened in them is up to the test.
MODULES = {"aws": "json", "local": "csv", "scripted": "wave"}
NAME_OF = {module: name for name, module in MODULES.items()}


class Config(Settings):
    """ship: sails."""

    model_config = SettingsConfigDict(env_prefix="SHIP_")

    engines: Annotated[EngineNames, among(MODULES)] = Field(
        DEFAULT, validation_alias=variables("SHIP"), description="What drives it."
    )


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ENGINES", raising=False)


def opener(
    faults: dict[str, LingocastError], log: list[str]
) -> Callable[[ModuleType], AbstractAsyncContextManager[str]]:
    @asynccontextmanager
    async def open_one(module: ModuleType) -> AsyncIterator[str]:
        name = NAME_OF[module.__name__]
        if name in faults:
            raise faults[name]
        log.append(f"open {name}")
        yield f"engine {name}"
        log.append(f"close {name}")

    return open_one


def test_the_engine_is_local_unless_told_otherwise() -> None:
    assert Config().engines == ("local",)
    assert "SHIP_ENGINES or ENGINES=local" in describe(Config)


@pytest.mark.parametrize("written", ["aws,local", " aws , local ", "aws,,local,", "aws,local,aws"])
def test_a_list_keeps_its_order_and_forgives_spaces_and_repetition(
    written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENGINES", written)
    assert Config().engines == ("aws", "local")


def test_a_services_own_list_goes_before_the_common_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGINES", "local")
    monkeypatch.setenv("SHIP_ENGINES", "scripted,local")
    assert Config().engines == ("scripted", "local")
    monkeypatch.setenv("SHIP_ENGINES", "")
    assert Config().engines == ("local",)


@pytest.mark.parametrize("variable", ["ENGINES", "SHIP_ENGINES"])
def test_an_unknown_engine_is_refused_at_the_start_with_all_there_are(
    variable: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(variable, "local,magic")
    with pytest.raises(SystemExit):
        load(Config, [])
    told = capsys.readouterr().err
    assert "ENGINES" in told
    assert "magic: no such engine; the engines are aws, local, scripted" in told


def test_a_list_of_nothing_is_refused() -> None:
    with pytest.raises(ValidationError, match="no engine is named"):
        Config(ENGINES=" , ")


async def test_engines_are_opened_in_their_order_and_closed_from_the_last_on() -> None:
    log: list[str] = []
    async with opened(("scripted", "local"), MODULES, opener({}, log)) as engines:
        assert list(engines.items()) == [("scripted", "engine scripted"), ("local", "engine local")]
    assert log == ["open scripted", "open local", "close local", "close scripted"]


async def test_an_engine_that_cannot_be_opened_is_logged_once_and_left_out() -> None:
    faults: dict[str, LingocastError] = {"aws": Unavailable("NO_CREDENTIALS", "no AWS credentials")}
    with structlog.testing.capture_logs() as logs:
        async with opened(("aws", "local"), MODULES, opener(faults, [])) as engines:
            assert engines == {"local": "engine local"}
    assert [(line["event"], line["engine"], line["reason"]) for line in logs] == [
        ("engine_left_out", "aws", "NO_CREDENTIALS")
    ]


async def test_when_none_can_be_opened_the_first_ones_error_is_told() -> None:
    faults = {"aws": Unavailable("NO_CREDENTIALS", "no AWS credentials"), "local": NotFound("NO_MODEL", "make models")}
    with pytest.raises(Unavailable, match="no AWS credentials"):
        async with opened(("aws", "local"), MODULES, opener(faults, [])):
            pass


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, True),
        ({"ENGINES": ""}, True),
        ({"ENGINES": "scripted"}, False),
        ({"ENGINES": "aws"}, False),
        ({"ENGINES": "aws, local"}, True),
        ({"ENGINES": "aws", "SYNTHESIS_ENGINES": "local"}, True),
        ({"SYNTHESIS_ENGINES": "aws"}, True),
    ],
)
def test_the_set_up_fetches_models_where_some_service_is_local(environment: dict[str, str], wanted: bool) -> None:
    assert wants_local(environment) is wanted
