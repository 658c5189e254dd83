"""How sentences are put to the neural engine, and its answers put right."""

import pytest

from translation_svc.domain.wording import formula, posed, settled, untranslatable


def test_a_short_sentence_is_put_as_a_line_of_dialogue() -> None:
    assert posed("Thank you.") == "- Thank you."


def test_a_long_sentence_is_put_as_it_is() -> None:
    sentence = "Each project is specific to one domain and one country."
    assert posed(sentence) == sentence


@pytest.mark.parametrize(
    ("sentence", "answer", "expected"),
    [
        ("Thank you.", "- Obrigado.", "Obrigado."),
        ("- A list item.", "- Um item da lista.", "- Um item da lista."),
        ("John.", "- John (em inglês).", "John."),
        ("John.", "John (em", "John."),
        ("Kyrie.", "- (em inglês).", "Kyrie."),
        ("\N{GRINNING FACE} Hi.", "- - Oi.", "Oi."),
        ("He (Peter) came.", "Ele (Pedro) veio.", "Ele (Pedro) veio."),
        ("and then", "E então.", "e então"),
        ("and then,", "e então", "e então,"),
        ("Amen!", "amém.", "Amém!"),
        ("what is OK", "OK é o que", "OK é o que"),
        ('"Yes."', '"Sim".', '"Sim".'),
        ("Really?!", "Realmente?", "Realmente?!"),
        ("Ladies and gentlemen, hello.", "Senhoras e Senhores Deputados, olá.", "Senhoras e senhores, olá."),
    ],
)
def test_what_the_engine_added_goes_and_the_speakers_marks_stay(sentence: str, answer: str, expected: str) -> None:
    assert settled(sentence, answer) == expected


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [("Excuse me.", "Com licença."), ("excuse me", "com licença"), ("Bye!", "Adeus!"), ("Excuse me, sir.", None)],
)
def test_a_formula_is_a_whole_sentence(sentence: str, expected: str | None) -> None:
    assert formula("en", "pt", sentence) == expected


def test_a_pair_without_formulas_has_none() -> None:
    assert formula("en", "de", "Bye.") is None


@pytest.mark.parametrize(("sentence", "expected"), [("42.", True), ("3:16", True), ("...", True), ("2 x", False)])
def test_what_has_no_letters_is_the_same_in_every_language(sentence: str, expected: bool) -> None:
    assert untranslatable(sentence) is expected
