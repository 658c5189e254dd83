"""Where a glossary's terms stand in a text, and what stands there in the translation.

Longest first, from left to right, never overlapping, never inside another word; "Spirit" is in "Spirit-filled" and in
"Spirit's", and not in "Spirits": what languages do to their words is left alone. Scripts that put no blanks between
words have no such borders. The case of names counts ("Will" is not "will"), unless they have several words or all is in
capitals; the case of other terms does not.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from chassis.glossary import Glossary, Term
from chassis.language import match, primary
from translation_svc.domain.masking import Span
from translation_svc.domain.wording import cased_like

# Letters of scripts without blanks between words: Thai, Lao, Myanmar, Khmer, kana, Han.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
# Korean has blanks, and writes particles right behind the word.
_HANGUL = re.compile("[\uac00-\ud7a3]")
# Vowel signs, accents and points are part of a word, and `\w` does not know it.
_MARKS = "".join(
    character for character in map(chr, range(0x300, 0x10000)) if unicodedata.category(character)[0] == "M"
)
_IN_WORD = re.compile(rf"(?![{_UNSPACED}])[\w{_MARKS}]")
_MARK = re.compile(f"[{_MARKS}]")


@dataclass(frozen=True, slots=True)
class _Needle:
    """A term as it is looked for: in lower case in a text in lower case or, `exactly`, in one of its own spellings."""

    term: Term
    spellings: tuple[str, ...]
    exactly: bool

    @classmethod
    def of(cls, term: Term) -> "_Needle":
        source = tidy(term.source)
        if " " in source or source == source.lower():
            return cls(term, (_lowered(source),), False)
        return cls(term, (source, source.upper()), True)


class Terms:
    """A glossary made ready for one target language."""

    def __init__(self, terms: Iterable[Term], language: str) -> None:
        """A term for this language goes before one for its plain language, and that before one for all languages."""
        chosen: dict[str, Term] = {}
        for term in sorted(terms, key=lambda term: _closeness(term, language)):
            if _closeness(term, language):
                chosen[tidy(term.source)] = term
        self._by_first: dict[str, list[_Needle]] = {}
        for source in sorted(chosen, key=len, reverse=True):
            self._by_first.setdefault(_lowered(source[0]), []).append(_Needle.of(chosen[source]))

    def __bool__(self) -> bool:
        return bool(self._by_first)

    def spans(self, text: str) -> list[Span]:
        """Where terms stand in a text that is `tidy`, in order, and what stands there in the translation."""
        found: list[Span] = []
        lowered, position = _lowered(text), 0
        while position < len(text):
            span = self._at(text, lowered, position)
            if span is not None:
                found.append(span)
            position = span.end if span is not None else position + 1
        return found

    def _at(self, text: str, lowered: str, position: int) -> Span | None:
        needles = self._by_first.get(lowered[position], ())
        if not needles or (position and _IN_WORD.match(text[position - 1]) and _IN_WORD.match(text[position])):
            return None
        for needle in needles:
            for spelling in needle.spellings:
                end = position + len(spelling)
                there = (text if needle.exactly else lowered).startswith(spelling, position)
                if there and _ends_word(text, end):
                    return Span(position, end, _rendering(needle.term, text[position:end]))
        return None


def tidy(text: str) -> str:
    """The text with one blank between words, and accents as parts of their letters where there are such letters."""
    return unicodedata.normalize("NFC", " ".join(text.split()))


@lru_cache(maxsize=512)
def terms_for(glossary: Glossary, language: str) -> Terms:
    """As `Terms`, made once for each glossary and language in use."""
    return Terms(glossary.terms, language)


def _closeness(term: Term, language: str) -> int:
    """How particularly a term is meant for a language; 0: not at all."""
    if not term.language:
        return 1
    if term.language == language:
        return 4
    # A glossary for `pt` holds in `pt-BR`; one for `pt-BR` holds where `pt` is all there is.
    if primary(language) == term.language:
        return 3
    return 2 if language == primary(term.language) and match(term.language, {language}) else 0


def _lowered(text: str) -> str:
    """In lower case, each character in its place."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else "".join(c if len(c.lower()) > 1 else c.lower() for c in text)


def _ends_word(text: str, end: int) -> bool:
    if end >= len(text):
        return True
    if _MARK.match(text[end]):
        return False
    if _HANGUL.match(text[end - 1]):
        return True
    return not (_IN_WORD.match(text[end - 1]) and _IN_WORD.match(text[end]))


def _rendering(term: Term, said: str) -> str:
    """The fixed text. Where a term in lower case was said with a capital, as sentences begin, it has one."""
    fixed = term.target or term.source
    starts_low = term.source[:1].islower()
    return cased_like(said, fixed) if starts_low and said[:1].isupper() else fixed
