"""Voices made on this machine: Kokoro while it keeps up, espeak-ng for every other language and when it does not.

Either may be missing; the service then speaks with the other, and says so once.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import structlog

from chassis.errors import Exhausted, LingocastError, Unavailable
from chassis.telemetry import Attribute, Metric, meter
from synthesis_svc.domain.voices import Voice, best
from synthesis_svc.engines import Order, Speech
from synthesis_svc.engines.espeak import Espeak, open_espeak
from synthesis_svc.engines.kokoro import Kokoro, open_kokoro

if TYPE_CHECKING:
    from synthesis_svc.config import Config

log = structlog.get_logger()

_plain_cues = meter.create_counter(Metric.PLAIN_CUES)

T = TypeVar("T")


class Local:
    """Kokoro, espeak-ng, or both."""

    def __init__(self, kokoro: Kokoro | None, espeak: Espeak | None) -> None:
        self._kokoro = kokoro
        self._espeak = espeak
        self.voices: Sequence[Voice] = (*(kokoro.voices if kokoro else ()), *(espeak.voices if espeak else ()))

    def speak(self, order: Order) -> AbstractAsyncContextManager[Speech]:
        """As the port says. A voice of Kokoro that the caller did not name gives way to a plain one when late."""
        if self._kokoro is None or order.voice not in self._kokoro.voices:
            return self._plainly(order)
        plain = None if order.pinned else self._plain_voice(order.language)
        if plain is None or (self._kokoro.takes(order) and not order.hurried):
            return self._kokoro.speak(order)
        log.info("plain_voice", language=order.language, tier=order.tier.name, queued=self._kokoro.queued)
        _plain_cues.add(1, {Attribute.LANGUAGE.value: order.language})
        return self._plainly(replace(order, voice=plain))

    def _plainly(self, order: Order) -> AbstractAsyncContextManager[Speech]:
        if self._espeak is None:
            raise Exhausted("ENGINE_OVERLOADED", "too much text is waiting for its voice")
        return self._espeak.speak(order)

    def _plain_voice(self, language: str) -> Voice | None:
        return best(self._espeak.voices, language) if self._espeak else None


@asynccontextmanager
async def open_engine(config: "Config") -> AsyncIterator[Local]:
    """Opens what is installed. Raises Unavailable(NO_ENGINE) when nothing is."""
    async with AsyncExitStack() as stack:
        lacking: list[str] = []
        kokoro = await _opened(stack, open_kokoro(config), "kokoro", lacking)
        espeak = await _opened(stack, open_espeak(config), "espeak-ng", lacking)
        if kokoro is None and espeak is None:
            raise Unavailable("NO_ENGINE", f"no voice can be made here: {'; '.join(lacking)}")
        yield Local(kokoro, espeak)


async def _opened(
    stack: AsyncExitStack, engine: AbstractAsyncContextManager[T], name: str, lacking: list[str]
) -> T | None:
    try:
        return await stack.enter_async_context(engine)
    except LingocastError as error:
        lacking.append(error.message)
        log.warning("engine_missing", engine=name, reason=error.message)
        return None
