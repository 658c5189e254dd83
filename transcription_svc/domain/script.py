"""The scripted recogniser's machine: sound in, the words of a fixed script out. Pure."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Final

from transcription_svc.domain.hypothesis import Hypothesis, Word

WORD_SECONDS: Final = 0.4
END_POINT: Final = 0.5
# Whoever speaks without a pause gets a new utterance at a sentence's end, as from real engines.
LONG_WORDS: Final = 20
_EPSILON: Final = 1e-9
SENTENCES: Final = (
    "Welcome to talk number {turn}.",
    "Today we look at how a river finds the sea.",
    "It starts small, in the hills, and nobody knows its name.",
    "Then the rain comes, and the valley fills with water.",
    "Who could have told where it would go?",
    "After {turn} bends it reaches the plain, slow and wide.",
)


def script() -> Iterator[str]:
    """The words, without end; `{turn}` counts the rounds from 1, so that no two rounds are alike."""
    for turn in count(1):
        for sentence in SENTENCES:
            yield from sentence.format(turn=turn).split()


class Script:
    """Every 0.4 s of sound is one further word, stable once the next has come; 0.5 s of silence ends the utterance.

    So does a sentence's end after 20 words, so that a stream without silence does not grow.
    """

    def __init__(self, *, final_only: bool = False) -> None:
        self._final_only = final_only
        self._script = script()
        self._id = 1
        self._words: list[Word] = []
        self._now = 0.0
        self._sound = 0.0  # Of the word that is being said.
        self._word_start = 0.0
        self._silence = 0.0

    def hear(self, duration: float, *, audible: bool) -> list[Hypothesis]:
        """The next `duration` seconds, all sound or all silence; at most one word long."""
        began = self._now
        self._now += duration
        if not audible:
            self._silence += duration
            return self._final() if self._silence >= END_POINT - _EPSILON else []
        self._word_start = self._word_start if self._sound > 0 else began
        self._sound += duration
        self._silence = 0.0
        return self._word() if self._sound >= WORD_SECONDS - _EPSILON else []

    def finish(self) -> list[Hypothesis]:
        """No more audio."""
        return self._final()

    def _word(self) -> list[Hypothesis]:
        self._sound = 0.0
        if self._words:
            self._words[-1] = replace(self._words[-1], stable=True)
        self._words.append(Word(next(self._script), self._word_start, self._now, stable=False))
        if len(self._words) >= LONG_WORDS and self._words[-1].text.endswith((".", "?")):
            return self._final()
        return [] if self._final_only else [Hypothesis(self._id, tuple(self._words), is_final=False)]

    def _final(self) -> list[Hypothesis]:
        self._sound = 0.0
        if not self._words:
            return []
        words = tuple(replace(word, stable=True) for word in self._words)
        self._words = []
        self._id += 1
        return [Hypothesis(self._id - 1, words, is_final=True)]
