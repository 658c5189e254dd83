"""All recognition engines as one: what any of them offers, from the preferred one that is well."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from chassis.errors import Invalid, LingocastError
from chassis.language import match
from chassis.ranking import Attempt, Ranking
from transcription_svc.engines import Capabilities, RecognitionStream, Recognizer, StreamOptions


class Recognizers:
    """A Recognizer over several. One stands in for another from stream to stream; see `recognition` for how."""

    def __init__(self, ranking: Ranking[Recognizer]) -> None:
        self.ranking = ranking

    @classmethod
    def of(cls, engine: Recognizer) -> "Recognizers":
        """Itself, or an engine alone as a list of one."""
        return engine if isinstance(engine, cls) else cls(Ranking("recognition", {engine.capabilities.name: engine}))

    @property
    def capabilities(self) -> Capabilities:
        """What the engines that are well offer together; all of them, where none is."""
        known = [engine.capabilities for engine in self.ranking.well().values()]
        return Capabilities(
            name=known[0].name,
            languages=frozenset[str]().union(*(each.languages for each in known)),
            gives_stability=all(each.gives_stability for each in known),
            silence_seconds=min(each.silence_seconds for each in known),
            stream_seconds=min(each.stream_seconds for each in known),
        )

    def knows(self, language: str) -> bool:
        """Whether any engine has this very language, well or not: one that rests may soon work again."""
        return any(language in engine.capabilities.languages for engine in self.ranking.engines.values())

    def offering(self, language: str) -> tuple[str, ...]:
        """The names of the engines that know a language, the preferred first. Raises Invalid(UNSUPPORTED_LANGUAGE)."""
        offering = tuple(
            name
            for name, engine in self.ranking.engines.items()
            if match(language, engine.capabilities.languages) is not None
        )
        if not offering:
            offered = ", ".join(sorted(self.capabilities.languages))
            raise Invalid("UNSUPPORTED_LANGUAGE", f"recognition offers: {offered}")
        return offering

    def silence_seconds(self, names: Sequence[str]) -> float:
        """For how long a stream may get no audio, whichever of the engines it is of."""
        return min(self.ranking.engines[name].capabilities.silence_seconds for name in names)

    def serving(self, language: str) -> str:
        """What the engine calls itself that a language goes to at present."""
        offering = self.offering(language)
        return self.ranking.engines[self.ranking.serving(offering)].capabilities.name

    @asynccontextmanager
    async def open(self, options: StreamOptions) -> AsyncIterator[RecognitionStream]:
        """As the port says, of the first engine that opens one. Raises what the first one raised when none does."""
        async with AsyncExitStack() as stack:
            failures: list[LingocastError] = []
            for attempt in self.ranking.attempts(self.offering(options.language)):
                try:
                    with self.ranking.judged(attempt):
                        stream = await stack.enter_async_context(attempt.engine.open(fitted(attempt, options)))
                except LingocastError as error:
                    failures.append(error)
                else:
                    break
            else:
                raise failures[0]
            yield stream


def fitted(attempt: Attempt[Recognizer], options: StreamOptions) -> StreamOptions:
    """The options in the words of one engine, which may call a language by a region of it."""
    offered = attempt.engine.capabilities.languages
    return replace(options, language=match(options.language, offered) or options.language)
