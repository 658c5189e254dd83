"""The settings of translation_svc."""

import pytest
from pydantic import ValidationError

from chassis.settings import describe
from translation_svc.config import Config


def test_lists_are_written_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRANSLATION_SCRIPTED_FAILING", "fr, it")
    monkeypatch.setenv("TRANSLATION_SCRIPTED_SLOW", "de:1.5, ca:0.2")
    monkeypatch.setenv("TRANSLATION_WARM", "none")
    config = Config()
    assert config.scripted_failing == ("fr", "it")
    assert config.scripted_slow == {"de": 1.5, "ca": 0.2}
    assert config.warm == ()


def test_a_mistake_is_found_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRANSLATION_SCRIPTED_SLOW", "de:soon")
    monkeypatch.setenv("TRANSLATION_CACHE_ENTRIES", "0")
    with pytest.raises(ValidationError) as mistakes:
        Config()
    assert {mistake["loc"][0] for mistake in mistakes.value.errors()} == {"scripted_slow", "cache_entries"}


def test_the_engine_goes_by_the_name_all_services_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGINES", "scripted")
    assert Config().engines == ("scripted",)
    assert "TRANSLATION_ENGINES or ENGINES=local" in describe(Config)
