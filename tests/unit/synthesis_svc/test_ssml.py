"""V1, V2: the SSML that engines get, and that it is never what they reject."""

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from synthesis_svc.domain.prosody import Delivery, Dynamics, Emotion, Emphasis, Rate, Volume, deliver
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
