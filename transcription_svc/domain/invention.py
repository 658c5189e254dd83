"""What Whisper writes though nobody said it: phrases in a loop, words without time, words after the voice. Pure.

A transcript is cut before the first of these, never repaired: what was really said comes again with the next one.
"""

from collections.abc import Sequence
from typing import Final

from transcription_svc.domain.agreement import spelled
from transcription_svc.domain.hypothesis import Word

LONGEST_PHRASE: Final = 12
# "Never, never, never" and a sentence said twice for effect are speech; once more and it is a loop.
REPEATS_OF_A_WORD: Final = 4
REPEATS_OF_A_PHRASE: Final = 3
PHRASE: Final = 3
# Three words take a quarter of a second in the fastest speech; words piled up on one moment were not heard.
PILED_UP: Final = 0.1
# A word aligned after the voice's end by more than the detector's error.
AFTER_VOICE: Final = 0.4


def plausible(words: Sequence[Word], voiced_until: float) -> list[Word]:
    """The words up to the first invention. `voiced_until`: seconds, in the words' time."""
    return list(words[: min(_piled_up(words), _looping(words), _after(words, voiced_until))])


def _piled_up(words: Sequence[Word]) -> int:
    for index in range(len(words) - 2):
        if words[index + 2].end - words[index].start < PILED_UP:
            return index
    return len(words)


def _after(words: Sequence[Word], voiced_until: float) -> int:
    return next((index for index, word in enumerate(words) if word.start > voiced_until + AFTER_VOICE), len(words))


def _looping(words: Sequence[Word]) -> int:
    """Index of the first repeated word of the first loop: one turn of it is kept."""
    keys = [spelled(word.text) for word in words]
    for start in range(len(keys)):
        for length in range(1, min(LONGEST_PHRASE, (len(keys) - start) // 2) + 1):
            needed = REPEATS_OF_A_PHRASE if length >= PHRASE else REPEATS_OF_A_WORD
            phrase = keys[start : start + length]
            if all(keys[start + turn * length : start + (turn + 1) * length] == phrase for turn in range(1, needed)):
                return start + length
    return len(keys)
