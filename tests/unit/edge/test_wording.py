"""A page's markup in another language."""

from string import Template

import pytest

from edge.assets import Assets
from edge.pages import WEB
from edge.wording import said, texts

WORDS = """export default {
  "a": "uno \\"dos\\"",
  "long":
    "A long one, which the formatter puts on a line of its own.",
  "many": { one: "{count} cosa", other: "{count} cosas" },
  "b": "tres",
  "place": "Hola, {name}",
};
"""


def test_plain_texts_are_read_and_plurals_are_left_to_scripts() -> None:
    plain = {"a": 'uno "dos"', "long": "A long one, which the formatter puts on a line of its own.", "b": "tres"}
    assert texts([WORDS]) == plain
    assert texts([WORDS, 'export default {\n  "b": "four",\n};\n'])["b"] == "four"


def test_marked_elements_are_said_and_others_stay() -> None:
    page = '<html lang="en">\n<p class="x" data-t="a">one</p><p data-t="none">two</p><p data-t-label="a">$b</p>'
    assert said(page, "es", {"a": "<uno> & $b"}) == (
        '<html lang="es">\n<p class="x" data-t="a">&lt;uno&gt; &amp; $$b</p><p data-t="none">two</p>'
        '<p data-t-label="a">$b</p>'
    )


@pytest.mark.parametrize("page", sorted(path.name for path in WEB.glob("*.html")))
def test_every_page_is_there_in_every_language_and_is_the_same_page(page: str) -> None:
    spoken = Assets(WEB).at(0.0).templates[page]
    assert set(spoken) == {"en", "es", "pt", "fr", "de"}
    places = Template.pattern
    for language, template in spoken.items():
        assert f'<html lang="{language}"' in template.template
        assert template.template.count("<") == spoken["en"].template.count("<")
        assert len(places.findall(template.template)) == len(places.findall(spoken["en"].template))
