"""Where a sentence or a clause ends, judged by one word and its neighbour. Pure tables, no state.

Engines attach punctuation to words, so every question is about the last characters of a word.
"""

import re

SENTENCE_MARKS = ".?!…。？！।؟"
CLAUSE_MARKS = ",;:،、，；—–"
_CLOSERS = "\"'”’»)]}›"

# Abbreviations that end in a dot and go on, by language; "" holds for all. Lower case, without the last dot.
_ABBREVIATIONS: dict[str, frozenset[str]] = {
    "": frozenset({"dr", "prof", "st", "no", "nr", "vs", "etc", "cf", "vol", "cap", "pág", "p", "pp", "art", "approx"}),
    "en": frozenset(
        {"mr", "mrs", "ms", "jr", "sr", "rev", "gen", "sen", "rep", "gov", "capt", "lt", "col", "sgt", "hon", "pres"}
        | {"e.g", "i.e", "a.m", "p.m", "u.s", "u.k", "fig", "inc", "ltd", "corp", "dept", "est", "ave", "mt", "ft"}
    ),
    "es": frozenset({"sr", "sra", "srta", "dra", "ud", "uds", "ee.uu", "pág", "núm", "tel", "av", "p.ej", "d", "dña"}),
    "pt": frozenset({"sr", "sra", "srta", "dra", "exmo", "exma", "pág", "núm", "tel", "av", "p.ex", "d"}),
    "fr": frozenset({"m", "mm", "mme", "mmes", "mlle", "mgr", "me", "av", "bd", "p.ex", "env"}),
    "de": frozenset({"hr", "fr", "bzw", "usw", "z.b", "d.h", "u.a", "str", "ca", "evtl", "ggf", "inkl", "nr", "abs"}),
    "it": frozenset({"sig", "sigg", "dott", "avv", "ing", "on", "pag", "es", "ecc", "s"}),
}
# Languages that write ordinal numbers with a dot ("am 3. Oktober").
_ORDINAL_DOT = frozenset(
    {"de", "da", "nb", "nn", "no", "fi", "cs", "sk", "pl", "hr", "sr", "sl", "hu", "et", "lv", "is"}
)
_INITIALS = re.compile(r"(?:\w\.)*\w", re.UNICODE)
_NUMBER = re.compile(r"\d[\d.,:]*")


def ends_sentence(word: str, following: str | None, language: str) -> bool:
    """Whether a sentence ends with `word`. `following` is the next word if it is known already.

    `language` is the plain language code (`de`). Not an end: a dot of an abbreviation, of an initial, of an ordinal, or
    an ellipsis before a word in lower case.
    """
    bare = word.rstrip(_CLOSERS)
    if not bare or bare[-1] not in SENTENCE_MARKS:
        return False
    if bare.endswith(("...", "…")):
        return following is None or not following[:1].islower()
    if bare[-1] != ".":
        return True
    stem = bare[:-1].lstrip("\"'“‘«([{‹¿¡").lower()
    if stem in _ABBREVIATIONS[""] or stem in _ABBREVIATIONS.get(language, frozenset()):
        return False
    if len(stem) > 0 and _INITIALS.fullmatch(stem) and not stem.isdigit():
        # "J. Smith", "U.S. Army" go on; "so do I." ends only if something in upper case follows that is no name, which
        # cannot be known. English "I" is the one word that is a letter.
        return language == "en" and stem == "i"
    return not (_NUMBER.fullmatch(stem) and language in _ORDINAL_DOT)


def ends_clause(word: str) -> bool:
    """Whether a clause ends with `word`: at a comma, semicolon, colon or dash ("3:16" ends with a digit: no)."""
    bare = word.rstrip(_CLOSERS)
    return bool(bare) and bare[-1] in CLAUSE_MARKS and len(bare) > 1
