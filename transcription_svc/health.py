"""Whether one language works at present, counted and told: of all that can fail in it, together."""

from collections.abc import Awaitable, Callable

from chassis.telemetry import Attribute, Metric, meter
from transcription_svc.domain.availability import Availability
from transcription_svc.domain.events import LanguageStatus, Output

_failures = meter.create_counter(Metric.LANGUAGE_FAILURES)


class Health:
    """`part` is what worked or failed: "translation" or "voice"."""

    def __init__(self, language: str, emit: Callable[[Output], Awaitable[None]]) -> None:
        self._language = language
        self._emit = emit
        self._availability = Availability()

    async def works(self, part: str) -> None:
        """It did for one segment."""
        if self._availability.works(part):
            await self._emit(LanguageStatus(self._language, available=True))

    async def fails(self, part: str, reason: str) -> None:
        """It did not."""
        self.count(reason)
        told = self._availability.fails(part, reason)
        if told:
            await self._emit(LanguageStatus(self._language, available=False, reason=told.reason))

    def count(self, reason: str) -> None:
        """A failure that listeners need not be told."""
        _failures.add(1, {Attribute.LANGUAGE.value: self._language, Attribute.REASON.value: reason})
