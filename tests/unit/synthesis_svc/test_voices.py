"""V4: which voice speaks."""

import pytest

from chassis.errors import Invalid
from synthesis_svc.domain.voices import Casting, Voice, overrides, tiers

DORA = Voice("kokoro/pf_dora", "pt", "kokoro", neural=True)
ALEX = Voice("kokoro/pm_alex", "pt", "kokoro", neural=True)
PLAIN = Voice("espeak-ng/pt-br", "pt", "espeak-ng")
LISBON = Voice("espeak-ng/pt", "pt-PT", "espeak-ng")
GERMAN = Voice("espeak-ng/de", "de", "espeak-ng")
BOKMAL = Voice("espeak-ng/nb", "nb", "espeak-ng")
ALL = (DORA, ALEX, PLAIN, LISBON, GERMAN, BOKMAL)


@pytest.mark.parametrize(
    ("language", "voice"),
    [("pt", DORA), ("pt-BR", DORA), ("pt-PT", DORA), ("de", GERMAN), ("de-AT", GERMAN), ("no", BOKMAL)],
)
def test_a_neural_voice_of_the_language_is_the_default(language: str, voice: Voice) -> None:
    assert Casting(ALL, {}).default(language) == voice


def test_among_plain_voices_the_region_decides() -> None:
    assert Casting((PLAIN, LISBON), {}).default("pt-PT") == LISBON
    assert Casting((LISBON, PLAIN), {}).default("pt-BR") == PLAIN


def test_settings_override_the_default() -> None:
    casting = Casting(ALL, overrides("pt:kokoro/pm_alex, pt-PT:espeak-ng/pt"))
    assert casting.default("pt") == ALEX
    assert casting.default("pt-BR") == ALEX
    assert casting.default("pt-PT") == LISBON


def test_an_override_whose_voice_is_missing_is_named_and_ignored() -> None:
    casting = Casting(ALL, overrides("pt:kokoro/pm_santa"))
    assert casting.missing == ["kokoro/pm_santa"]
    assert casting.default("pt") == DORA


@pytest.mark.parametrize("setting", ["pt", "pt:", "?:kokoro/pm_alex"])
def test_a_setting_that_is_no_override_is_refused(setting: str) -> None:
    with pytest.raises(Invalid):
        overrides(setting)


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        Casting(ALL, {}).default("xx")
    assert refused.value.reason == "UNSUPPORTED_LANGUAGE"


@pytest.mark.parametrize(("name", "language"), [("kokoro/nobody", "pt"), ("espeak-ng/de", "pt")])
def test_a_voice_that_is_not_there_or_speaks_another_language_is_unknown(name: str, language: str) -> None:
    with pytest.raises(Invalid) as refused:
        Casting(ALL, {}).named(name, language)
    assert refused.value.reason == "UNKNOWN_VOICE"


def test_voices_are_listed_by_language_with_the_default_first() -> None:
    casting = Casting(ALL, overrides("pt:kokoro/pm_alex"))
    assert [voice.name for voice, _ in casting.listed("pt")] == [
        "kokoro/pm_alex",
        "espeak-ng/pt-br",
        "kokoro/pf_dora",
        "espeak-ng/pt",
    ]
    assert [voice.language for voice, _ in casting.listed()] == ["de", "nb", "pt", "pt", "pt", "pt-PT"]


def test_premium_goes_before_standard_and_waits_longer() -> None:
    rows = tiers(2.0, 6.0)
    assert rows["premium"].turn < rows["standard"].turn
    assert rows["premium"].patience_seconds > rows["standard"].patience_seconds
