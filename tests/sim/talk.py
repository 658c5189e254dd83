"""Speakers: how long their segments are, how fast they speak and where they pause.

Lengths and pauses are generalised from the recordings that the tests use and their transcripts in three languages, cut
by the project's own rules (18 to 19 segments each: mean 54 to 69 characters, deviation 30 to 34, one in three ends
inside a sentence).
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

CHARACTERS_PER_WORD = 6.0
"""With the space after it; English."""


@dataclass(frozen=True, slots=True)
class Said:
    """One segment: seconds of the session, characters in the speaker's language."""

    segment_id: int
    start: float
    end: float
    characters: int


@dataclass(frozen=True, slots=True)
class Speaker:
    """`wpm`: words a minute of the whole talk, pauses included. `mean`, `deviation`: characters of a segment."""

    wpm: float
    mean: float = 57.0
    deviation: float = 31.0
    shortest: int = 12
    longest: int = 120


def talk(speaker: Speaker, minutes: float, seed: int) -> list[Said]:
    """The segments of a talk."""
    chance = random.Random(seed)
    lengths: list[int] = []
    pauses: list[float] = []
    needed = minutes * speaker.wpm * CHARACTERS_PER_WORD
    while sum(lengths) < needed:
        lengths.append(_length(speaker, chance))
        pauses.append(_pause(speaker, chance))
    rates = _rates(len(lengths), chance)
    spoken = [length / rate for length, rate in zip(lengths, rates, strict=True)]
    # So much faster while speaking that the whole, with its pauses, has the words a minute that were asked for.
    pace = (minutes * 60 - sum(pauses)) / sum(spoken)
    said, at = [], 0.0
    for number, (length, seconds, pause) in enumerate(zip(lengths, spoken, pauses, strict=True), start=1):
        end = at + seconds * pace
        said.append(Said(number, at, end, length))
        at = end + pause
    return said


def _length(speaker: Speaker, chance: random.Random) -> int:
    shape = (speaker.mean / speaker.deviation) ** 2
    drawn = chance.gammavariate(shape, speaker.mean / shape)
    return round(min(max(drawn, speaker.shortest), speaker.longest))


def _pause(speaker: Speaker, chance: random.Random) -> float:
    kind = chance.random()
    if kind < 0.01:
        return chance.uniform(3.0, 8.0)  # To drink, to turn a page.
    median = 0.45 if kind < 0.65 else 0.12
    # Fast speakers pause less.
    return min(chance.lognormvariate(0.0, 0.5) * median * 165 / speaker.wpm, 3.0)


def _rates(count: int, chance: random.Random) -> Iterator[float]:
    """Relative speed, segment by segment: it wanders by a tenth over a minute and jumps by a few hundredths."""
    slow = 0.0
    for _ in range(count):
        slow = 0.95 * slow + chance.gauss(0.0, 0.03)
        yield max(1.0 + slow + chance.gauss(0.0, 0.05), 0.6)
