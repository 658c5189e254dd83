"""What Apertium's rules get wrong often enough to be put right around them: before a hop, or after it.

Each rule is about the languages, none about a text. Found by reading translations; a rule earns its place by being
common in what people say.
"""

import re
import unicodedata

from translation_svc.domain.sentences import sentences
from translation_svc.domain.wording import cased_like


def before(source: str, target: str, text: str) -> str:
    """The text as the pair's programs understand it best."""
    return _untangled(text) if (source, target) == ("pt", "es") else text


def after(target: str, text: str, answer: str) -> str:
    """The pair's answer to `text`, put right."""
    answer = _capitals_of(text, answer)
    answer = _asked_in_spanish(answer) if target == "es" else answer.translate(_OPENING)
    for pattern, replacement in _PHRASES.get(target, ()):
        answer = pattern.sub(replacement, answer)
    return _subject_vous(answer) if target == "fr" else answer


def cognate(source: str, target: str, word: str) -> str:
    """A word that no dictionary has, spelt as the other language spells such words: "áudio" is "audio" in Spanish."""
    known = _WORDS.get((source, target), {}).get(word.lower())
    if known:
        return cased_like(word, known)
    if (source, target) != ("pt", "es"):
        return word
    for pattern, replacement in _PORTUGUESE_TO_SPANISH:
        word = pattern.sub(replacement, word)
    # Portuguese writes an accent on "-io", "-ia"; Spanish hears one syllable and writes none.
    return _plain(word) if _FALLING.search(word) else word


# Words said so often that no spelling rule may guess them.
_WORDS = {
    ("pt", "es"): {"tchau": "adiós"},
    ("fr", "es"): {"bonsoir": "buenas noches"},
    ("it", "ca"): {"buonasera": "bona nit"},
}
_PORTUGUESE_TO_SPANISH = [
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"ss(?=ão$|ões$)", "s"),
        (r"ção$", "ción"),
        (r"ções$", "ciones"),
        (r"(?<=[sx])ão$", "ión"),
        (r"(?<=[sx])ões$", "iones"),
        (r"ão$", "ón"),
        (r"ões$", "ones"),
        (r"dade(s?)$", r"dad\1"),
        (r"screver$", "scribir"),
        (r"uia$", "uya"),
        (r"agem$", "aje"),
        (r"agens$", "ajes"),
        (r"nh", "ñ"),
        (r"lh", "ll"),
        (r"ss", "s"),
        (r"ç(?=[ei])", "c"),
        (r"ç", "z"),
        (r"ê", "é"),
        (r"ô", "ó"),
        (r"â", "á"),
    )
]
_FALLING = re.compile(r"[áéíóú]\w*[iu][aeo]s?$")
_ACUTE = "\N{COMBINING ACUTE ACCENT}"


def _plain(word: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", word).replace(_ACUTE, ""))


# "nos" is a pronoun ("us") and "em os" ("in the"); Apertium's tagger guesses, and is wrong half of the time. Here it is
# told: before an infinitive the pronoun goes behind the verb, before a plural or a name the preposition is written out.
_NOS = re.compile(r"(?<![\w-])(?:(?P<before>\w+)\s+)?(?P<nos>[Nn]os)\s+(?P<word>\w+)(?![\w-])")
_INFINITIVE = re.compile(r"\w{2,}(?:[aei]r|or)")
_NOT_INFINITIVES = frozenset(
    {"amor", "maior", "melhor", "menor", "pior", "por", "qualquer", "quer", "requer", "senhor"}
)
# After these an infinitive is a future subjunctive, and its pronoun stays in front ("se nos deixar").
_CONJUNCTIONS = frozenset({"se", "quando", "quem", "onde", "como", "enquanto", "que", "conforme"})
_PLURAL = re.compile(r"\w+(?:[aeo]s|[aeou]is|ns)")
_VERB_OF_US = re.compile(r"\w+[aei]mos|\w+rmos")
_ADJECTIVE_IN_IMOS = re.compile(r"\w*[áéíóúâêô]\w*imos|mesmos|termos|ramos")


# "ouvi-lo" is "ouvir" with its pronoun; Apertium takes it for "ouvis". With the pronoun in front it understands.
_LOST_R = re.compile(r"\b(\w+i)-l([oa]s?)\b")


def _untangled(text: str) -> str:
    return _LOST_R.sub(r"\2 \1r", _NOS.sub(_told, text))


def _told(match: re.Match[str]) -> str:
    before, nos, word = match["before"] or "", match["nos"], match["word"]
    told = match[0]
    if _is_infinitive(before, word):
        told = f"{before} {word}-nos" if before else f"{cased_like(nos, word)}-nos"
    elif _takes_an_article(word):
        told = f"{before} {nos[0].replace('N', 'E').replace('n', 'e')}m os {word}".lstrip()
    return told


def _is_infinitive(before: str, word: str) -> bool:
    if before.lower() in _CONJUNCTIONS or word.lower() in _NOT_INFINITIVES:
        return False
    return _INFINITIVE.fullmatch(word) is not None


def _takes_an_article(word: str) -> bool:
    if _VERB_OF_US.fullmatch(word):
        return _ADJECTIVE_IN_IMOS.fullmatch(word) is not None
    return word[0].isupper() or _PLURAL.fullmatch(word) is not None


def _rules(*rules: tuple[str, str]) -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(pattern), replacement) for pattern, replacement in rules)


# What is said as a whole and translated word by word; contractions that were left open.
_PHRASES = {
    "es": _rules(
        (r"(?<![\w,] )\bBuena noche\b", "Buenas noches"),
        (r"(?<![\w,] )\bBuena tarde\b", "Buenas tardes"),
        (r"(?<![\w,] )\bBuen día\b", "Buenos días"),
        (r"\bJoão\b", "Juan"),
    ),
    "pt": _rules(
        (r"\b([Bb])oas noites\b", r"\1oa noite"),
        (r"\b([Bb])oas tardes\b", r"\1oa tarde"),
        (r"\b([Bb])ons dias\b", r"\1om dia"),
    ),
    "fr": _rules(
        (r"\bEn (les?)\b", r"Dans \1"),
        (r"\ben (les?)\b", r"dans \1"),
        (r"\bde le\b", "du"),
        (r"\bde les\b", "des"),
        (r"\bà le\b", "au"),
        (r"\bà les\b", "aux"),
        (r"\bPar faveur\b", "S'il vous plaît"),
        (r"\bpar faveur\b", "s'il vous plaît"),
        (r"\b([Pp])ar qu'est-ce qu(?:e |')", r"\1ourquoi "),
        (r"\b([Pp])ar quel (?=vous|tu|il|elle|nous|on)", r"\1ourquoi "),
        (r"(?<![\w,] )\bGrâces\b", "Merci"),
        (r"(?<![\w,] )\bSoi(?=[.,!])", "Oui"),
        (r"(?<![\w,] )\bNe(?=[.,!])", "Non"),
    ),
    "it": _rules((r"\bSe vi piace\b", "Per favore"), (r"\bse vi piace\b", "per favore")),
}

# Only Spanish opens questions and exclamations with a mark; the pairs into Spanish do not, those out of it leave it.
_OPENING = {ord(mark): None for mark in "¿¡"}
_ASKING = {
    "Como": "Cómo",
    "Cuando": "Cuándo",
    "Cuanto": "Cuánto",
    "Donde": "Dónde",
    "Lo que": "Qué",
    "Por que": "Por qué",
    "Porque": "Por qué",
    "Que": "Qué",
    "Quien": "Quién",
}
_INTERROGATIVE = re.compile(
    r"(Lo que|Por qu[eé]|Porque|Qu[eé]|C[oó]mo|Cu[aá]ndo|Cu[aá]nto|D[oó]nde|Qui[eé]n)\b(?: usted\b)?"
)


def _asked_in_spanish(answer: str) -> str:
    """Opening marks, accents on question words, and no subject right behind them ("¿Qué quiere?")."""
    return " ".join(_opened(sentence) for sentence in sentences(answer))


def _opened(sentence: str) -> str:
    if sentence[0] in "¿¡":
        return sentence
    if sentence.endswith("!"):
        return f"¡{sentence}"
    if not sentence.endswith("?"):
        return sentence
    word = _INTERROGATIVE.match(sentence)
    return "¿" + (_ASKING.get(word[1], word[1]) + sentence[word.end() :] if word else sentence)


_WORD = re.compile(r"\w[\w'’-]*")
_SENTENCE_START = re.compile(r"(?:^|[.!?…:]\s+|[\"“«¿¡(\[-]\s*)$")


def _capitals_of(text: str, answer: str) -> str:
    """Capitals moved by reordering are taken back: where only sentences began with one, only sentences do."""
    answer = cased_like(text, answer)
    if any(_is_capital(text, word) for word in _WORD.finditer(text)):
        return answer
    return _WORD.sub(lambda word: word[0].lower() if _is_capital(answer, word) else word[0], answer)


def _is_capital(text: str, word: re.Match[str]) -> bool:
    return word[0][0].isupper() and not _SENTENCE_START.search(text, 0, word.start())


# Spanish "usted" takes the third person and becomes "vous", which takes the second; the verb is left behind.
_VOUS = {
    "a": "avez",
    "avait": "aviez",
    "doit": "devez",
    "dit": "dites",
    "est": "êtes",
    "était": "étiez",
    "fait": "faites",
    "peut": "pouvez",
    "prend": "prenez",
    "sait": "savez",
    "va": "allez",
    "veut": "voulez",
    "veux": "voulez",
    "vient": "venez",
    "voit": "voyez",
}
# Only as a subject: at the start of a clause. In "il vous parle" it is an object.
_SUBJECT = re.compile(
    r"(?P<start>(?:^|[.,;:!?…]\s+|\b(?i:que|quand|si|comme|où|et|mais|car|donc|lorsque|dont)\s+))"
    r"(?P<vous>[Vv]ous)\s+(?:il\s+)?(?:(?P<ne>ne)\s+)?(?P<verb>\w+)(?![\w'’-])"
)


def _subject_vous(answer: str) -> str:
    def conjugated(match: re.Match[str]) -> str:
        verb = match["verb"]
        second = _VOUS.get(verb) or (f"{verb}z" if verb.endswith("e") and len(verb) > 3 else verb)
        return f"{match['start']}{match['vous']} {'ne ' if match['ne'] else ''}{second}"

    return _SUBJECT.sub(conjugated, answer)
