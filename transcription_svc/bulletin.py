"""What the speaker is told of engines: each change once, however many segments it lasts, and the way back."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

from transcription_svc.domain.events import Warned
from transcription_svc.downstream import Downstream, NotTranslated, Translated, VoiceBegun

Warn = Callable[[Warned], Awaitable[None]]


class RecognitionBulletin:
    """Of recognition: losses and their ends, and changes among the engines `offering`, the preferred first."""

    def __init__(self, offering: tuple[str, ...], warn: Warn) -> None:
        self.engine = offering[0]
        self._offering = offering
        self.heard = False  # Whether any engine has heard the speaker.
        self._warn = warn
        self._interrupted = False

    async def interrupted(self) -> None:
        """A stream was lost; another is tried."""
        if not self._interrupted:
            self._interrupted = True
            await self._warn(Warned("RECOGNITION_INTERRUPTED", "recognition was interrupted and starts again"))

    async def works(self, engine: str) -> None:
        """An engine hears the speaker."""
        self.heard = True
        if self._interrupted:
            self._interrupted = False
            await self._warn(Warned("RECOGNITION_RECOVERED", "recognition works again"))
        if engine == self.engine:
            return
        before, self.engine = self.engine, engine
        if self._offering.index(engine) > self._offering.index(before):
            await self._warn(_changed("recognition", f" ({engine} in place of {before})"))
        else:
            await self._warn(_recovered("recognition", f" ({engine})"))

    async def lost(self, seconds: float) -> None:
        """So much of the speech nobody will hear."""
        await self._warn(Warned("AUDIO_DROPPED", f"{seconds:.0f} s of speech were lost while recognition was away"))


class StandIns:
    """Of a service that says with each result whether its engine stands in for a preferred one."""

    def __init__(self, what: str, warn: Warn) -> None:
        self._what = what
        self._warn = warn
        self._languages: set[str] = set()  # In which an engine stands in.

    async def made(self, language: str, *, fallback: bool) -> None:
        """A result came from an engine. A recovered engine has recovered for all languages."""
        if fallback:
            is_new = not self._languages
            self._languages.add(language)
            if is_new:
                await self._warn(_changed(self._what))
        elif language in self._languages:
            self._languages.clear()
            await self._warn(_recovered(self._what))


class AttendedDownstream(Downstream):
    """The services that a broadcast calls, for one broadcast whose speaker is told of their stand-ins."""

    def __init__(self, downstream: Downstream, warn: Warn) -> None:
        self._downstream = downstream
        self._translations = StandIns("translation", warn)
        self._voices = StandIns("the voice", warn)

    async def translate(self, *given: Any, **more: Any) -> AsyncIterator[Translated | NotTranslated]:
        async with aclosing(self._downstream.translate(*given, **more)) as results:  # type: ignore[type-var]
            async for result in results:
                if isinstance(result, Translated) and result.fallback is not None:
                    await self._translations.made(result.language, fallback=result.fallback)
                yield result

    async def synthesize(self, text: str, language: str, **more: Any) -> AsyncIterator[VoiceBegun | bytes]:
        async with aclosing(self._downstream.synthesize(text, language, **more)) as parts:  # type: ignore[type-var]
            async for part in parts:
                if isinstance(part, VoiceBegun):
                    await self._voices.made(language, fallback=part.fallback)
                yield part

    async def pairs(self) -> set[tuple[str, str]]:
        return await self._downstream.pairs()

    async def voices(self) -> dict[str, bool]:
        return await self._downstream.voices()


def _changed(what: str, names: str = "") -> Warned:
    return Warned("ENGINE_CHANGED", f"{what} goes on with another engine than the preferred one{names}")


def _recovered(what: str, names: str = "") -> Warned:
    return Warned("ENGINE_RECOVERED", f"{what} is back with the preferred engine{names}")
