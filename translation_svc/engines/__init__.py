"""The translation port: what an engine must offer, and the engines there are.

One level only: a text is translated without a memory of the ones before. A new engine is one file and one line in
ENGINES, and the contract suite passes.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

from chassis.engines import opened
from chassis.ranking import Ranking

if TYPE_CHECKING:
    from translation_svc.config import Config


@dataclass(frozen=True, slots=True)
class Pair:
    """One direction on offer. `engine` is what does it; `via` the languages passed through, none for a direct pair."""

    source: str
    target: str
    engine: str
    via: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What differs between engines, as data. `pairs`: by source and target, BCP 47 codes."""

    name: str
    pairs: Mapping[tuple[str, str], Pair]


class Translator(Protocol):
    """An engine, made once."""

    @property
    def capabilities(self) -> Capabilities: ...

    async def translate(self, text: str, source: str, target: str) -> str:
        """The text in the target language; one of the capabilities' pairs; any length up to 10,000 bytes, not empty.

        Placeholders (`domain.masking`) in it stand for what must stay: they should come back as they went.

        Takes as long as it takes: the caller sets the timeout, and cancelling is always safe. Raises
        Exhausted(ENGINE_OVERLOADED), Unavailable(TRANSLATION_FAILED) or Unavailable(ENGINE_TIMEOUT), all transient,
        Misconfigured (an Unavailable that a person has to mend), and Invalid (permanent, TRANSLATION_FAILED,
        UNSUPPORTED_LANGUAGE).
        """
        ...


class Module(Protocol):
    """What an engine's file offers."""

    def open_engine(self, config: "Config") -> AbstractAsyncContextManager[Translator]:
        """Loads or connects what is made once; raises Unavailable or NotFound with what to do about it."""
        ...


ENGINES = {
    "aws": "translation_svc.engines.aws_translate",
    "local": "translation_svc.engines.local",
    "scripted": "translation_svc.engines.scripted",
}


@asynccontextmanager
async def open_engine(config: "Config") -> AsyncIterator[Translator]:
    """The engines that the settings name, as one. Raises what opening the first raised when none can be opened."""
    # Here, because it is made of this port.
    from translation_svc.failover import Translators

    async with opened(config.engines, ENGINES, lambda file: cast(Module, file).open_engine(config)) as engines:
        yield Translators(Ranking("translation", engines, config.failover))
