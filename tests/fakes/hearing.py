"""A recogniser by hand that really hears: the audio itself holds the words, so hearing it again tells the same.

Each word is a stretch of one sample value, its number. The engine tells what it has heard in partials and finals, cut
where it likes, at times of its own, and breaks where the test wants it to.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from chassis.aws import Misconfigured
from chassis.errors import Exhausted, Unavailable
from chassis.pcm import SAMPLE_RATE
from transcription_svc.domain.hypothesis import Hypothesis, Word
from transcription_svc.engines import Capabilities, StreamOptions

WORD_SECONDS = 0.3
MUSIC = -1
# Of a word so much must be heard to be known.
KNOWN_SECONDS = 0.15
END_POINT_SECONDS = 0.6
PARTIAL_SECONDS = 0.2
_QUIETEST = 2_000


def said(words: Sequence[int | None]) -> bytes:
    """The audio of a talk: word numbers from 0, None for as long a pause, MUSIC for sound without words."""
    step = round(WORD_SECONDS * SAMPLE_RATE)
    values = np.repeat([0 if word is None else _QUIETEST + word for word in words], step)
    music = np.repeat([word == MUSIC for word in words], step)
    # Each tone is too short for a word.
    values[music] = np.resize(np.repeat([_QUIETEST, -_QUIETEST], step // 3), np.count_nonzero(music))
    return values.astype("<i2").tobytes()


@dataclass
class Fault:
    """How one stream fails: `kind`, after `after` seconds of audio.

    open: refused; open_hangs; setup: as only a person can mend; busy; send: an error while audio is given; tell: while
    it is read; ends: without having been asked to; deaf: says nothing more; blocks: takes nothing more; finish: at the
    end of the audio; close: when it is left.
    """

    kind: str
    after: float = 0.0


@dataclass
class HearingRecognizer:
    """`faults`: of the streams, in turn; None, and after the last, a stream works."""

    name: str = "first"
    faults: Sequence[Fault | None] = ()
    shift: float = 0.0  # Of the times that it tells.
    cut_every: int = 0  # Words after which it begins another utterance, beside at pauses; 0: never.
    unstable: int = 1  # Last words of a partial that may still change.
    delay: float = 0.3  # From audio to what is told of it.
    upper: bool = False
    marks: bool = False  # Whether an utterance ends with a full stop.
    silence_seconds: float = float("inf")
    stream_seconds: float = float("inf")
    opened: list["HearingStream"] = field(default_factory=list)
    languages: frozenset[str] = frozenset({"en"})

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            self.name,
            self.languages,
            gives_stability=True,
            silence_seconds=self.silence_seconds,
            stream_seconds=self.stream_seconds,
        )

    @asynccontextmanager
    async def open(self, options: StreamOptions) -> AsyncIterator["HearingStream"]:
        number = len(self.opened)
        fault = self.faults[number] if number < len(self.faults) else None
        stream = HearingStream(self, fault or Fault("none"), final_only=options.final_only)
        self.opened.append(stream)
        match stream.fault.kind:
            case "open":
                raise lost()
            case "setup":
                raise Misconfigured("TRANSCRIPTION_FAILED", "the credentials do not allow this")
            case "busy":
                raise Exhausted("TOO_MANY_STREAMS", "no more streams")
            case "open_hangs":
                await asyncio.Event().wait()
        try:
            yield stream
        finally:
            stream.closed = True
        if stream.fault.kind == "close":
            raise lost()


def lost() -> Unavailable:
    return Unavailable("RECOGNITION_INTERRUPTED", "the connection was reset")


class HearingStream:
    """One speaker. Reading and hearing are one: what is told is worked out when it is read."""

    def __init__(self, engine: HearingRecognizer, fault: Fault, *, final_only: bool) -> None:
        self.fault = fault
        self.closed = False
        self.given = 0.0  # Seconds.
        self.longest_rest = 0.0  # Between two pieces of audio, seconds.
        self._engine = engine
        self._final_only = final_only
        self._audio = bytearray()
        self._at: list[tuple[float, float]] = []  # When so many seconds had been given.
        self._given_at = _now()
        self._finished = False
        self._changed = asyncio.Event()

    async def send(self, audio: bytes) -> None:
        if self._has_failed("blocks"):
            await asyncio.Event().wait()
        if self._has_failed("send"):
            raise lost()
        if self._given_at + self._engine.silence_seconds < _now() or self.given > self._engine.stream_seconds:
            raise Unavailable("RECOGNITION_INTERRUPTED", "no audio for too long, or too much of it")
        self.longest_rest = max(self.longest_rest, _now() - self._given_at)
        self._given_at = _now()
        self._audio = self._audio + audio
        self.given += len(audio) / 2 / SAMPLE_RATE
        self._at.append((_now(), self.given))
        self._changed.set()

    async def finish(self) -> None:
        if self._has_failed("finish"):
            raise lost()
        self._finished = True
        self._changed.set()

    async def hypotheses(self) -> AsyncIterator[Hypothesis]:
        told: list[Hypothesis] = []
        while True:
            if self._has_failed("tell") or (self.fault.kind == "tell_late" and self._finished):
                raise lost()
            if self._has_failed("ends") and not self._finished:
                return
            if not self._has_failed("deaf"):
                for hypothesis in self._believed():
                    if not any(_same(hypothesis, each) for each in told):
                        told.append(hypothesis)
                        yield hypothesis
                if self._finished:
                    return
            self._changed.clear()
            try:
                async with asyncio.timeout(PARTIAL_SECONDS):
                    await self._changed.wait()
            except TimeoutError:
                pass

    def _has_failed(self, kind: str) -> bool:
        return self.fault.kind == kind and (self.given >= self.fault.after or kind == "finish")

    def _believed(self) -> list[Hypothesis]:
        """Every final so far, and the open utterance."""
        due = _now() - self._engine.delay
        heard = self.given if self._finished else max((given for at, given in self._at if at <= due), default=0.0)
        utterances, open_words = self._utterances(heard)
        if self._engine.marks:
            for words in utterances:
                words[-1] = replace(words[-1], text=words[-1].text + ".")
        finals = [Hypothesis(number, tuple(words), is_final=True) for number, words in enumerate(utterances, start=1)]
        if self._finished and open_words:
            return [*finals, Hypothesis(len(utterances) + 1, _stable(open_words, len(open_words)), is_final=True)]
        if open_words and not self._final_only:
            stable = max(len(open_words) - self._engine.unstable, 0)
            return [*finals, Hypothesis(len(utterances) + 1, _stable(open_words, stable), is_final=False)]
        return finals

    def _utterances(self, heard: float) -> tuple[list[list[Word]], list[Word]]:
        """The finished ones, and the words of the one that is open, of the first `heard` seconds."""
        samples = np.frombuffer(self._audio, dtype="<i2")[: round(heard * SAMPLE_RATE)]
        edges = [0, *(np.flatnonzero(np.diff(samples)) + 1).tolist(), len(samples)] if len(samples) else []
        finished: list[list[Word]] = []
        words: list[Word] = []
        for begin, end in pairwise(edges):
            value, start, position = int(samples[begin]), begin / SAMPLE_RATE, end / SAMPLE_RATE
            if value == 0:
                if words and position - start >= END_POINT_SECONDS - 1e-6:
                    finished.append(words)
                    words = []
                continue
            if position - start >= KNOWN_SECONDS:
                text = f"w{value - _QUIETEST}"
                shift = self._engine.shift
                text = text.upper() if self._engine.upper else text
                words.append(Word(text, max(start + shift, 0.0), max(position + shift, 0.0), stable=True))
            complete = position - start >= WORD_SECONDS - 1e-6 or position < heard - 1e-6
            if self._engine.cut_every and len(words) >= self._engine.cut_every and complete:
                finished.append(words)
                words = []
        return finished, words


def _stable(words: Sequence[Word], count: int) -> tuple[Word, ...]:
    return tuple(Word(word.text, word.start, word.end, index < count) for index, word in enumerate(words))


def _same(one: Hypothesis, other: Hypothesis) -> bool:
    return one.utterance_id == other.utterance_id and (
        other.is_final or (not one.is_final and [w.text for w in one.words] == [w.text for w in other.words])
    )


def _now() -> float:
    return asyncio.get_running_loop().time()
