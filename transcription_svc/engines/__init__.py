"""The recognition port: what an engine must offer, and the engines there are.

Two levels: the engine, made once per process (it holds the model or the client), and the stream, made per speaker.
A new engine is one file and one line in ENGINES, and the contract suite passes.
"""

import math
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

from chassis.engines import opened
from chassis.ranking import Ranking
from transcription_svc.domain.hypothesis import Hypothesis

if TYPE_CHECKING:
    from transcription_svc.config import Config


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What differs between engines, as data.

    `languages`: BCP 47 codes that it can recognise. `gives_stability`: words are marked stable before the final.
    `silence_seconds`: a stream that gets no audio for so long is ended by the engine; whoever feeds it sends silence
    before. `stream_seconds`: a stream cannot last longer; whoever feeds it opens another before.
    """

    name: str
    languages: frozenset[str]
    gives_stability: bool
    silence_seconds: float = math.inf
    stream_seconds: float = math.inf


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """How one speaker is recognised. `language` is one of the capabilities; `premium` asks for quality over cost.

    `min_stability`, 0.70 to 0.95: from which stability on a word is marked stable, for engines that can choose.
    """

    language: str
    premium: bool = False
    final_only: bool = False
    min_stability: float = 0.85


class RecognitionStream(Protocol):
    """One speaker, open for as long as its context. Times are seconds from this stream's first sample."""

    async def send(self, audio: bytes) -> None:
        """Takes PCM s16le mono 16 kHz, whole samples, any length. Waits while the engine is behind by its bound (2 s).

        Raises Unavailable (transient, RECOGNITION_INTERRUPTED) or Invalid (permanent, TRANSCRIPTION_FAILED).
        """
        ...

    async def finish(self) -> None:
        """No more audio: what was said so far is finalised, then the hypotheses end. May be called once."""
        ...

    def hypotheses(self) -> AsyncIterator[Hypothesis]:
        """What it believes, as it changes, until finished. Read by one reader. Raises as `send` does."""
        ...


class Recognizer(Protocol):
    """An engine, made once."""

    @property
    def capabilities(self) -> Capabilities: ...

    def open(self, options: StreamOptions) -> AbstractAsyncContextManager[RecognitionStream]:
        """A stream for one speaker. Leaving the context ends it at once, finished or not.

        Entering raises Exhausted(TOO_MANY_STREAMS) or Unavailable(RECOGNITION_INTERRUPTED).
        """
        ...


class Module(Protocol):
    """What an engine's file offers."""

    def open_engine(self, config: "Config") -> AbstractAsyncContextManager[Recognizer]:
        """Loads or connects what is made once; raises Unavailable or NotFound with what to do about it."""
        ...


ENGINES = {
    "aws": "transcription_svc.engines.aws",
    "local": "transcription_svc.engines.local",
    "scripted": "transcription_svc.engines.scripted",
}


@asynccontextmanager
async def open_engine(config: "Config") -> AsyncIterator[Recognizer]:
    """The engines that the settings name, as one. Raises what opening the first raised when none can be opened."""
    # Here, because it is made of this port.
    from transcription_svc.recognizers import Recognizers

    async with opened(config.engines, ENGINES, lambda file: cast(Module, file).open_engine(config)) as engines:
        yield Recognizers(Ranking("recognition", engines, config.failover))
