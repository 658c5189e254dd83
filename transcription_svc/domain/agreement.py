"""LocalAgreement: which words of a changing transcript can be trusted. Pure.

Whisper transcribes the same growing audio again and again. A word is stable once it has come, with the same words
before it, in so many transcripts in a row (Liu et al. 2020, "Low-Latency Sequence-to-Sequence Speech Recognition and
Translation by Partial Hypothesis Selection", section 3: the longest common prefix of two). The last word of a
transcript is never stable: it may be half a word, and its full stop is a guess until something follows.

The stable words are given to the recogniser as the beginning of its next transcript, so they can never be contradicted;
only what follows them is received.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from transcription_svc.domain.hypothesis import Word

AGREEING: Final = 2


@dataclass(frozen=True, slots=True)
class _Candidate:
    word: Word
    votes: int


def spelled(text: str) -> str:
    """What agreement compares: letters and digits, without case and punctuation."""
    return "".join(character for character in text.casefold() if character.isalnum())


class Agreement:
    """The words of one utterance: stable ones, then candidates."""

    def __init__(self, agreeing: int = AGREEING) -> None:
        self._agreeing = agreeing
        self._stable: list[Word] = []
        self._candidates: list[_Candidate] = []

    @property
    def stable(self) -> tuple[Word, ...]:
        return tuple(self._stable)

    @property
    def words(self) -> tuple[Word, ...]:
        """All words as believed now, the stable ones first."""
        return (*self._stable, *(candidate.word for candidate in self._candidates))

    def receive(self, tail: Sequence[Word], *, voting: int | None = None, overdue: float = -math.inf) -> None:
        """The next transcript, less the words that were stable when it was asked for.

        Its first `voting` words count for agreement, all by default; the others may be a guess at half a word.
        Words that ended before `overdue`, in seconds, are stable without it.
        """
        votes = self._votes(tail, len(tail) if voting is None else voting)
        self._candidates = [_Candidate(word, count) for word, count in zip(tail, votes, strict=True)]
        while self._candidates and self._is_stable(self._candidates[0], overdue):
            self._stable.append(replace(self._candidates.pop(0).word, stable=True))

    def _is_stable(self, first: _Candidate, overdue: float) -> bool:
        agreed = len(self._candidates) > 1 and first.votes >= self._agreeing
        return agreed or first.word.end < overdue

    def settle(self, tail: Sequence[Word]) -> None:
        """The last transcript, less the stable words: all of it is stable."""
        self._stable.extend(replace(word, stable=True) for word in tail)
        self._candidates = []

    def split(self, count: int) -> "Agreement":
        """Takes out what follows the first `count` stable words, with the agreement it has found."""
        rest = Agreement(self._agreeing)
        rest._stable, rest._candidates = self._stable[count:], self._candidates
        self._stable, self._candidates = self._stable[:count], []
        return rest

    def _votes(self, tail: Sequence[Word], voting: int) -> list[int]:
        votes: list[int] = []
        agrees = True
        for index, word in enumerate(tail):
            before = self._candidates[index] if index < len(self._candidates) else None
            agrees = agrees and before is not None and spelled(before.word.text) == spelled(word.text)
            votes.append((before.votes if agrees and before is not None else 0) + (index < voting))
        return votes
