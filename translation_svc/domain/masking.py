"""What must not be translated goes through an engine under a placeholder, and is put back in its answer.

Engines copy invented words, mostly. Of the forms tried on the local engines ("Xq1x", "ZQ1", "Qza", plain numbers, names
made up, marks), "Xq1x" came back whole most often: 146 of 148 in real sentences with two words masked at random. Names
made up fail elsewhere, so they are the second try. Amazon's adapter marks either as not to be translated, in the way
that Amazon documents.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

MOST = 100
"""Placeholders in one text; more spans than that are left to the engine."""

_SYLLABLES = (("Zor", "Quel", "Trif", "Vand", "Gloz", "Brux", "Fenk", "Dwob", "Klaz", "Mirv"), (
    "vak", "bim", "ozka", "urq", "eldo", "ixta", "ampf", "unko", "azzi", "otro"))  # fmt: skip


class Form(Enum):
    """How placeholders look: a code such as Xq1x, or a made-up name."""

    CODE = 1
    NAME = 2


_SHAPES = {
    Form.CODE: tuple(f"Xq{number}x" for number in range(MOST)),
    Form.NAME: tuple(first + second for second in _SYLLABLES[1] for first in _SYLLABLES[0]),
}
PLACEHOLDER = re.compile(
    r"(?<![A-Za-z0-9])(?:Xq\d{1,2}x|(?:"
    + "|".join(_SYLLABLES[0])
    + ")(?:"
    + "|".join(_SYLLABLES[1])
    + r"))(?![A-Za-z0-9])"
)
"""Any placeholder of either form."""


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a text, `start` to `end` in characters, and what stands there in the translation."""

    start: int
    end: int
    rendering: str


@dataclass(frozen=True, slots=True)
class Masked:
    """A text with placeholders, and what each stands for."""

    text: str
    renderings: tuple[tuple[str, str], ...]


def mask(text: str, spans: Sequence[Span], form: Form = Form.CODE) -> Masked:
    """`spans`: in order, apart from each other, MOST at most."""
    parts: list[str] = []
    renderings: list[tuple[str, str]] = []
    end = 0
    for span, placeholder in zip(spans, _free(text, form), strict=False):
        parts += [text[end : span.start], placeholder]
        renderings.append((placeholder, span.rendering))
        end = span.end
    return Masked("".join([*parts, text[end:]]), tuple(renderings))


def unmask(masked: Masked, answer: str) -> tuple[str, list[int]]:
    """The answer with all placeholders replaced that are in it once; and the positions of those that are not.

    Case and blanks that the engine changed are forgiven. One that came twice side by side counts as once.
    """
    found = [_only(_tolerant(placeholder), answer) for placeholder, _ in masked.renderings]
    lost = [position for position, place in enumerate(found) if place is None]
    parts: list[str] = []
    end = 0
    for place, (_, rendering) in sorted(
        (place, pair) for place, pair in zip(found, masked.renderings, strict=True) if place
    ):
        parts += [answer[end : place[0]], rendering]
        end = place[1]
    return "".join([*parts, answer[end:]]), lost


def _only(placeholder: re.Pattern[str], answer: str) -> tuple[int, int] | None:
    """Where it is, if it is there once; twice with nothing between counts as once."""
    found = [match.span() for match in placeholder.finditer(answer)]
    gaps = [answer[first[1] : second[0]] for first, second in pairwise(found)]
    if not found or any(gap.strip() for gap in gaps):
        return None
    return found[0][0], found[-1][1]


def _free(text: str, form: Form) -> Iterable[str]:
    """Placeholders that the text has not itself."""
    lowered = text.lower()
    return (shape for shape in _SHAPES[form] if shape.lower() not in lowered)


def _tolerant(placeholder: str) -> re.Pattern[str]:
    """However an engine writes it, endings that some languages add left alone ("Xq1xben")."""
    shape = r"\s?".join(("x", "q", placeholder[2:-1], "x")) if placeholder[0] == "X" else placeholder
    return re.compile(rf"(?<![A-Za-z0-9]){shape}", re.IGNORECASE)
