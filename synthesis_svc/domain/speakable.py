"""Text as it is said: what a voice would stumble over, spell out or take as a command is taken away.

Captions keep their emoji and asterisks; only what goes to a voice passes here.
"""

import re
import unicodedata
from typing import Final

_LINK: Final = re.compile(r"!?\[([^\]\n]*)\]\([^)\s]*\)")
_ADDRESS: Final = re.compile(r"(?i)\bhttps?://(?:www\.)?([^/\s]+)\S*")
# A currency sign before its amount is read before it ("dollar twenty-five"); after it, as people say it.
_CURRENCY: Final = re.compile(r"([$€£¥₹])\s?(\d+(?:[.,  ]\d+)*)")
_HEADING: Final = re.compile(r"(?m)^\s*(?:#{1,6}|>|[-*+•])\s+")
# What Markdown decorates with; the brackets also switch espeak-ng to reading phonemes.
_DECORATION: Final = re.compile(r"[*`~^|\\{}\[\]]+|(?<!\w)_+|_+(?!\w)|_{2,}")
_SPACE: Final = re.compile(r"\s+")
# Symbols that Unicode files under the same heading as emoji, yet are read aloud.
_SPOKEN_SYMBOLS: Final = frozenset("°©®™№℃℉")
# They shape letters (Persian, Hindi) and are dropped only where they glue emoji.
_JOINERS: Final = frozenset("‌‍")


def tidy(text: str) -> str:
    """The text to speak, on one line, without emoji, Markdown and control characters; may be empty."""
    text = _LINK.sub(r"\1", unicodedata.normalize("NFC", text))
    text = _ADDRESS.sub(r"\1", text)
    text = _HEADING.sub("", text)
    text = _DECORATION.sub(" ", text)
    text = "".join(_said(text, index) for index in range(len(text)))
    text = _CURRENCY.sub(r"\2 \1", text)
    return _SPACE.sub(" ", text).strip()


def has_something_to_say(text: str) -> bool:
    """False for punctuation only: no letter and no digit."""
    return any(character.isalnum() for character in text)


def _said(text: str, index: int) -> str:
    character = text[index]
    if character in _JOINERS:
        joins = 0 < index < len(text) - 1 and _is_lettered(text[index - 1]) and _is_lettered(text[index + 1])
        return character if joins else ""
    category = unicodedata.category(character)
    if category in {"So", "Sk", "Cs", "Co", "Cn"}:
        return character if character in _SPOKEN_SYMBOLS else " "
    # Variation selectors and the keycap go with their emoji; controls become the space they were.
    if "︀" <= character <= "️" or category in {"Cf", "Me"}:
        return ""
    return " " if category == "Cc" else character


def _is_lettered(character: str) -> bool:
    return unicodedata.category(character)[0] in "LM"
