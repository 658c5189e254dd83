"""Cuts a text into portions that an engine takes: as many whole sentences as fit, by the bytes that they take there.

A sentence too long for a portion is cut at a clause, else at a space, else between characters; never inside one, and
never before a mark that belongs to the letter in front of it.
"""

import re
import unicodedata
from collections.abc import Callable

from translation_svc.domain.sentences import boundaries

_CLAUSE = re.compile(r"[;:,]\s|[、，；：،؛]\s?")
_SPACE = re.compile(r"\s")


def utf8(text: str) -> int:
    """Bytes of UTF-8."""
    return len(text.encode())


def portions(text: str, most: int, size: Callable[[str], int] = utf8) -> list[str]:
    """Portions of at most `most` by `size`, none empty; put together they are the text, but for blanks at the cuts.

    `size` must not shrink when text is added, and `most` must hold any single character.
    """
    text = text.strip()
    found: list[str] = []
    while size(text) > most:
        cut = _cut(text, _longest(text, most, size))
        found.append(text[:cut].strip())
        text = text[cut:].strip()
    return [portion for portion in [*found, text] if portion]


def _longest(text: str, most: int, size: Callable[[str], int]) -> int:
    """How many characters fit: at least one."""
    low, high = 1, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if size(text[:middle]) <= most else (low, middle - 1)
    return low


def _cut(text: str, fits: int) -> int:
    """The best place to cut within the first `fits` characters."""
    ends = [end for end in boundaries(text) if end <= fits]
    if ends:
        return ends[-1]
    for mark in (_CLAUSE, _SPACE):
        cuts = [match.end() for match in mark.finditer(text, 0, fits)]
        if cuts:
            return cuts[-1]
    whole = fits
    while whole > 1 and _belongs(text, whole):
        whole -= 1
    return whole if whole > 1 or not _belongs(text, 1) else fits


def _belongs(text: str, position: int) -> bool:
    """The character there is part of the one before: an accent, a vowel sign, a joiner's other side."""
    if position >= len(text):
        return False
    joiners = "\N{ZERO WIDTH JOINER}\N{VARIATION SELECTOR-16}"
    return (
        unicodedata.category(text[position]).startswith("M")
        or text[position] in joiners
        or text[position - 1] == "\N{ZERO WIDTH JOINER}"
    )
