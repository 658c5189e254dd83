"""What a recogniser believes, in the words that the segmenter works with."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Word:
    """One word as written, punctuation attached, no spaces.

    `start`, `end`: seconds, `start <= end`. `stable`: will not change in a later hypothesis of the same utterance; the
    stable words are always a prefix of an utterance.
    """

    text: str
    start: float
    end: float
    stable: bool


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """All words of one utterance, as believed now. A later one of the same utterance replaces it; a final is the last.

    Utterances are counted from 1 and do not overlap in time. A final without words takes back what was believed.
    `stream`: grows whenever a new stream of an engine hears again what the one before had left without a final; its
    first utterance has the number of the last that was left open.
    """

    utterance_id: int
    words: tuple[Word, ...]
    is_final: bool
    stream: int = 0
