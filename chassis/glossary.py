"""A session's glossary as every service knows it: terms, their bounds, and the version that stands for them all."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from unicodedata import category

from chassis.errors import Invalid
from chassis.language import parse

MOST_TERMS = 500
LONGEST_TERM = 200
"""Characters of a term and of its rendering."""


@dataclass(frozen=True, slots=True)
class Term:
    """`source`: as it is spoken. `target`: what it becomes; empty: it is kept. `language`: where; empty: everywhere."""

    source: str
    target: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Glossary:
    """Terms in the order they were given, and their version: 16 hex digits, empty without terms.

    What is equal has the same version, which is quicker to compare than 500 terms.
    """

    terms: tuple[Term, ...] = field(default=(), compare=False)
    version: str = ""


NONE = Glossary()


def glossary(terms: Iterable[Term]) -> Glossary:
    """The terms, blanks and codes put in order; of two for the same words and language the later holds.

    Raises Invalid: INVALID_PARAMETER for too many terms, one without words or one too long, INVALID_LANGUAGE.
    """
    found: dict[tuple[str, str], Term] = {}
    for number, given in enumerate(terms, 1):
        if number > MOST_TERMS:
            raise Invalid("INVALID_PARAMETER", f"a glossary has at most {MOST_TERMS} terms")
        term = _checked(given, number)
        found[term.source, term.language] = term
    ordered = tuple(found.values())
    return Glossary(ordered, _version(ordered))


def _checked(given: Term, number: int) -> Term:
    source, target = _tidy(given.source), _tidy(given.target)
    if not any(character.isalnum() for character in source):
        raise Invalid("INVALID_PARAMETER", f"term {number} of the glossary has no words")
    if max(len(source), len(target)) > LONGEST_TERM:
        raise Invalid("INVALID_PARAMETER", f"term {number} of the glossary has more than {LONGEST_TERM} characters")
    return Term(source, target, parse(given.language) if given.language else "")


def _tidy(text: str) -> str:
    """One blank between words; control characters are none."""
    return " ".join("".join(" " if category(character) == "Cc" else character for character in text).split())


def _version(terms: tuple[Term, ...]) -> str:
    """The same for the same terms, whatever their order, here and in every other process."""
    if not terms:
        return ""
    digest = sha256()
    for term in sorted((term.source, term.target, term.language) for term in terms):
        for part in term:
            # With its length: "ab", "c" is not "a", "bc".
            encoded = part.encode()
            digest.update(len(encoded).to_bytes(4, "big") + encoded)
    return digest.hexdigest()[:16]
