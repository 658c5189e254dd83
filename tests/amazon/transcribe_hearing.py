"""What the stand-in for Amazon Transcribe makes of audio: results as Amazon tells them, at Amazon's pace. Pure.

Time is that of the audio: partials come each 0.3 s of it, a final 1.1 s after the last word. The words are those of a
script that says when each is spoken or, without one, of fixed sentences, one word for each 0.4 s of sound.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Final
from uuid import UUID

import numpy as np

from chassis.pcm import samples, seconds
from transcription_svc.domain.script import script as endless_script

WORD_SECONDS: Final = 0.4
_FRAME_BYTES: Final = 640  # 20 ms
_FRAME_SECONDS: Final = 0.02
_AUDIBLE: Final = 10 ** (-50 / 20)
# A speaker who makes no pause gets a new result at the end of a sentence, once the result has so many words.
_LONG_WORDS: Final = 25
# How old a word must be to be called stable, in seconds, by level.
STABLE_AFTER: Final = {"high": 0.5, "medium": 0.9, "low": 1.5}
_MARKS: Final = re.compile(r"^([¿¡«“(]*)(.*?)([.,?!;:»”)…]*)$")


@dataclass(frozen=True, slots=True)
class ScriptedWord:
    """A word as written, with its punctuation, and when it is spoken: seconds from the stream's first sample."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds of audio. `word`: from a word's end until it is first told. `gap`: a longer pause ends the result."""

    partial: float = 0.3
    word: float = 0.2
    final: float = 1.1
    gap: float = 0.5


class Hearing:
    """One stream. `level`: of stabilisation; empty: no word is called stable before the final."""

    def __init__(self, script: Sequence[ScriptedWord] | None, level: str = "", pace: Pace = Pace()) -> None:
        self._source = _Bursts() if script is None else _Scripted(script)
        self._level = level
        self._pace = pace
        self._ids = count(1)
        self._now = 0.0
        self._next_partial = pace.partial
        self._result: list[ScriptedWord] = []
        self._id = self._new_id()

    @property
    def now(self) -> float:
        """Seconds of audio so far."""
        return self._now

    def hear(self, audio: bytes) -> list[dict[str, Any]]:
        """The TranscriptEvents that this audio brings."""
        told: list[dict[str, Any]] = []
        for first in range(0, len(audio), 3200):
            piece = audio[first : first + 3200]
            self._source.hear(piece)
            self._now += seconds(piece)
            told += self._proceed()
        return told

    def end(self) -> list[dict[str, Any]]:
        """No more audio: all is final at once."""
        self._now += 60.0
        self._source.end()
        return list(self._proceed())

    def _proceed(self) -> Iterator[dict[str, Any]]:
        for word in self._source.known(self._now - self._pace.word):
            if self._result and self._ends_before(word):
                yield self._told(is_partial=False)
            self._result.append(word)
        if self._result and self._now >= self._result[-1].end + self._pace.final:
            yield self._told(is_partial=False)
        if self._now >= self._next_partial:
            self._next_partial = self._now + self._pace.partial
            if self._result:
                yield self._told(is_partial=True)

    def _ends_before(self, word: ScriptedWord) -> bool:
        last = self._result[-1]
        pauses = word.start - last.end >= self._pace.gap
        return pauses or (len(self._result) >= _LONG_WORDS and last.text.endswith((".", "?", "!")))

    def _told(self, *, is_partial: bool) -> dict[str, Any]:
        items = [item for word in self._result for item in self._items(word, is_partial=is_partial)]
        text = " ".join(item["Content"] for item in items)
        result = {
            "ResultId": self._id,
            "StartTime": items[0]["StartTime"],
            "EndTime": items[-1]["EndTime"],
            "IsPartial": is_partial,
            "ChannelId": "ch_0",
            "Alternatives": [{"Transcript": re.sub(r" ([.,?!;:])", r"\1", text), "Items": items}],
        }
        if not is_partial:
            self._result = []
            self._id = self._new_id()
        return {"Transcript": {"Results": [result]}}

    def _items(self, word: ScriptedWord, *, is_partial: bool) -> Iterator[dict[str, Any]]:
        age = self._now - word.end
        stable = bool(self._level) and age >= STABLE_AFTER[self._level]
        found = _MARKS.match(word.text)
        assert found is not None
        before, content, after = found.groups()
        if is_partial and not stable and word is self._result[-1]:
            # What was said last is a guess: without its mark, and a long word is not yet known to its end.
            after, content = "", content[:-2] if len(content) > 6 else content
        for marks, time in ((before, word.start), (content, None), (after, word.end)):
            for text in [marks] if time is None else marks:
                item = {
                    "StartTime": round(word.start if time is None else time, 3),
                    "EndTime": round(word.end if time is None else time, 3),
                    "Type": "pronunciation" if time is None else "punctuation",
                    "Content": text,
                    "VocabularyFilterMatch": False,
                }
                yield item | ({"Stable": stable} if is_partial and self._level else {})

    def _new_id(self) -> str:
        return str(UUID(int=next(self._ids)))


class _Scripted:
    def __init__(self, script: Sequence[ScriptedWord]) -> None:
        self._words = list(script)
        self._heard = 0.0

    def hear(self, piece: bytes) -> None:
        self._heard += seconds(piece)

    def end(self) -> None:
        self._words = [word for word in self._words if word.start < self._heard]

    def known(self, until: float) -> list[ScriptedWord]:
        found = [word for word in self._words if word.end <= until]
        self._words = self._words[len(found) :]
        return found


class _Bursts:
    """A word for each 0.4 s of sound, or for what there is of it before a pause."""

    def __init__(self) -> None:
        self._texts = endless_script()
        self._rest = b""
        self._now = 0.0
        self._start = 0.0
        self._sound = 0.0
        self._silence = 0.0
        self._words: list[ScriptedWord] = []

    def hear(self, piece: bytes) -> None:
        self._rest += piece
        while len(self._rest) >= _FRAME_BYTES:
            frame, self._rest = samples(self._rest[:_FRAME_BYTES]), self._rest[_FRAME_BYTES:]
            self._hear_frame(audible=bool(np.sqrt(np.mean(frame**2)) > _AUDIBLE))

    def end(self) -> None:
        self._close_word()

    def known(self, until: float) -> list[ScriptedWord]:
        found = [word for word in self._words if word.end <= until]
        self._words = self._words[len(found) :]
        return found

    def _hear_frame(self, *, audible: bool) -> None:
        began, self._now = self._now, self._now + _FRAME_SECONDS
        if not audible:
            self._silence += _FRAME_SECONDS
            if self._silence > 0.2:
                self._close_word()
            return
        self._start = self._start if self._sound else began
        self._sound += _FRAME_SECONDS
        self._silence = 0.0
        if self._sound >= WORD_SECONDS - 1e-9:
            self._close_word()

    def _close_word(self) -> None:
        # Less than that is a click.
        if self._sound >= 0.1:
            end = min(self._now - self._silence, self._start + 2 * WORD_SECONDS)
            self._words.append(ScriptedWord(next(self._texts), self._start, end))
        self._sound = 0.0
