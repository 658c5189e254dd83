from pathlib import Path

import pytest
from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from chassis.settings import Settings, load


class Config(Settings):
    """ship: sails."""

    model_config = SettingsConfigDict(env_prefix="SHIP_")

    listen: str = Field("127.0.0.1:1", description="Address.")
    sails: int = Field(3, ge=1, le=9, description="How many sails.")
    key: SecretStr = Field(SecretStr("hidden-default"), description="Opens the hold.")
    ports: list[str] = Field(default_factory=list, description="Where it calls.")
    cargo: str = Field(validation_alias="CARGO", description="What it carries.")


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARGO", "figs")
    monkeypatch.delenv("LINGOCAST_DATA", raising=False)


def test_the_environment_is_read_by_prefix_and_by_alias(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SHIP_SAILS", "5")
    monkeypatch.setenv("LINGOCAST_DATA", str(tmp_path))
    config = load(Config, [])
    assert (config.sails, config.cargo, config.data) == (5, "figs", tmp_path)


def test_a_variable_set_to_nothing_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINGOCAST_DATA", "")
    assert load(Config, []).data == Path.home() / ".local" / "share" / "lingocast"


def test_all_mistakes_are_told_at_once_by_variable_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHIP_SAILS", "99")
    monkeypatch.setenv("LOG_LEVEL", "loud")
    monkeypatch.delenv("CARGO")
    with pytest.raises(SystemExit) as caught:
        load(Config, [])
    told = capsys.readouterr().err
    assert caught.value.code == 2
    assert [name in told for name in ("SHIP_SAILS", "LOG_LEVEL", "CARGO")] == [True, True, True]


def test_a_list_that_is_not_json_is_a_mistake_and_not_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHIP_PORTS", "jaffa,tyre")
    with pytest.raises(SystemExit) as caught:
        load(Config, [])
    assert caught.value.code == 2
    assert "ports" in capsys.readouterr().err


def test_help_lists_every_setting_and_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        load(Config, ["--help"])
    shown = capsys.readouterr().out
    assert caught.value.code == 0
    for line in ("SHIP_SAILS=3", "SHIP_KEY=(secret)", "CARGO=(required)", "LOG_LEVEL=info", "LINGOCAST_DATA=~/.local"):
        assert line in shown
    assert "How many sails." in shown
    assert "hidden-default" not in shown


def test_arguments_are_refused_since_settings_come_from_the_environment(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        load(Config, ["--sails=4"])
    assert caught.value.code == 2
    assert "--help" in capsys.readouterr().err


def test_settings_do_not_change_once_read() -> None:
    config = load(Config, [])
    with pytest.raises(ValueError, match="frozen"):
        setattr(config, "sails", 4)  # noqa: B010 - as written, mypy refuses it already
