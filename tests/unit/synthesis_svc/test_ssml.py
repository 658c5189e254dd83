"""V1, V2: the SSML that engines get, and that it is never what they reject."""

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthesis_svc.domain import polly
from synthesis_svc.domain.prosody import Delivery, Dynamics, Emotion, Emphasis, Rate, Volume, deliver
from synthesis_svc.engines import espeak
from synthesis_svc.ssml import Markup, build

ALL = Markup(rate=True, volume=True, emphasis=True, breaks=True, language=True)
NEURAL = Markup(rate=True, volume=True, breaks=True, language=True)
NONE = Markup()
NAMESPACE = "{http://www.w3.org/2001/10/synthesis}"


def tags(document: str) -> set[str]:
    return {element.tag.removeprefix(NAMESPACE) for element in ElementTree.fromstring(document).iter()}


def test_a_full_delivery_is_spelled_out() -> None:
    delivery = Delivery(tempo=1.12, volume=Volume.LOUD, emphasis=Emphasis.STRONG, pause_seconds=0.3)
    assert build("Stop, now.", "en", delivery, ALL) == (
        '<speak version="1.1" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="en">'
        '<prosody rate="112%" volume="x-loud"><emphasis level="strong">'
        'Stop, <break time="300ms"/>now.</emphasis></prosody></speak>'
    )


def test_an_engine_gets_only_the_tags_it_declares() -> None:
    delivery = Delivery(tempo=1.2, volume=Volume.SOFT, emphasis=Emphasis.MODERATE, pause_seconds=0.2)
    assert tags(build("One, two.", "en", delivery, NEURAL)) == {"speak", "prosody", "break"}
    assert tags(build("One, two.", "en", delivery, NONE)) == {"speak"}


def test_rates_go_by_keyword_where_an_engine_takes_no_number() -> None:
    for rate in Rate:
        document = build("One.", "en", deliver(Dynamics(rate=rate)), Markup(rate_keywords=True))
        assert f'rate="{rate.value}"' in document


def test_a_neutral_delivery_needs_no_prosody() -> None:
    assert tags(build("One, two.", "en", deliver(Dynamics()), ALL)) == {"speak"}


def test_markup_in_the_text_is_said_not_obeyed() -> None:
    text = """<break time="9s"/> & "quotes" 'and' ]]> <!-- -->"""
    assert "".join(ElementTree.fromstring(build(text, "en", Delivery(), ALL)).itertext()) == text


@given(
    st.text(),
    st.builds(
        Dynamics,
        st.sampled_from(Volume),
        st.sampled_from(Rate),
        st.sampled_from(Emotion),
        st.floats(min_value=0, max_value=1),
    ),
    st.sampled_from([ALL, NEURAL, NONE]),
)
def test_every_document_is_well_formed(text: str, dynamics: Dynamics, markup: Markup) -> None:
    document = build(text, "pt-BR", deliver(dynamics), markup)
    assert ElementTree.fromstring(document).tag == f"{NAMESPACE}speak"


ENGINES = {
    "espeak-ng": espeak.MARKUP,
    **{f"aws-polly {grade}": markup for grade, markup in polly.MARKUPS.items()},
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("volume", "keyword"),
    [(Volume.LOUD, "x-loud"), (Volume.MEDIUM, None), (Volume.SOFT, "soft"), (Volume.WHISPER, "x-soft")],
)
def test_each_volume_class_has_its_keyword_where_the_engine_takes_one(
    engine: str, volume: Volume, keyword: str | None
) -> None:
    prosody = element(build("One.", "en", deliver(Dynamics(volume=volume)), ENGINES[engine]), "prosody")
    asked = prosody.get("volume") if prosody is not None else None
    assert asked == (keyword if ENGINES[engine].volume else None)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("rate", "percent"),
    [(Rate.VERY_SLOW, "85%"), (Rate.SLOW, "92%"), (Rate.MEDIUM, None), (Rate.FAST, "112%"), (Rate.VERY_FAST, "125%")],
)
def test_each_rate_class_has_its_speed(engine: str, rate: Rate, percent: str | None) -> None:
    prosody = element(build("One.", "en", deliver(Dynamics(rate=rate)), ENGINES[engine]), "prosody")
    assert (prosody.get("rate") if prosody is not None else None) == percent


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("emotion", Emotion)
@pytest.mark.parametrize(("intensity", "level"), [(0.3, None), (0.5, "moderate"), (0.9, "strong")])
def test_each_emotion_is_stressed_or_slowed_by_what_the_engine_has(
    engine: str, emotion: Emotion, intensity: float, level: str | None
) -> None:
    document = build("One, two.", "en", deliver(Dynamics(emotion=emotion, intensity=intensity)), ENGINES[engine])
    emphasis, pause, prosody = (element(document, name) for name in ("emphasis", "break", "prosody"))
    stressed = emotion in {Emotion.ANGRY, Emotion.EXCITED, Emotion.SURPRISED} and ENGINES[engine].emphasis
    assert (emphasis.get("level") if emphasis is not None else None) == (level if stressed else None)
    sinking = emotion in {Emotion.SAD, Emotion.FEARFUL}
    assert (pause is not None) == sinking
    assert (prosody is not None and prosody.get("rate") is not None) == sinking


def element(document: str, name: str) -> ElementTree.Element | None:
    return next((found for found in ElementTree.fromstring(document).iter() if found.tag.endswith(name)), None)
