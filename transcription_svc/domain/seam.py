"""Where a second hearing of the same audio begins to tell something new. Pure.

A stream that replaces another hears again the audio that no final had covered. Some of its words had been committed
already, perhaps spelled or cut into utterances in another way, and never at exactly the same times. The seam is found
by the words themselves where the last committed ones are told again at about their time, else by time alone.
"""

from collections.abc import Sequence
from itertools import takewhile
from typing import Final

from transcription_svc.domain.hypothesis import Word

# How far apart two hearings may place the same words, for each word of them in a row: what is said twice takes longer.
SLACK_SECONDS_A_WORD: Final = 0.25
SLACK_SECONDS: Final = 1.0
# A final that ends so much before the seam ends nothing of what was committed.
SHORT_SECONDS: Final = 0.25
# So many committed words are enough to find the place among.
MEMORY: Final = 12


class Seam:
    """The end of what is `said` (the last committed words, in order), as seen by one stream that hears it again."""

    def __init__(self, said: Sequence[Word] = ()) -> None:
        self._said = tuple(said)
        self._until = said[-1].end if said else float("-inf")

    def beyond(self, words: tuple[Word, ...], *, is_final: bool) -> tuple[Word, ...]:
        """The words of one hypothesis that had not been committed."""
        known = self._retold(words)
        until = words[known - 1].end if known else self._until
        fresh = words[known:] if known else tuple(word for word in words if (word.start + word.end) / 2 > until)
        if is_final and words and (known or words[-1].end > self._until):
            # Passed: from here on the same words at about this time are said once more, not told again.
            self._said, self._until = (), until
        return fresh

    def falls_short(self, words: Sequence[Word]) -> bool:
        """Whether these words end before what was committed does: their end is none of the committed text's."""
        return bool(words) and words[-1].end < self._until - SHORT_SECONDS

    def _retold(self, words: Sequence[Word]) -> int:
        """How many of `words` lead up to the last committed one; 0 when it is not among them."""
        found = [
            (run, -apart, count)
            for count in range(1, len(words) + 1)
            if (apart := abs(words[count - 1].end - self._until)) <= SLACK_SECONDS
            and apart <= SLACK_SECONDS_A_WORD * (run := self._run(words[:count]))
            and run
        ]
        return max(found)[-1] if found else 0

    def _run(self, words: Sequence[Word]) -> int:
        """How many of the last words are the last committed ones."""
        pairs = zip(reversed(words), reversed(self._said), strict=False)
        return sum(1 for _ in takewhile(lambda pair: key(pair[0].text) == key(pair[1].text), pairs))


def key(text: str) -> str:
    """A word without case and punctuation: what two hearings of it share."""
    return "".join(letter for letter in text.casefold() if letter.isalnum())
