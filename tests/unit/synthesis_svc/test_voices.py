"""V4: which voice speaks."""

import pytest

from chassis.errors import Invalid
from synthesis_svc.domain.framing import FIRST_AUDIO_SECONDS
from synthesis_svc.domain.voices import PREMIUM, STANDARD, Casting, Grade, Tier, Voice, grades, overrides, tiers
from transcription_svc.domain.voicing import Limits

DORA = Voice("kokoro/pf_dora", "pt", "kokoro", Grade.NEURAL)
ALEX = Voice("kokoro/pm_alex", "pt", "kokoro", Grade.NEURAL)
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
    assert [voice.name for voice, _ in casting.listed([STANDARD, PREMIUM], "pt")] == [
        "kokoro/pm_alex",
        "espeak-ng/pt-br",
        "kokoro/pf_dora",
        "espeak-ng/pt",
    ]
    assert [voice.language for voice, _ in casting.listed([STANDARD, PREMIUM])] == [
        "de",
        "nb",
        "pt",
        "pt",
        "pt",
        "pt-PT",
    ]


def test_no_tier_waits_longer_for_its_voice_than_the_listeners_lane_does() -> None:
    """The lane asks the quick voice then, and who waited for a neural one has waited for nothing."""
    for tier in (STANDARD, PREMIUM):
        assert tier.patience_seconds + FIRST_AUDIO_SECONDS <= Limits().first_audio_seconds


def test_premium_goes_before_standard_and_waits_longer() -> None:
    rows = tiers(2.0, 6.0)
    assert rows["premium"].turn < rows["standard"].turn
    assert rows["premium"].patience_seconds > rows["standard"].patience_seconds


def polly(person: str, language: str, *offered: Grade) -> list[Voice]:
    return [Voice(f"aws-polly/{person}:{grade}", language, "aws-polly", grade) for grade in offered]


POLLY = [
    *polly("Olivia", "en-AU", Grade.NEURAL, Grade.GENERATIVE),
    *polly("Amy", "en-GB", Grade.STANDARD, Grade.NEURAL, Grade.GENERATIVE),
    *polly("Joanna", "en-US", Grade.STANDARD, Grade.NEURAL, Grade.GENERATIVE),
    *polly("Danielle", "en-US", Grade.NEURAL, Grade.LONG_FORM),
    *polly("Camila", "pt-BR", Grade.STANDARD, Grade.NEURAL, Grade.GENERATIVE),
    *polly("Ines", "pt-PT", Grade.STANDARD, Grade.NEURAL),
    *polly("Lucia", "es-ES", Grade.STANDARD, Grade.NEURAL),
    *polly("Alba", "es-ES", Grade.LONG_FORM),
    *polly("Mia", "es-MX", Grade.STANDARD, Grade.NEURAL, Grade.GENERATIVE),
    *polly("Dora", "is-IS", Grade.STANDARD),
    *polly("Naja", "da-DK", Grade.STANDARD),
    *polly("Sofie", "da-DK", Grade.NEURAL),
    *polly("Zeina", "ar", Grade.STANDARD),
    *polly("Tiffany", "cy-GB", Grade.GENERATIVE),
]


@pytest.mark.parametrize(
    ("language", "standard", "premium"),
    [
        ("en", "Joanna:neural", "Joanna:generative"),
        ("en-GB", "Amy:neural", "Amy:generative"),
        ("en-AU", "Olivia:neural", "Olivia:generative"),
        ("en-JM", "Joanna:neural", "Joanna:generative"),
        ("pt", "Camila:neural", "Camila:generative"),
        ("pt-PT", "Ines:neural", "Ines:neural"),
        ("pt-AO", "Ines:neural", "Ines:neural"),
        ("es", "Lucia:neural", "Alba:long-form"),
        ("es-AR", "Mia:neural", "Mia:generative"),
        ("is", "Dora:standard", "Dora:standard"),
        ("da", "Sofie:neural", "Sofie:neural"),
        ("ar-EG", "Zeina:standard", "Zeina:standard"),
        ("cy", "Tiffany:generative", "Tiffany:generative"),
    ],
)
def test_the_tier_decides_the_grade_and_the_region_the_accent(language: str, standard: str, premium: str) -> None:
    casting = Casting(POLLY, {})
    chosen = [casting.default(language, tier).name for tier in (STANDARD, PREMIUM)]
    assert chosen == [f"aws-polly/{standard}", f"aws-polly/{premium}"]


def test_a_tier_is_a_row_of_settings() -> None:
    thrifty = Tier("standard", turn=1, patience_seconds=2.0, grades=grades("standard, neural"))
    casting = Casting(POLLY, {})
    assert casting.default("en", thrifty).name == "aws-polly/Joanna:standard"
    assert casting.default("en-AU", thrifty).name == "aws-polly/Joanna:standard"
    assert casting.default("da", thrifty).name == "aws-polly/Naja:standard"


@pytest.mark.parametrize("setting", ["", "neural,fine", "Neural"])
def test_a_grade_that_is_none_is_refused(setting: str) -> None:
    with pytest.raises(Invalid):
        grades(setting)


def test_an_override_may_name_a_person_and_leave_the_grade_to_the_tier() -> None:
    casting = Casting(POLLY, overrides("en:aws-polly/Amy, es:aws-polly/Mia:standard"))
    assert casting.missing == []
    assert casting.default("en", STANDARD).name == "aws-polly/Amy:neural"
    assert casting.default("en", PREMIUM).name == "aws-polly/Amy:generative"
    assert casting.default("es", PREMIUM).name == "aws-polly/Mia:standard"
    assert casting.named("aws-polly/Amy", "en", PREMIUM).name == "aws-polly/Amy:generative"


def test_each_tier_has_its_own_default_in_the_list() -> None:
    listed = Casting(POLLY, {}).listed([STANDARD, PREMIUM], "pt-PT")
    assert {voice.name: tiers for voice, tiers in listed if tiers} == {
        "aws-polly/Camila:neural": ["standard"],
        "aws-polly/Camila:generative": ["premium"],
        "aws-polly/Ines:neural": ["standard", "premium"],
    }


def test_voices_that_an_engine_learned_of_are_cast_with_the_same_overrides() -> None:
    casting = Casting(POLLY[:1], overrides("pt:aws-polly/Ines"))
    assert casting.over(POLLY[:1]) is casting
    later = casting.over(POLLY)
    assert later.default("pt").name == "aws-polly/Ines:neural"
    assert later.missing == []
