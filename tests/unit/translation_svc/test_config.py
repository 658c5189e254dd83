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


def test_amazons_settings_are_read_as_they_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_TRANSLATE", "http://127.0.0.1:9")
    monkeypatch.setenv("TRANSLATION_AWS_TERMINOLOGIES", "es:names-es, *:names")
    monkeypatch.setenv("TRANSLATION_AWS_FORMALITY", "informal")
    config = Config()
    assert config.aws_endpoint == "http://127.0.0.1:9"
    assert config.aws_terminologies == {"es": "names-es", "*": "names"}
    assert (config.aws_formality, config.aws_brevity, config.aws_mask_profanity) == ("informal", False, False)


def test_a_mistake_in_amazons_settings_is_found_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRANSLATION_AWS_FORMALITY", "polite")
    monkeypatch.setenv("TRANSLATION_AWS_TERMINOLOGIES", "names-es,pt:two words")
    with pytest.raises(ValidationError) as mistakes:
        Config()
    assert {mistake["loc"][0] for mistake in mistakes.value.errors()} == {"aws_formality", "aws_terminologies"}
    with pytest.raises(ValidationError, match="a language is named by a code"):
        Config(aws_terminologies={"spanish": "names"})
