"""A recogniser by hand: it believes what the test wrote down, once it was given that much audio."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from chassis.errors import LingocastError
from chassis.pcm import seconds
from transcription_svc.domain.hypothesis import Hypothesis, Word
from transcription_svc.engines import Capabilities, StreamOptions


@dataclass(frozen=True)
class Line:
    """After `at` seconds of audio, `text` is believed of `utterance`; words lie evenly in the second before."""

    at: float
    text: str
    final: bool = True
    utterance: int = 1

    def hypothesis(self) -> Hypothesis:
        texts = self.text.split()
        step = 1.0 / max(len(texts), 1)
        words = tuple(
            Word(text, self.at - 1 + step * index, self.at - 1 + step * (index + 1), stable=True)
            for index, text in enumerate(texts)
        )
        return Hypothesis(self.utterance, words, self.final)


class Unsure(Line):
    """Words that may be taken back."""

    def hypothesis(self) -> Hypothesis:
        said = super().hypothesis()
        return replace(said, words=tuple(replace(word, stable=False) for word in said.words))


@dataclass
class FakeRecognizer:
    """One script for each stream that is opened, in turn; an error in a script breaks the stream there."""

    scripts: list[Sequence[Line | LingocastError]]
    opened: list[StreamOptions] = field(default_factory=list)
    fed: list[bytearray] = field(default_factory=list)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities("fake", frozenset({"en", "pt"}), gives_stability=True)

    @asynccontextmanager
    async def open(self, options: StreamOptions) -> AsyncIterator["FakeStream"]:
        script = self.scripts[len(self.opened)] if len(self.opened) < len(self.scripts) else []
        self.opened.append(options)
        self.fed.append(bytearray())
        yield FakeStream(script, self.fed[-1])


class FakeStream:
    def __init__(self, script: Sequence[Line | LingocastError], fed: bytearray) -> None:
        self._script = script
        self._fed = fed
        self._finished = False
        self._changed = asyncio.Event()

    async def send(self, audio: bytes) -> None:
        self._fed += audio
        self._changed.set()

    async def finish(self) -> None:
        self._finished = True
        self._changed.set()

    async def hypotheses(self) -> AsyncIterator[Hypothesis]:
        for line in self._script:
            if isinstance(line, LingocastError):
                raise line
            while seconds(bytes(self._fed)) < line.at - 1e-6 and not self._finished:
                self._changed.clear()
                await self._changed.wait()
            yield line.hypothesis()
        while not self._finished:
            self._changed.clear()
            await self._changed.wait()
