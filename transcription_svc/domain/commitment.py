"""What is committed of one utterance, and what a later hypothesis has beyond it or against it.

Committed words stand, whatever comes. Where a hypothesis reads like them, its words after them are new. Where it reads
differently, the new ones begin where what lies before is most like the committed words, both as read and in time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rapidfuzz.distance import Levenshtein

from transcription_svc.domain.agreement import spelled
from transcription_svc.domain.hypothesis import Word

# A closed text that the final contradicts by more than this share of its letters is captioned again (T4).
TOLERATED: Final = 0.2
# So far apart, two words weigh as much as if one of them read differently.
WORD_SECONDS: Final = 1.0
# How many words around the one that time suggests are tried.
AROUND: Final = 6


@dataclass(frozen=True, slots=True)
class Correction:
    """A segment that the final reads differently. Offsets in seconds."""

    segment_id: int
    text: str
    start: float
    end: float


class Utterance:
    """One utterance. `words`: what was believed last."""

    def __init__(self, number: int) -> None:
        self.id = number
        self.words: tuple[Word, ...] = ()
        self.committed: list[Word] = []
        self._closed: list[tuple[int | None, int]] = []  # Segment id, and how many committed words it ends after.

    @property
    def stable(self) -> int:
        """How many leading words were marked as stable."""
        return stable_count(self.words)

    def closed(self, segment_id: int | None, count: int) -> None:
        """The next `count` committed words became a segment, or part of one (None)."""
        self._closed.append((segment_id, count + (self._closed[-1][1] if self._closed else 0)))

    def beyond(self, words: Sequence[Word]) -> Sequence[Word]:
        """The words after those committed."""
        return words[self._split(words) :]

    def contradicted_by(self, words: Sequence[Word]) -> int:
        """How many committed words read differently in `words`, punctuation and case aside."""
        return Levenshtein.distance(_keys(self.committed), _keys(words[: self._split(words)]))

    def marks_gained(self, words: Sequence[Word]) -> Word | None:
        """The last committed word with punctuation that it lacked, if `words` has it."""
        count = len(self.committed)
        if count == 0 or len(words) < count:
            return None
        ours, theirs = self.committed[-1], words[count - 1]
        more = len(theirs.text) > len(ours.text) and theirs.text.startswith(ours.text)
        return theirs if more and spelled(ours.text) == spelled(theirs.text) else None

    def corrections(self, words: Sequence[Word]) -> Iterator[Correction]:
        """The closed segments that `words`, the final ones, contradict by more than is tolerated.

        A segment of which nothing is left stands: the final lost it, or the engine took it back too late.
        """
        said = words[: self._split(words)]
        ours, theirs = _keys(self.committed), _keys(said)
        place = _places(ours, theirs)
        first = 0
        for segment_id, last in self._closed:
            new = said[place[first] : place[last]]
            old_text, new_text = " ".join(ours[first:last]), " ".join(_keys(new))
            if segment_id is not None and new and Levenshtein.normalized_distance(old_text, new_text) > TOLERATED:
                yield Correction(segment_id, " ".join(word.text for word in new), new[0].start, new[-1].end)
            first = last

    def _split(self, words: Sequence[Word]) -> int:
        """How many of `words` say again what is committed."""
        ours, theirs = _keys(self.committed), _keys(words)
        if ours[: len(theirs)] == theirs[: len(ours)]:
            return min(len(ours), len(theirs))
        until = self.committed[-1].end
        split = next((index for index, word in enumerate(words) if _middle(word) > until), len(words))

        def unlike(count: int) -> float:
            apart = abs(words[count - 1].end - until) if count else WORD_SECONDS
            return Levenshtein.distance(ours, theirs[:count]) + apart / WORD_SECONDS

        around = range(max(split - AROUND, 0), min(split + AROUND, len(words)) + 1)
        return min(around, key=lambda count: (unlike(count), abs(count - split)))


def stable_count(words: Sequence[Word]) -> int:
    """How many leading words are stable."""
    return next((index for index, word in enumerate(words) if not word.stable), len(words))


def _places(ours: list[str], theirs: list[str]) -> list[int]:
    """For each gap between `ours`, first and last included, the gap between `theirs` that it is aligned to."""
    places = [0] * (len(ours) + 1)
    for step in Levenshtein.opcodes(ours, theirs):
        length = step.src_end - step.src_start
        for gap in range(step.src_start + 1, step.src_end + 1):
            places[gap] = step.dest_start + round((gap - step.src_start) * (step.dest_end - step.dest_start) / length)
        if length == 0 and step.src_end > 0:
            places[step.src_end] = step.dest_end
    places[len(ours)] = len(theirs)
    return places


def _keys(words: Sequence[Word]) -> list[str]:
    return [spelled(word.text) for word in words]


def _middle(word: Word) -> float:
    return (word.start + word.end) / 2
