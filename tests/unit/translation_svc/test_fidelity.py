"""Terms and figures through engines that mangle them: each remedy, in order, and what it costs."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import Unavailable
from chassis.glossary import Term
from translation_svc.domain.glossary import Terms
from translation_svc.domain.masking import PLACEHOLDER
from translation_svc.fidelity import translate

TERMS = Terms([Term("Ebenezer"), Term("grace", "gracia")], "es")
NO_TERMS = Terms([], "es")
TEXT = "Then Ebenezer sang of grace to 24 of us."


class Engine:
    """Answers "<text>" with what `change` makes of the text; remembers what it was asked."""

    def __init__(self, change: Callable[[str], str] = str) -> None:
        self.asked: list[str] = []
        self._change = change

    async def __call__(self, text: str) -> str:
        self.asked.append(text)
        return f"<{self._change(text)}>"

    async def of(self, text: str, terms: Terms = TERMS) -> str:
        return await translate(self, text, terms, asyncio.get_running_loop().time() + 20.0)


def without(*words: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        for word in words:
            text = text.replace(word, "it")
        return text

    return change


async def test_without_terms_and_figures_a_text_goes_as_it_is() -> None:
    engine = Engine()
    # Not even its accents are put together.
    assert await engine.of("Cafe\u0301, please.", NO_TERMS) == "<Cafe\u0301, please.>"
    assert engine.asked == ["Cafe\u0301, please."]


async def test_terms_cost_no_second_call() -> None:
    engine = Engine()
    assert await engine.of(TEXT) == "<Then Ebenezer sang of gracia to 24 of us.>"
    assert engine.asked == ["Then Xq0x sang of Xq1x to 24 of us."]


@pytest.mark.parametrize("change", [str.lower, str.upper, lambda text: text.replace("Xq0x", "X q0 x")])
async def test_what_an_engine_does_to_a_placeholder_is_forgiven(change: Callable[[str], str]) -> None:
    engine = Engine(change)
    translated = await engine.of("Ebenezer sang.")
    assert "Ebenezer" in translated
    assert len(engine.asked) == 1


async def test_a_lost_placeholder_is_tried_in_another_form() -> None:
    engine = Engine(without("Xq1x"))
    assert await engine.of(TEXT) == "<Then Ebenezer sang of gracia to 24 of us.>"
    assert engine.asked[1] == "Then Zorvak sang of Quelvak to 24 of us."
    assert len(engine.asked) == 2


async def test_where_every_form_is_lost_the_text_goes_in_pieces() -> None:
    engine = Engine(lambda text: PLACEHOLDER.sub("it", text))
    assert await engine.of(TEXT) == "<Then> Ebenezer <sang of> gracia <to 24 of us.>"
    assert len(engine.asked) == 5


async def test_a_text_that_is_all_terms_needs_no_engine() -> None:
    engine = Engine()
    assert await engine.of("Grace, Ebenezer!") == "Gracia, Ebenezer!"
    assert not engine.asked


async def test_a_doubled_placeholder_is_not_a_doubled_term() -> None:
    engine = Engine(lambda text: text.replace("Xq0x", "Xq0x and Xq0x"))
    assert await engine.of("Ebenezer sang.") == "<Ebenezer sang.>"
    assert engine.asked[1] == "Zorvak sang."


@pytest.mark.parametrize(
    ("text", "figure"), [("It has 24 rooms.", "24"), ("Read John 3:16 now.", "3:16"), ("In 1 Cor 13:4-7.", "13:4-7")]
)
async def test_a_lost_figure_is_kept_by_one_more_try(text: str, figure: str) -> None:
    engine = Engine(without(figure))
    assert await engine.of(text) == f"<{text}>"
    assert engine.asked == [text, text.replace(figure, "Xq0x")]


async def test_a_lost_figure_and_terms_go_masked_together() -> None:
    engine = Engine(without("24"))
    assert await engine.of(TEXT) == "<Then Ebenezer sang of gracia to 24 of us.>"
    assert engine.asked[1] == "Then Xq0x sang of Xq1x to Xq2x of us."


async def test_a_reference_that_came_apart_needs_no_second_call() -> None:
    engine = Engine(lambda text: text.replace(":", ": "))
    assert await engine.of("Read John 3:16 now.") == "<Read John 3:16 now.>"
    assert len(engine.asked) == 1


async def test_a_figure_within_a_term_is_the_glossarys() -> None:
    engine = Engine()
    terms = Terms([Term("Route 66", "la carretera")], "es")
    assert await engine.of("On Route 66 for 3 days.", terms) == "<On la carretera for 3 days.>"
    assert len(engine.asked) == 1


async def test_a_figure_that_cannot_be_kept_costs_no_translation() -> None:
    calls: list[str] = []

    async def once(text: str) -> str:
        calls.append(text)
        if len(calls) > 1:
            raise Unavailable("TRANSLATION_FAILED", "away")
        return "unos cuantos"

    assert await translate(once, "24 rooms", NO_TERMS, asyncio.get_running_loop().time() + 20.0) == "unos cuantos"
    assert len(calls) == 2


async def test_a_second_try_that_takes_too_long_costs_no_translation() -> None:
    asked: list[str] = []

    async def slow(text: str) -> str:
        asked.append(text)
        if len(asked) > 1:
            await asyncio.sleep(3600)
        return "unos cuantos"

    assert await translate(slow, "24 rooms", NO_TERMS, asyncio.get_running_loop().time() + 0.2) == "unos cuantos"


async def test_an_engine_that_takes_too_long_at_first_is_a_timeout() -> None:
    async def stalled(_: str) -> str:
        await asyncio.sleep(3600)
        return ""

    with pytest.raises(TimeoutError):
        await translate(stalled, "24 rooms", TERMS, asyncio.get_running_loop().time() + 0.05)


async def test_a_failure_of_the_engine_is_the_callers_to_know() -> None:
    async def failing(_: str) -> str:
        raise Unavailable("TRANSLATION_FAILED", "away")

    with pytest.raises(Unavailable):
        await translate(failing, TEXT, TERMS, asyncio.get_running_loop().time() + 20.0)


MANGLINGS: dict[str, Callable[[str], str]] = {
    "kept": str,
    "lost": lambda _: "",
    "doubled": lambda placeholder: f"{placeholder} or {placeholder}",
    "lowered": str.lower,
    "spaced": " ".join,
    "cut": lambda placeholder: placeholder[:-1],
}
PIECES = st.lists(
    st.sampled_from(["so", "耶稣", "נעמי", "Ebenezer", "Grace", "grace", "नाओमी", "and", "24", "3:16"]), max_size=9
)
MANY = Terms(
    [Term("耶稣", "Jesús"), Term("נעמי", "Noemí"), Term("नाओमी", "Noemí"), Term("Ebenezer"), Term("grace", "gracia")],
    "es",
)


@given(PIECES, st.lists(st.sampled_from(sorted(MANGLINGS)), min_size=1, max_size=9))
def test_whatever_an_engine_does_all_terms_are_there_and_no_placeholder(pieces: list[str], does: list[str]) -> None:
    manglings = itertools.cycle(MANGLINGS[name] for name in does)

    def mangled(text: str) -> str:
        return PLACEHOLDER.sub(lambda found: next(manglings)(found[0]), text)

    translated = asyncio.run(Engine(mangled).of(" ".join(["say", *pieces]), MANY))
    expected = {
        "耶稣": "jesús",
        "נעמי": "noemí",
        "नाओमी": "noemí",
        "Ebenezer": "ebenezer",
        "Grace": "gracia",
        "grace": "gracia",
    }
    counted = Counter(expected[piece] for piece in pieces if piece in expected)
    for rendering, times in counted.items():
        assert translated.lower().count(rendering) == times
    assert not PLACEHOLDER.search(translated)
