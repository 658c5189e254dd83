"""What is put right around Apertium's hops."""

import pytest

from translation_svc.domain.repairs import after, before, cognate


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Vamos nos juntar.", "Vamos juntar-nos."),
        ("Ele veio para nos ajudar.", "Ele veio para ajudar-nos."),
        ("Se nos deixar, vamos.", "Se nos deixar, vamos."),
        ("Ele nos deu pão.", "Ele nos deu pão."),
        ("Ele nos quer.", "Ele nos quer."),
        ("Moro nos Estados Unidos.", "Moro em os Estados Unidos."),
        ("Nos últimos dias nos tornamos amigos.", "Em os últimos dias nos tornamos amigos."),
        ("Nós nos amamos nos mesmos lugares.", "Nós nos amamos em os mesmos lugares."),
        ("Você deve ouvi-lo.", "Você deve o ouvir."),
        ("Vou vê-lo.", "Vou vê-lo."),
        ("Quero abri-la.", "Quero a abrir."),
    ],
)
def test_portuguese_pronouns_are_told_from_prepositions(text: str, expected: str) -> None:
    assert before("pt", "es", text) == expected


def test_other_pairs_get_the_text_as_it_is() -> None:
    assert before("es", "fr", "nos juntar") == "nos juntar"


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("áudio", "audio"),
        ("transcrever", "transcribir"),
        ("digitalização", "digitalización"),
        ("conexões", "conexiones"),
        ("usabilidade", "usabilidad"),
        ("Aleluia", "Aleluya"),
        ("Tchau", "Adiós"),
        ("Smith", "Smith"),
    ],
)
def test_an_unknown_portuguese_word_is_spelt_as_spanish_spells_it(word: str, expected: str) -> None:
    assert cognate("pt", "es", word) == expected


def test_an_unknown_word_of_another_pair_stays() -> None:
    assert cognate("es", "ca", "digitalização") == "digitalização"


@pytest.mark.parametrize(
    ("text", "answer", "expected"),
    [
        ("Hola, mis amigos.", "Salut, Mes amis.", "Salut, mes amis."),
        ("Hola, Pedro y yo.", "Salut, Pedro et Moi.", "Salut, Pedro et Moi."),
        ("y entonces", "Et alors", "et alors"),
        ("usted puede ver.", "Vous il peut voir.", "vous pouvez voir."),
        ("Cuando usted habla.", "Lorsque vous il parle.", "Lorsque vous parlez."),
        ("Él le habla.", "Il vous parle.", "Il vous parle."),
        ("Gracias a todos.", "Grâces à tous.", "Merci à tous."),
        ("En el portal.", "En le portal de le monde.", "Dans le portal du monde."),
    ],
)
def test_french_is_put_right(text: str, answer: str, expected: str) -> None:
    assert after("fr", text, answer) == expected


@pytest.mark.parametrize(
    ("text", "answer", "expected"),
    [
        ("O que você quer? E por quê?", "Lo que usted quiere? Y por qué?", "¿Qué quiere? ¿Y por qué?"),
        ("Aleluia! Olá.", "Aleluya! Hola.", "¡Aleluya! Hola."),
        ("Boa noite.", "Buena noche.", "Buenas noches."),
        ("É uma boa noite.", "Es una buena noche.", "Es una buena noche."),
        ("Que dia!", "¡Qué día!", "¡Qué día!"),
    ],
)
def test_spanish_opens_its_questions_and_greets_in_the_plural(text: str, answer: str, expected: str) -> None:
    assert after("es", text, answer) == expected


def test_out_of_spanish_the_opening_marks_go() -> None:
    assert after("it", "¿Qué? ¡Sí!", "¿Che? ¡Sì!") == "Che? Sì!"
