"""All synthesis engines as one: the voices of all, spoken by the preferred engine that is well.

A cue whose engine fails before its first sound is given to the next engine at once, with a voice of its own for the
same language. What breaks off later stays broken off: nobody wants to hear half a sentence twice. A voice that the
caller named is spoken by its own engine alone.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import structlog

from chassis.errors import Unavailable
from chassis.ranking import Attempt, Ranking, told
from synthesis_svc.domain.voices import Voice, best
from synthesis_svc.engines import Order, Speech, Synthesizer, begun

log = structlog.get_logger()

FIRST_AUDIO_SECONDS = 1.8
"""For the first sound of an engine that has another after it: the listener's lane waits for 3 s in all."""


class Synthesizers:
    """A Synthesizer over several. `first_audio_seconds`: how long an engine has that has another after it."""

    def __init__(self, ranking: Ranking[Synthesizer], first_audio_seconds: float = FIRST_AUDIO_SECONDS) -> None:
        self._ranking = ranking
        self._first_audio_seconds = first_audio_seconds
        self._listed: dict[str, Sequence[Voice]] = {}
        self._voices: tuple[Voice, ...] = ()

    @property
    def voices(self) -> Sequence[Voice]:
        """Those of all engines; `place` is the engine's in the list."""
        listed = {name: engine.voices for name, engine in self._ranking.engines.items()}
        if any(listed[name] is not self._listed.get(name) for name in listed):
            self._listed = listed
            self._voices = tuple(
                replace(voice, place=place) for place, voices in enumerate(listed.values()) for voice in voices
            )
        return self._voices

    @asynccontextmanager
    async def speak(self, order: Order) -> AsyncIterator[Speech]:
        """As the port says. Raises what the first engine raised when none speaks."""
        orders = self._orders(order)
        failures: list[Exception] = []
        async with AsyncExitStack() as speaking:
            for attempt in self._ranking.attempts(tuple(orders)):
                try:
                    with self._ranking.judged(attempt):
                        speech = await self._begin(speaking, attempt, orders[attempt.name])
                except Exception as error:  # noqa: BLE001 - an engine's defect must not silence what another can say
                    await speaking.aclose()
                    failures.append(error)
                    log.info("engine_did_not_speak", engine=attempt.name, language=order.language, **told(error))
                else:
                    yield replace(speech, fallback=self._ranking.stands_in(attempt.name, tuple(orders)))
                    return
        raise failures[0]

    def _orders(self, order: Order) -> Mapping[str, Order]:
        """What each engine is asked for, the one of the voice that was chosen first."""
        owner = next(name for name, engine in self._ranking.engines.items() if order.voice in engine.voices)
        orders = {owner: order}
        if order.pinned:
            return orders
        for name, engine in self._ranking.engines.items():
            voice = best(engine.voices, order.language, order.tier)
            if name != owner and voice is not None:
                orders[name] = replace(order, voice=voice)
        return orders

    async def _begin(self, speaking: AsyncExitStack, attempt: Attempt[Synthesizer], order: Order) -> Speech:
        """A speech whose first sound is there, if it has any."""
        seconds = None if attempt.is_last else self._first_audio_seconds
        try:
            async with asyncio.timeout(seconds):
                speech = await speaking.enter_async_context(attempt.engine.speak(order))
                return replace(speech, audio=await begun(speech.audio))
        except TimeoutError as error:
            raise Unavailable("SYNTHESIS_FAILED", "the voice did not begin in time") from error
