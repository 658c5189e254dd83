"""The synthesis port: what an engine must offer, and the engines there are.

Two levels: the engine, made once per process (it holds the model or the client), and the speech, made per cue. A new
engine is one file and one line in ENGINES, and the contract suite passes.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

from chassis.engines import opened
from chassis.ranking import Ranking
from synthesis_svc.domain.prosody import Delivery
from synthesis_svc.domain.voices import Tier, Voice

if TYPE_CHECKING:
    from synthesis_svc.config import Config


@dataclass(frozen=True, slots=True)
class Order:
    """One cue to speak. `text`: tidied, with something to say; `language`: BCP 47, one that `voice` serves.

    `pinned`: the caller named the voice, so that no other may speak for it. `hurried`: the voice is late; a quicker,
    plainer one is welcome. `feed`: what the cue is part of; a feed keeps its voice while it can. Empty: its language
    and tier stand for it.
    """

    text: str
    language: str
    voice: Voice
    delivery: Delivery
    tier: Tier
    pinned: bool = False
    hurried: bool = False
    feed: str = ""


@dataclass(frozen=True, slots=True)
class Speech:
    """A cue being spoken. `voice`: who speaks, which may be another than ordered when that one is overloaded.
    `fallback`: its engine stands in for a preferred one that is out of order.

    `audio`: PCM s16le mono 16 kHz in blocks of any size, as they are made; read once. Raises Unavailable
    (SYNTHESIS_FAILED).
    """

    voice: Voice
    audio: AsyncIterator[bytes]
    fallback: bool = False


async def begun(audio: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same audio, once its first block is there or it is known that none comes. Raises what that block raises."""
    return _joined(await anext(audio, b""), audio)


async def _joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    if first:
        yield first
    async for block in rest:
        yield block


class Synthesizer(Protocol):
    """An engine, made once."""

    @property
    def voices(self) -> Sequence[Voice]:
        """What it offers; of equals for a language the first is the default."""
        ...

    def speak(self, order: Order) -> AbstractAsyncContextManager[Speech]:
        """Speaks one cue. Leaving the context stops the work on it, finished or not.

        Entering raises Exhausted(ENGINE_OVERLOADED) or Unavailable(SYNTHESIS_FAILED).
        """
        ...


class Module(Protocol):
    """What an engine's file offers."""

    def open_engine(self, config: "Config") -> AbstractAsyncContextManager[Synthesizer]:
        """Loads or connects what is made once; raises Unavailable with what to do about it."""
        ...


ENGINES = {
    "aws": "synthesis_svc.engines.aws_polly",
    "local": "synthesis_svc.engines.local",
    "scripted": "synthesis_svc.engines.scripted",
}


@asynccontextmanager
async def open_engine(config: "Config") -> AsyncIterator[Synthesizer]:
    """The engines that the settings name, as one. Raises what opening the first raised when none can be opened."""
    # Here, because it is made of this port.
    from synthesis_svc.failover import Synthesizers

    async with opened(config.engines, ENGINES, lambda file: cast(Module, file).open_engine(config)) as engines:
        yield Synthesizers(Ranking("synthesis", engines, config.failover))
