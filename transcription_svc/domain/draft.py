"""Drafts: the open segment translated before it is closed, for the eye only. Pure.

Re-translation with a masked end (Arivazhagan et al. 2020, "Re-translation versus Streaming for Simultaneous
Translation"): each draft translates all that the segment has so far; its last words, which change most, stay hidden
until the segment closes. What was shown stays while the next drafts only add to it; it is replaced when two drafts in a
row say so. `Drafts` decides when a draft is asked for, `Shown` what a language sees of it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import takewhile
from typing import Final

from transcription_svc.domain.segmenter import SegmentClosed, SegmentGrew

INTERVAL: Final = 0.5
# Of the time of one translation, that drafts may take: the next waits so long after the last that its cost is this.
SHARE: Final = 0.3
# Of a segment that shows no end yet. With less, all of the draft would be hidden.
LEAST_WORDS: Final = 4
MASK_WORDS: Final = 4
# Languages written without spaces: a word is taken as two characters.
SPACELESS: Final = frozenset({"ja", "km", "lo", "my", "th", "yue", "zh"})
MASK_CHARACTERS: Final = 2 * MASK_WORDS


@dataclass(frozen=True, slots=True)
class WantedChanged:
    """The languages that somebody listens in."""

    languages: frozenset[str]


@dataclass(frozen=True, slots=True)
class FinalBegan:
    """A closed segment is being translated."""


@dataclass(frozen=True, slots=True)
class FinalEnded:
    """It has been."""


@dataclass(frozen=True, slots=True)
class DraftEnded:
    """All results of the draft have come, or none will. `cost`: seconds that it took."""

    number: int
    cost: float


@dataclass(frozen=True, slots=True)
class Ask:
    """Translate this. `segment`: the segment as it was; `text`: what of it."""

    number: int
    segment: SegmentGrew
    text: str
    languages: frozenset[str]


Event = SegmentGrew | SegmentClosed | WantedChanged | FinalBegan | FinalEnded | DraftEnded


class Drafts:
    """When to ask for a draft: one at a time, the newest text, half a second apart or more, and never before a final.

    A segment's text up to its likely end is drafted rather than all of it: if it closes there, the draft is its
    translation, and what follows belongs to the next segment. It is not for the eye alone and does not wait for the
    half second.
    """

    def __init__(self, *, off: bool = False) -> None:
        self._off = off
        self._wanted: frozenset[str] = frozenset()
        self._open: SegmentGrew | None = None
        self._finals = 0
        self._number = 0
        self._asking = False
        self._asked: tuple[int, str, frozenset[str]] | None = None
        self._next = float("-inf")
        self._next_likely = float("-inf")

    def receive(self, event: Event, now: float) -> list[Ask]:
        """Takes one event."""
        match event:
            case SegmentGrew(text=text) if text:
                self._open = event
            case SegmentGrew() | SegmentClosed():
                # Taken back or closed: whoever tells it gives the draft under way up, or takes it for the final.
                self._open, self._asking = None, False
            case WantedChanged(languages):
                self._wanted = languages
            case FinalBegan():
                self._finals += 1
            case FinalEnded():
                self._finals -= 1
            case DraftEnded(number, cost) if number == self._number:
                self._asking = False
                self._next_likely = now + cost * (1 / SHARE - 1)
                self._next = max(self._next, self._next_likely)
            case DraftEnded():
                pass
        return self.tick(now)

    def tick(self, now: float) -> list[Ask]:
        """Asks, when it is time to."""
        draft, due = self._due(), self.deadline()
        if draft is None or due is None or now < due:
            return []
        segment, text = draft
        self._number += 1
        self._asking, self._asked = True, (segment.segment_id, text, self._wanted)
        self._next = now + INTERVAL
        return [Ask(self._number, segment, text, self._wanted)]

    def finish(self, now: float) -> list[Ask]:
        """Nothing more is asked for."""
        return []

    def deadline(self) -> float | None:
        """When to ask, if nothing but time stands between."""
        draft = self._due()
        if draft is None:
            return None
        return self._next_likely if draft[0].likely_chars > 0 else self._next

    def _due(self) -> tuple[SegmentGrew, str] | None:
        if self._off or self._open is None or self._asking or self._finals or not self._wanted:
            return None
        segment = self._open
        text = segment.text[: segment.likely_chars] or segment.text
        enough = segment.likely_chars > 0 or len(text.split()) >= LEAST_WORDS
        new = self._asked != (segment.segment_id, text, self._wanted)
        return (segment, text) if enough and new else None


class Shown:
    """What one language sees of drafts. None stays wherever nothing changes."""

    def __init__(self, language: str) -> None:
        self._spaced = language.split("-", 1)[0] not in SPACELESS
        self._segment = 0
        self._words: list[str] = []
        self._last: list[str] = []

    def receive(self, segment_id: int, translation: str) -> str | None:
        """A draft came. Returns the text to show now."""
        if segment_id != self._segment:
            self._segment, self._words, self._last = segment_id, [], []
        words = self._split(translation)
        mask = MASK_WORDS if self._spaced else MASK_CHARACTERS
        visible = words[: max(len(words) - mask, 0)]
        before, self._last = self._last, words
        kept = _common(self._words, words)
        if kept < len(self._words):
            # It begins differently: believed when the draft before said so too.
            agreed = _common(before, words)
            if agreed <= kept:
                return None
            visible = visible[:agreed]
        elif len(visible) <= len(self._words):
            return None
        self._words = visible
        return self._joined(visible)

    def clear(self, segment_id: int) -> str | None:
        """All that was said of the segment was taken back. Returns the text to show now, which is none."""
        shown = segment_id == self._segment and bool(self._words)
        self._words, self._last = [], []
        return "" if shown else None

    def _split(self, text: str) -> list[str]:
        return text.split() if self._spaced else list(text)

    def _joined(self, words: Iterable[str]) -> str:
        return (" " if self._spaced else "").join(words)


def _common(ours: list[str], theirs: list[str]) -> int:
    """How many words both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(ours, theirs, strict=False)))
