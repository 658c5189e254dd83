"""The synthesis port: what an engine must offer, and the engines there are.

Two levels: the engine, made once per process (it holds the model or the client), and the speech, made per cue. A new
engine is one file and one line in ENGINES, and the contract suite passes.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from chassis.errors import Invalid
from synthesis_svc.domain.prosody import Delivery
from synthesis_svc.domain.voices import Tier, Voice

if TYPE_CHECKING:
    from synthesis_svc.config import Config


@dataclass(frozen=True, slots=True)
class Order:
    """One cue to speak. `text`: tidied, with something to say; `language`: BCP 47, one that `voice` serves.

    `pinned`: the caller named the voice, so that no other may speak for it. `hurried`: the voice is late; a quicker,
    plainer one is welcome.
    """

    text: str
    language: str
    voice: Voice
    delivery: Delivery
    tier: Tier
    pinned: bool = False
    hurried: bool = False


@dataclass(frozen=True, slots=True)
class Speech:
    """A cue being spoken. `voice`: who speaks, which may be another than ordered when that one is overloaded.

    `audio`: PCM s16le mono 16 kHz in blocks of any size, as they are made; read once. Raises Unavailable
    (SYNTHESIS_FAILED).
    """

    voice: Voice
    audio: AsyncIterator[bytes]


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
    "local": "synthesis_svc.engines.local",
    "scripted": "synthesis_svc.engines.scripted",
}


def open_engine(config: "Config") -> AbstractAsyncContextManager[Synthesizer]:
    """The engine that the settings name. Raises Invalid(UNKNOWN_ENGINE)."""
    if config.engine not in ENGINES:
        raise Invalid("UNKNOWN_ENGINE", f"ENGINES is one of: {', '.join(sorted(ENGINES))}")
    return cast(Module, import_module(ENGINES[config.engine])).open_engine(config)
