"""Where a run of words is cut into segments: at the end of a sentence, a long clause, or before it grows too long.

A cut never falls into a number, a reference, or a phrase of the session's glossary ("Yahoo! Answers"); a phrase that
may just be beginning counts as one until the next word decides.
"""

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

    def __init__(self, language: str, *, clause_chars: int, rest_chars: int, max_chars: int) -> None:
        self._language = language
        self._clause_chars = clause_chars
        self._rest_chars = rest_chars
        self._max_chars = max_chars
        self.phrases = Phrases()

    def known(self, words: Sequence[str], beyond: Sequence[str] = ()) -> int:
        """How many of `words` make a segment already; 0 for none. `beyond`: what seems to follow them."""
        all_words = [*words, *beyond]
        length = 0
        for index, word in enumerate(words):
            length += len(word) + (index > 0)
            if length > self._max_chars and index > 0:
                return self._clause_end(all_words, index) or self._last_whole(all_words, index)
            if self._divides(all_words, index):
                continue
            if self._sentence_ends(all_words, index):
                return index + 1
            long = length >= self._clause_chars
            if long and self._clause_ends(all_words, index) and self._goes_on(all_words, index + 1):
                return index + 1
        return 0

    def clause(self, words: Sequence[str]) -> int:
        """How many of `words` make the clause that waits for more to follow; 0 for none."""
        return self._clause_end(words, len(words))

    def best(self, words: Sequence[str]) -> int:
        """Where a cut must fall when it can wait no longer: after the clause, else after all but half a phrase."""
        return self.clause(words) or self._last_whole(words, len(words))

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
        word, following = _marked(words, index), words[index + 1] if index + 1 < len(words) else None
        if self.phrases.own_mark(words, index) and not (following or "")[:1].isupper():
            return False
        return ends_sentence(word, following, self._language)

    def _clause_ends(self, words: Sequence[str], index: int) -> bool:
        return ends_clause(_marked(words, index), words[index + 1] if index + 1 < len(words) else None)

    def _goes_on(self, words: Sequence[str], first: int) -> bool:
        """Whether what follows a clause mark is enough, within its sentence, to stand alone."""
        length = 0
        for index in range(first, len(words)):
            length += len(words[index]) + (index > first)
            if length >= self._rest_chars:
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
