"""Where terms are found, in many scripts, and what stands there then."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.glossary import Term
from translation_svc.domain.glossary import Terms, tidy
from translation_svc.domain.masking import mask, unmask


def applied(text: str, *terms: Term, language: str = "es") -> str:
    """The text with its terms rendered, all else as it is."""
    text = tidy(text)
    masked = mask(text, Terms(terms, language).spans(text))
    return unmask(masked, masked.text)[0]


@pytest.mark.parametrize(
    ("text", "terms", "expected"),
    [
        # Kept, fixed.
        ("We met Ebenezer there.", [Term("Ebenezer")], "We met Ebenezer there."),
        ("By grace alone.", [Term("grace", "gracia")], "By gracia alone."),
        # Never inside another word; inflection is left alone.
        ("A catalogue, a cat.", [Term("cat", "gato")], "A catalogue, a gato."),
        ("Spirits and the Spirit.", [Term("Spirit", "Espíritu")], "Spirits and the Espíritu."),
        ("Spirit-filled, the Spirit's.", [Term("Spirit", "Espíritu")], "Espíritu-filled, the Espíritu's."),
        ("No_grace, grace_, grace2", [Term("grace", "gracia")], "No_grace, grace_, grace2"),
        # Longest first, from the left, never overlapping.
        ("The Holy Spirit, holy.", [Term("holy", "santo"), Term("Holy Spirit", "Espíritu Santo")],
         "The Espíritu Santo, santo."),
        ("New York City Hall", [Term("New York City", "NYC"), Term("City Hall", "alcaldía")], "NYC Hall"),
        ("a b c", [Term("a b", "1"), Term("b c", "2"), Term("c", "3")], "1 3"),
        ("grace grace", [Term("grace", "gracia")], "gracia gracia"),
        # Case.
        ("Grace is free. GRACE!", [Term("grace", "gracia")], "Gracia is free. Gracia!"),
        ("Will you? Will will. WILL", [Term("Will", "Guillermo")], "Guillermo you? Guillermo will. Guillermo"),
        ("the ark of the covenant", [Term("Ark of the Covenant")], "the Ark of the Covenant"),
        ("THE ARK OF THE COVENANT", [Term("Ark of the Covenant")], "THE Ark of the Covenant"),
        ("At Nasa, at NASA.", [Term("NASA", "la NASA")], "At Nasa, at la NASA."),
        ("İstanbul'da İSTANBUL", [Term("İstanbul", "Estambul")], "Estambul'da Estambul"),
        # Blanks as the recogniser writes them.
        ("ark  of\nthe covenant", [Term("ark of the covenant", "arca")], "arca"),
        # Marks of a term are its own.
        ("Say AT&T, not AT and T.", [Term("AT&T", "AT&T Inc.")], "Say AT&T Inc., not AT and T."),
        ("C++ (or C).", [Term("C++", "Cpp")], "Cpp (or C)."),
        # Accents are part of a word, however they are written.
        ("résumé resume", [Term("resume", "x")], "résumé x"),
        # Other scripts.
        ("Иисус и Иисуса", [Term("Иисус", "Jesús")], "Jesús и Иисуса"),
        ("ὁ λόγος ἦν", [Term("λόγος", "Verbo")], "ὁ Verbo ἦν"),
        ("ישוע ו־ישוע וישוע", [Term("ישוע", "Jesús")], "Jesús ו־Jesús וישוע"),
        ("النعمة والنعمة", [Term("النعمة", "gracia")], "gracia والنعمة"),
        ("ईश्वर और ईश्वरीय", [Term("ईश्वर", "Dios")], "Dios और ईश्वरीय"),
        ("राम रामा", [Term("राम", "Ram")], "Ram रामा"),
        ("耶稣爱你。", [Term("耶稣", "Jesús")], "Jesús爱你。"),
        ("イエスは主です。", [Term("イエス", "Jesús")], "Jesúsは主です。"),
        ("예수는 주님", [Term("예수", "Jesús")], "Jesús는 주님"),
        ("พระเยซูรักคุณ", [Term("พระเยซู", "Jesús")], "Jesúsรักคุณ"),
        ("我去New York了", [Term("New York", "纽约")], "我去纽约了"),
    ],
)  # fmt: skip
def test_terms_are_found_as_words_of_their_script(text: str, terms: list[Term], expected: str) -> None:
    assert applied(text, *terms) == expected


@pytest.mark.parametrize(
    ("language", "expected"),
    [("es", "gracia"), ("pt", "graça"), ("pt-BR", "graça do Brasil"), ("pt-PT", "graça"), ("fr", "grace"), ("ru", "G")],
)
def test_a_term_holds_in_its_language_the_closest_first(language: str, expected: str) -> None:
    terms = [
        Term("grace", "graça do Brasil", "pt-BR"),
        Term("grace", "graça", "pt"),
        Term("grace", "gracia", "es"),
        Term("grace", "G") if language == "ru" else Term("other", "G"),
    ]
    assert applied("grace", *terms, language=language) == expected


def test_a_term_for_a_region_holds_where_the_plain_language_is_all_there_is() -> None:
    assert applied("grace", Term("grace", "graça", "pt-BR"), language="pt") == "graça"
    assert not Terms([Term("grace", "graça", "pt-BR")], "es")


WORDS = st.text(alphabet="abcé我שक", min_size=1, max_size=5)
TEXTS = st.lists(WORDS, max_size=12).map(" ".join)


@given(TEXTS, st.lists(st.builds(Term, WORDS, WORDS), max_size=6))
def test_spans_are_in_order_apart_and_say_what_a_term_says(text: str, terms: list[Term]) -> None:
    text = tidy(text)
    spans = Terms(terms, "es").spans(text)
    end = 0
    for span in spans:
        assert end <= span.start < span.end <= len(text)
        end = span.end
        said = text[span.start : span.end].lower()
        assert said in {term.source.lower() for term in terms}
        assert span.rendering.lower() in {term.target.lower() for term in terms}


@given(TEXTS, WORDS)
def test_a_term_that_stands_alone_is_always_found(text: str, word: str) -> None:
    before = tidy(f"b {text}")
    spans = Terms([Term(word, "x")], "es").spans(tidy(f"{before} {word} {text}"))
    assert any(span.start <= len(before) + 1 < span.end for span in spans)
