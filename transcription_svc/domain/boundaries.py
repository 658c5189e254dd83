"""Where a sentence or a clause ends, judged by one word and its neighbour. Pure tables, no state.

Engines attach punctuation to words, so every question is about the last characters of a word and the first of the next.
Where a dot may belong to an abbreviation and the next word is not known yet, the answer is "not an end": whoever asks
knows it a word later, and a wrong cut cannot be taken back.
"""

import re
from typing import Final

from transcription_svc.domain.abbreviations import BEFORE_NUMBER, GOES_ON, MAY_END, STARTERS, VERSES

SENTENCE_MARKS: Final = ".?!…。．？！।॥؟۔።။։"
CLAUSE_MARKS: Final = ",;:،؛、，；：—–"
_OPENERS: Final = "\"'“„‘«([{‹¿¡*_"
_CLOSERS: Final = "\"'”’“»)]}›*_"
_OPENS_ALONE: Final = "“„‘«([{‹¿¡—–"

# Languages that write ordinal numbers with a dot ("am 3. Oktober").
_ORDINAL_DOT: Final = frozenset(
    {"de", "da", "nb", "nn", "no", "fi", "cs", "sk", "pl", "hr", "sr", "sl", "hu", "et", "lv", "is", "tr"}
)
_INITIALS: Final = re.compile(r"[^\W\d_](?:[.-][^\W\d_])*")
_ORDINAL: Final = re.compile(r"\d{1,2}|[IVXLC]+")
_SHORT_NUMBER: Final = 3
_NUMBER_AND_MARK: Final = re.compile(r"\W*\d[\d.,:]*[.,:;]")


def only_closes(word: str) -> bool:
    """Whether it belongs to the word before: a bracket, quote or mark that stands alone, as French sets them."""
    return not any(character.isalnum() for character in word) and word[:1] not in _OPENS_ALONE


def only_opens(word: str) -> bool:
    """Whether it belongs to the word after it: an opening quote or bracket that stands alone."""
    return not word.strip(_OPENERS)


def ends_sentence(word: str, following: str | None, language: str) -> bool:
    """Whether a sentence ends with `word`. `following` is the next word if it is known already.

    `language` is the plain language code (`de`). Not an end: a dot of an abbreviation, an initial, an ordinal or half a
    number; a mark before a word in lower case that goes on with the sentence ("wait... for", '"Why?" he asked'); and
    what is followed by a closing quote or bracket of its own, which ends the sentence in its place.
    """
    bare = word.rstrip(_CLOSERS)
    mark = bare[-1:]
    if language == "el" and mark == ";":
        return True
    if not bare or mark not in SENTENCE_MARKS or (following is not None and only_closes(following)):
        return False
    goes_on = following is not None and following.lstrip(_OPENERS)[:1].islower()
    if bare.endswith(("...", "…", "..")):
        return not goes_on
    if mark != ".":
        return not (goes_on and bare != word)
    return not goes_on and _full_stop(bare[:-1].lstrip(_OPENERS).lower(), following, language)


def _full_stop(stem: str, following: str | None, language: str) -> bool:
    """Whether the dot after `stem` is more than an abbreviation's or a number's. `following` is not in lower case."""
    word = stem.lower()
    if word in GOES_ON.get(language, frozenset()) or word in GOES_ON[""]:
        return False
    after = (following or "").lstrip(_OPENERS)
    if word in BEFORE_NUMBER and (after[:1].isdigit() or (following is None and word != "no")):
        return False
    if word == "i" and language == "en":
        return True  # The one word that is a letter.
    # "J. Smith", "U.S. Army" go on; "vitamin C. The" does not.
    ordinal = language in _ORDINAL_DOT and _ORDINAL.fullmatch(stem)
    if word in MAY_END or ordinal or _INITIALS.fullmatch(word):
        return after.lower().rstrip(",") in STARTERS
    # A year ends sentences; "3. 5" is half a number.
    return not (stem.isdigit() and len(stem) <= _SHORT_NUMBER and after[:1].isdigit())


def ends_clause(word: str, following: str | None = None) -> bool:
    """Whether a clause ends with `word`: at a comma, semicolon, colon or dash.

    Not in a number or reference: "3:16" ends with a digit; "3, 16" and "chapter 3, verse 16" go on.
    """
    bare = word.rstrip(_CLOSERS)
    if not bare or bare[-1] not in CLAUSE_MARKS or bare in {"—", "–", ","}:
        return False
    if following is None or not _NUMBER_AND_MARK.fullmatch(bare):
        return True
    after = following.lstrip(_OPENERS)
    return not (after[:1].isdigit() or after.rstrip(".").lower() in VERSES)
