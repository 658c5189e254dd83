"""Which engines a service uses: a list in its settings, the preferred one first, and opening what can be opened of it.

One list serves all services (`ENGINES=aws,local`); a service's own (`TRANSLATION_ENGINES`) goes before it.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from importlib import import_module
from types import ModuleType
from typing import Annotated, TypeVar

import structlog
from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field
from pydantic_settings import NoDecode

from chassis.breaker import BreakerTerms
from chassis.errors import LingocastError
from chassis.failover import FailoverTerms
from chassis.settings import Settings

log = structlog.get_logger()

E = TypeVar("E")

DEFAULT = ("local",)
KNOWN = frozenset({"aws", "local", "scripted"})
"""The names that services give their engines; which of them a service has is its own dictionary's to say."""


def names(setting: object) -> object:
    """Reads `aws, local`; anything but text is left as it is."""
    if not isinstance(setting, str):
        return setting
    return tuple(dict.fromkeys(name for part in setting.split(",") if (name := part.strip())))


EngineNames = Annotated[tuple[str, ...], NoDecode, BeforeValidator(names)]
"""A setting: names of engines, the preferred one first."""


def among(known: Mapping[str, str] | frozenset[str]) -> AfterValidator:
    """Refuses a list that is empty or names what is not among `known`."""

    def check(chosen: tuple[str, ...]) -> tuple[str, ...]:
        strange = [name for name in chosen if name not in known]
        if strange or not chosen:
            what = f"{', '.join(strange)}: no such engine" if strange else "no engine is named"
            raise ValueError(f"{what}; the engines are {', '.join(sorted(known))}, with commas between several")
        return chosen

    return AfterValidator(check)


def variables(prefix: str) -> AliasChoices:
    """Where a service's list is read from: its own variable, else the one of all services."""
    return AliasChoices(f"{prefix}_ENGINES", "ENGINES")


class FailoverSettings(Settings):
    """When a service turns from one engine of its list to the next, and back."""

    failover_failures: int = Field(
        5, ge=1, description="So many failures of an engine in a row, and the next in the list takes over."
    )
    failover_seconds: float = Field(
        30.0, gt=0, description="After so many seconds an engine that failed is tried again, by one call."
    )
    failover_setup_seconds: float = Field(
        300.0, gt=0, description="The same for an engine whose set-up (credentials, rights) lets nothing work, seconds."
    )

    @property
    def failover(self) -> FailoverTerms:
        """The same as terms."""
        return FailoverTerms(BreakerTerms(self.failover_failures, self.failover_seconds), self.failover_setup_seconds)


@asynccontextmanager
async def opened(
    chosen: Sequence[str],
    modules: Mapping[str, str],
    open_one: Callable[[ModuleType], AbstractAsyncContextManager[E]],
) -> AsyncIterator[dict[str, E]]:
    """The engines that can be opened, by name, in the order of `chosen`; closed on leaving.

    `modules`: where each engine is, imported only if chosen. An engine that cannot be opened is logged and left out as
    long as there is another; raises the first one's LingocastError when there is none.
    """
    async with AsyncExitStack() as stack:
        engines: dict[str, E] = {}
        lacking: dict[str, LingocastError] = {}
        for name in chosen:
            try:
                engines[name] = await stack.enter_async_context(open_one(import_module(modules[name])))
            except LingocastError as error:
                lacking[name] = error
        if not engines:
            raise next(iter(lacking.values()))
        for name, fault in lacking.items():
            log.warning("engine_left_out", engine=name, reason=fault.reason, message=fault.message)
        yield engines
