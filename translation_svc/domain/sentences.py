"""Cuts a text into sentences: the local neural engine translates the first sentence it is given and drops the rest.

A point that may belong to an abbreviation does not cut; those that are also words ("No.") do.
"""

import re
from itertools import pairwise

# The neural engine's work grows with the square of the length: 300 characters of the worst text take a second.
LONGEST = 200

# Written with a point and followed by a capital, yet not the end of a sentence.
# fmt: off
_ABBREVIATIONS = frozenset([
    "mr", "mrs", "ms", "dr", "prof", "rev", "fr", "st", "jr", "gen", "col", "capt", "lt", "sgt", "hon", "gov", "vol",
    "fig", "cf", "vs", "e.g", "i.e", "a.m", "p.m", "u.s", "u.k", "etc", "approx", "dept", "inc", "ltd", "ave", "blvd",
    "sr", "sra", "srs", "ud", "uds", "exmo", "exma", "dra", "pág", "pag", "núm", "mme", "mlle", "sig", "dott",
])
# fmt: on
# A mark, whatever closes with it (quotes, brackets), then space. CJK marks need no space.
_BOUNDARY = re.compile(r"(?:[.!?…]+[\"'”’»)\]]*\s+|[。！？]+[」』]?\s*)")
_LAST_WORD = re.compile(r"[\w.]*\w(?=\.[\"'”’»)\]]*\s+$)")
_SOFT = (re.compile(r"[;:]\s"), re.compile(r",\s"), re.compile(r"\s"))


def sentences(text: str) -> list[str]:
    """The sentences of `text`, none empty, none longer than LONGEST characters. Joined by spaces they are the text."""
    text = " ".join(text.split())
    ends = [0, *boundaries(text), len(text)]
    found = [text[start:end].strip() for start, end in pairwise(ends)]
    return [piece for sentence in found for piece in _pieces(sentence) if piece]


def boundaries(text: str) -> list[int]:
    """Where sentences end that others follow: positions in characters, blanks after the mark included."""
    found = [0]
    for boundary in _BOUNDARY.finditer(text):
        if _ends_sentence(text, found[-1], boundary):
            found.append(boundary.end())
    return found[1:]


def _ends_sentence(text: str, start: int, boundary: re.Match[str]) -> bool:
    following = text[boundary.end() : boundary.end() + 1]
    # "... he said", "3 p.m. today": what goes on in lower case is the same sentence.
    if following.islower():
        return False
    word = _LAST_WORD.search(text, start, boundary.end())
    if word is None or boundary[0].lstrip(".").strip():
        return True
    written = word[0]
    initial = len(written) == 1 and written.isupper() and written != "I"
    return not initial and written.lower() not in _ABBREVIATIONS


def _pieces(sentence: str) -> list[str]:
    """A sentence too long for the engine, cut at the last semicolon, else comma, else space, that is not too far."""
    pieces = []
    while len(sentence) > LONGEST:
        cut = _last_cut(sentence)
        pieces.append(sentence[:cut].strip())
        sentence = sentence[cut:].strip()
    return [*pieces, sentence]


def _last_cut(sentence: str) -> int:
    for soft in _SOFT:
        cuts = [match.end() for match in soft.finditer(sentence, 0, LONGEST)]
        # Half of nothing is worse than a whole clause: a cut in the first third leaves a stub.
        if cuts and cuts[-1] > LONGEST // 3:
            return cuts[-1]
    return LONGEST
