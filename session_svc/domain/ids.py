"""Session ids that people can say aloud, `faithful-shepherd-427`, and fingerprints of those that nobody should see."""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chassis.errors import Invalid

_ID = re.compile(r"[a-z]{2,20}-[a-z]{2,20}-[1-9][0-9]{2}")
_WORD = re.compile(r"[a-z]{2,20}")

FIRST_NUMBER, NUMBERS = 100, 900


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The pairs of words that may be drawn; made by `vocabulary`."""

    pairs: tuple[str, ...]

    def draw(self, below: Callable[[int], int]) -> str:
        """A new id. `below(n)` gives a random whole number from 0 to n - 1."""
        return f"{self.pairs[below(len(self.pairs))]}-{FIRST_NUMBER + below(NUMBERS)}"


def words(text: str) -> tuple[str, ...]:
    """The words of a word file: one a line; `#` starts a comment."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return tuple(line for line in lines if line)


def vocabulary(adjectives: Sequence[str], nouns: Sequence[str], blocklist: Sequence[str]) -> Vocabulary:
    """All pairs that the blocklist leaves.

    An entry `word` blocks that word, and every pair in which it appears where the two words meet; an entry
    `adjective-noun` blocks that pair. Raises ValueError for an entry that cannot be part of an id, or if nothing is
    left.
    """
    blocked = frozenset(blocklist)
    spelled = [word for entry in blocked for word in entry.split("-")]
    if wrong := sorted(word for word in (*adjectives, *nouns, *spelled) if not _WORD.fullmatch(word)):
        raise ValueError(f"not words of an id: {', '.join(wrong)}")
    pairs = tuple(
        f"{first}-{second}"
        for first in adjectives
        for bad in [_bad_after(first, blocked)]
        for second in nouns
        if not ({first, second, f"{first}-{second}"} & blocked) and not second.startswith(bad)
    )
    if not pairs:
        raise ValueError("the blocklist leaves no words")
    return Vocabulary(pairs)


def parse(text: str) -> str:
    """The id as stored. Case and surrounding space do not matter. Raises Invalid(INVALID_SESSION_ID)."""
    session_id = text.strip().lower()
    if not _ID.fullmatch(session_id):
        raise Invalid("INVALID_SESSION_ID", "a session id looks like faithful-shepherd-427")
    return session_id


def fingerprint(secret: str) -> str:
    """The SHA-256 (hex) under which a connection id or a user is stored: whoever reads the store cannot use it."""
    return hashlib.sha256(secret.encode()).hexdigest()


def short(fingerprint_: str) -> str:
    """The first 16 hex digits: what logs and other services see of a connection."""
    return fingerprint_[:16]


def _bad_after(first: str, blocked: frozenset[str]) -> tuple[str, ...]:
    """What no word may begin with that follows `first`, or the two would say an entry where they meet."""
    splits = ((entry[:at], entry[at:]) for entry in blocked for at in range(1, len(entry)))
    return tuple(tail for head, tail in splits if first.endswith(head))
