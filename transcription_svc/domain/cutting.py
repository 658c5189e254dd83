"""Where a run of words is cut into segments: at the end of a sentence, a long clause, or before it grows too long.

A cut never falls into a number, a reference, or a phrase of the session's glossary ("Yahoo! Answers"); a phrase that
may just be beginning counts as one until the next word decides.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

from transcription_svc.domain.agreement import spelled
from transcription_svc.domain.boundaries import (
    SENTENCE_MARKS,
    ends_clause,
    ends_sentence,
    only_closes,
    only_opens,
)
from transcription_svc.domain.leading import LEADING


class Phrases:
    """Phrases that stay whole, compared without case and punctuation."""

    def __init__(self, phrases: Iterable[str] = ()) -> None:
        self._by_first: dict[str, set[tuple[str, ...]]] = defaultdict(set)
        self._marked: set[tuple[str, ...]] = set()
        for phrase in phrases:
            words = tuple(spelled(word) for word in phrase.split())
            if words and all(words):
                self._by_first[words[0]].add(words)
                if phrase.rstrip()[-1] in SENTENCE_MARKS:
                    self._marked.add(words)
        self._longest = max((len(words) for found in self._by_first.values() for words in found), default=0)

    def divided(self, words: Sequence[str], index: int) -> bool:
        """Whether a cut after `words[index]` would fall into a phrase, or might once more words are known."""
        for first in range(max(0, index - self._longest + 2), index + 1):
            for phrase in self._by_first.get(spelled(words[first]), ()):
                known = words[first : first + len(phrase)]
                if len(phrase) > index - first + 1 and phrase[: len(known)] == tuple(map(spelled, known)):
                    return True
        return False

    def own_mark(self, words: Sequence[str], index: int) -> bool:
        """Whether the mark at the end of `words[index]` is a phrase's own ("Yahoo!")."""
        return any(
            phrase == tuple(map(spelled, words[max(0, index + 1 - len(phrase)) : index + 1])) for phrase in self._marked
        )


class Cutter:
    """Judges words in one language. Lengths in characters of text."""

    def __init__(
        self,
        language: str,
        *,
        clause_chars: int,
        rest_chars: int,
        long_chars: int,
        long_rest_chars: int,
        max_chars: int,
    ) -> None:
        self._language = language
        self._clause_chars = clause_chars
        self._rest_chars = rest_chars
        self._long_chars = long_chars
        self._long_rest_chars = long_rest_chars
        self._max_chars = max_chars
        self._leading = LEADING.get(language, frozenset())
        self.phrases = Phrases()

    def known(self, words: Sequence[str], beyond: Sequence[str] = ()) -> int:
        """How many of `words` make a segment already; 0 for none. `beyond`: what seems to follow them."""
        return self._cut(words, beyond, self._rest_chars, self._long_rest_chars)

    def foreseen(self, words: Sequence[str]) -> int:
        """How many of `words` will likely make a segment, before enough has followed them; 0 for none."""
        return self._cut(words, (), 1, 1)

    def _cut(self, words: Sequence[str], beyond: Sequence[str], rest_chars: int, long_rest_chars: int) -> int:
        all_words = [*words, *beyond]
        length = 0
        for index, word in enumerate(words):
            length += len(word) + (index > 0)
            if length > self._max_chars and index > 0:
                return self._forced(all_words, index)
            if self._divides(all_words, index):
                continue
            if self._sentence_ends(all_words, index):
                return index + 1
            clause = length >= self._clause_chars and self._clause_ends(all_words, index)
            long = not clause and length >= self._long_chars and self._leads(all_words, index + 1)
            rest = rest_chars if clause else long_rest_chars
            if long and self._sentence_left(words, index + 1) <= 2 * self._long_chars - length:
                continue  # Its end is known for certain, and near: nobody waits for it.
            if (clause or long) and self._goes_on(all_words, index + 1, rest):
                return index + 1
        return 0

    def clause(self, words: Sequence[str]) -> int:
        """How many of `words` make the clause that waits for more to follow; 0 for none."""
        return self._clause_end(words, len(words))

    def best(self, words: Sequence[str]) -> int:
        """Where a cut must fall when it can wait no longer."""
        return self._forced(words, len(words))

    def certain(self, words: Sequence[str]) -> int:
        """How many of `words` are in the first segment cut from them, wherever that will be."""
        return self.clause(words) or self._last_whole(words, self._half(words))

    def _forced(self, words: Sequence[str], limit: int) -> int:
        """After a clause of the first `limit`, else before a word that leads on, else after all but half a phrase."""
        return self._clause_end(words, limit) or self._before_leading(words, limit) or self._last_whole(words, limit)

    def _before_leading(self, words: Sequence[str], limit: int) -> int:
        half = self._half(words)
        for count in range(min(limit, len(words) - 1), half, -1):
            if self._leads(words, count) and not self._divides(words, count - 1):
                return count
        return 0

    def _leads(self, words: Sequence[str], index: int) -> bool:
        """Whether `words[index]`, if it is known, leads into what follows, and the word before it does not."""
        pair = words[index - 1 : index + 1]
        return [spelled(word) in self._leading for word in pair] == [False, True]

    def _half(self, words: Sequence[str]) -> int:
        """How many words make half of what a segment may hold. Without a mark, no cut comes before their end."""
        length = -1
        for index, word in enumerate(words):
            length += 1 + len(word)
            if length > min(self._max_chars / 2, self._long_chars):
                return index
        return len(words)

    def _clause_end(self, words: Sequence[str], limit: int) -> int:
        length = 0
        for index in range(limit):
            length += len(words[index]) + (index > 0)
            if length >= self._clause_chars and self._clause_ends(words, index) and not self._divides(words, index):
                return index + 1
        return 0

    def _last_whole(self, words: Sequence[str], limit: int) -> int:
        return next((count for count in range(limit, 0, -1) if not self._divides(words, count - 1)), limit)

    def _divides(self, words: Sequence[str], index: int) -> bool:
        after = index + 1 < len(words) and only_closes(words[index + 1])
        return after or only_opens(words[index]) or self.phrases.divided(words, index)

    def _sentence_ends(self, words: Sequence[str], index: int) -> bool:
        following = words[index + 1] if index + 1 < len(words) else None
        if not ends_sentence(_marked(words, index), following, self._language):
            return False
        return (following or "")[:1].isupper() or not self.phrases.own_mark(words, index)

    def _clause_ends(self, words: Sequence[str], index: int) -> bool:
        return ends_clause(_marked(words, index), words[index + 1] if index + 1 < len(words) else None)

    def _sentence_left(self, words: Sequence[str], first: int) -> float:
        """Characters from `first` on to the end of the sentence; infinity while that is not known."""
        length = 0
        for index in range(first, len(words)):
            length += 1 + len(words[index])
            if self._sentence_ends(words, index):
                return length
        return math.inf

    def _goes_on(self, words: Sequence[str], first: int, chars: int) -> bool:
        """Whether from `first` on at least so much is known to follow within the sentence."""
        length = 0
        for index in range(first, len(words)):
            length += len(words[index]) + (index > first)
            if length >= chars:
                return True
            if self._sentence_ends(words, index):
                return False
        return False


def _marked(words: Sequence[str], index: int) -> str:
    """The word with the marks that stand alone after it."""
    first = index
    while first > 0 and only_closes(words[first]):
        first -= 1
    return "".join(words[first : index + 1])
