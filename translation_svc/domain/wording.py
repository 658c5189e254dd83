"""How a sentence is put to the neural engine, and how its answer is put right. Found by trying; general where possible.

The engine learned from web pages: of "Thank you." it makes "Obrigado por enviar uma edição". Set as a line of dialogue
("- Thank you.") it takes it for what people say, and nearly all short sentences come out right.
"""

import re

# Up to so many words a sentence is put as a line of dialogue.
DIALOGUE_WORDS = 8

_DASH = re.compile(r"^(?:\s*[-–—])+\s*")
_BRACKETED = re.compile(r"\s*\([^()]*\)?")
# It also learned from the European Parliament, where every lady and gentleman is a deputy.
_HABITS = ((re.compile(r"\b([Ss]enhoras e) Senhores Deputados\b"), r"\1 senhores"),)
_CLOSING = ".!?…,;:"
_MARKS = re.compile(rf"[{re.escape(_CLOSING)}]+$")

# What people say to each other as one whole sentence, and the engine gets wrong even as dialogue.
_FORMULAS: dict[tuple[str, str], dict[str, str]] = {
    ("en", "pt"): {
        "bye": "adeus",
        "bye bye": "adeus, adeus",
        "excuse me": "com licença",
        "great": "ótimo",
        "hallelujah": "aleluia",
        "ladies and gentlemen": "senhoras e senhores",
        "next": "próximo",
        "of course": "claro",
        "see you": "até logo",
        "uh": "hum",
        "um": "hum",
    },
    ("pt", "en"): {
        "até amanhã": "see you tomorrow",
        "até logo": "see you",
        "com licença": "excuse me",
        "obrigada": "thank you",
        "olá, pessoal": "hello, everyone",
        "tchau": "bye",
    },
}


def formula(source: str, target: str, sentence: str) -> str | None:
    """The fixed rendering of a sentence that is one of its pair's formulas, marks and capital kept; else None."""
    marks = _marks(sentence)
    said = sentence.removesuffix(marks)
    fixed = _FORMULAS.get((source, target), {}).get(said.lower())
    return None if fixed is None else cased_like(said, fixed) + marks


def untranslatable(sentence: str) -> bool:
    """True for what has no letters: numbers and marks are the same in every language."""
    return not any(character.isalpha() for character in sentence)


def posed(sentence: str) -> str:
    """The sentence as the engine gets it."""
    return f"- {sentence}" if len(sentence.split()) <= DIALOGUE_WORDS else sentence


def settled(sentence: str, answer: str) -> str:
    """The engine's answer to `posed(sentence)` as a translation of `sentence`: no dash, asides, marks of its own."""
    if not _DASH.match(sentence):
        answer = _DASH.sub("", answer)
    if "(" not in sentence:
        # "John." became "John (em inglês).": a web page's aside, never the speaker's.
        answer = _BRACKETED.sub("", answer)
    for habit, said in _HABITS:
        answer = habit.sub(said, answer)
    answer = answer.strip()
    words = answer.removesuffix(_marks(answer))
    # Nothing but an aside: the speaker's own words are better than silence.
    return cased_like(sentence, words) + _closing(sentence, answer) if words else sentence


def _closing(sentence: str, answer: str) -> str:
    """Marks at the end are the speaker's: none added, none lost, so that an open clause stays open."""
    own = _marks(sentence)
    # A quote closes differently per language (`."` or `".`): where either ends in one, leave the engine's way.
    if sentence[-1:] in "\"'”’»" or answer[-1:] in "\"'”’»":
        return _marks(answer)
    return own


def _marks(text: str) -> str:
    match = _MARKS.search(text)
    return match[0] if match else ""


def cased_like(original: str, text: str) -> str:
    """Only the first letter: "and then" must not become a sentence of its own, nor "Amen" a common noun."""
    first = next((character for character in original if character.isalpha()), "")
    if first.isupper():
        return text[:1].upper() + text[1:]
    # Lower only a word that is lower-case but for its first letter: "EUA" and "OK" stay.
    word = text.split(" ", 1)[0]
    return text[:1].lower() + text[1:] if first and (len(word) == 1 or word[1:].islower()) else text
