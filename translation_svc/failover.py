"""All translation engines as one: what any of them offers, made by the preferred one that is well.

A text whose engine fails is given to the next one at once, within the caller's deadline: whoever has another after it
gets a part of the time that is left, the last one all of it.
"""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from chassis.errors import Invalid, Unavailable
from chassis.ranking import Attempt, Ranking, told
from translation_svc.domain.offers import Ends, Offers
from translation_svc.engines import Capabilities, Pair, Translator

log = structlog.get_logger()

# Of the time that is left, when another engine could still be asked.
SHARE = 0.6


@dataclass(frozen=True, slots=True)
class _Offer:
    """What one engine offers; made anew when the engine learns of languages."""

    pairs: Mapping[Ends, Pair]
    offers: Offers


class Translators:
    """A Translator over several."""

    def __init__(self, ranking: Ranking[Translator]) -> None:
        self._ranking = ranking
        self._offered: dict[str, _Offer] = {}
        self._refused: set[tuple[str, Ends]] = set()  # Pairs that an engine offers and does not translate.
        self._capabilities = Capabilities("", {})

    @classmethod
    def of(cls, engine: Translator) -> "Translators":
        """Itself, or an engine alone as a list of one."""
        return engine if isinstance(engine, cls) else cls(Ranking("translation", {engine.capabilities.name: engine}))

    @property
    def capabilities(self) -> Capabilities:
        """All pairs of all engines; `engine` of a pair is the first that offers it."""
        self._refresh()
        return self._capabilities

    async def translate(self, text: str, source: str, target: str) -> str:
        """As the port says."""
        return await self.work(source, target).translate(text)

    def work(self, source: str, target: str, deadline: float = math.inf) -> "Work":
        """What belongs to one translation, which may take several calls. `deadline`: of the loop's clock.

        Raises Invalid(UNSUPPORTED_LANGUAGE).
        """
        self._refresh()
        found = {name: offer.offers.find(source, target) for name, offer in self._offered.items()}
        able = {name: ends for name, ends in found.items() if ends is not None}
        if not able:
            raise Invalid("UNSUPPORTED_LANGUAGE", f"no translation from {source} into {target}")
        willing = {name: ends for name, ends in able.items() if (name, ends) not in self._refused} or able
        # A region asked for by name goes before the preferred engine's idea of the language; otherwise as they come.
        order = sorted(willing, key=lambda name: willing[name] != (source, target))
        return Work(self, self._ranking, {name: self._offered[name].pairs[willing[name]] for name in order}, deadline)

    def refused(self, name: str, pair: Pair) -> None:
        """An engine does not translate what it offers."""
        self._refused.add((name, (pair.source, pair.target)))

    def _refresh(self) -> None:
        pairs = {name: engine.capabilities.pairs for name, engine in self._ranking.engines.items()}
        if all(name in self._offered and pairs[name] is self._offered[name].pairs for name in pairs):
            return
        self._offered = {name: _Offer(offered, Offers(offered)) for name, offered in pairs.items()}
        self._refused.clear()
        together = {ends: pair for offered in reversed(pairs.values()) for ends, pair in offered.items()}
        name = next(iter(self._ranking.engines.values())).capabilities.name
        self._capabilities = Capabilities(name, together)


class Work:
    """One translation. `offered`: the pair that each engine would use, in the order in which they are asked."""

    def __init__(
        self, translators: Translators, ranking: Ranking[Translator], offered: Mapping[str, Pair], deadline: float
    ) -> None:
        self._translators = translators
        self._ranking = ranking
        self._offered = dict(offered)
        self._left = list(offered)  # Without those that have failed here.
        self._deadline = deadline
        self._made_by = self._left[0]

    @property
    def engine(self) -> str:
        """What the engine calls itself that made the text."""
        return self._offered[self._made_by].engine

    @property
    def is_preferred(self) -> bool:
        """Whether no other would have made the text if all had been well."""
        return self._made_by == next(iter(self._offered))

    @property
    def is_fallback(self) -> bool:
        """Whether that engine stands in for a preferred one that is out of order."""
        return self._ranking.stands_in(self._made_by, tuple(self._offered))

    async def translate(self, text: str) -> str:
        """By the first engine that can. Raises what the first one raised when none can."""
        failures: list[Exception] = []
        for attempt in self._ranking.attempts(self._left or tuple(self._offered)):
            try:
                with self._ranking.judged(attempt):
                    translated = await self._ask(attempt, text)
            except Exception as error:  # noqa: BLE001 - an engine's defect must not end what another can do
                failures.append(error)
                self._failed(attempt.name, error)
            else:
                self._made_by = attempt.name
                return translated
        raise failures[0]

    async def _ask(self, attempt: Attempt[Translator], text: str) -> str:
        pair = self._offered[attempt.name]
        asking = attempt.engine.translate(text, pair.source, pair.target)
        if attempt.is_last or math.isinf(self._deadline):
            return await asking
        now = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(now + SHARE * max(self._deadline - now, 0.0)):
                return await asking
        except TimeoutError as error:
            raise Unavailable("ENGINE_TIMEOUT", f"translation into {pair.target} took too long") from error

    def _failed(self, name: str, error: Exception) -> None:
        if name in self._left:
            self._left.remove(name)
        if isinstance(error, Invalid) and error.reason == "UNSUPPORTED_LANGUAGE":
            self._translators.refused(name, self._offered[name])
        log.info("engine_did_not_translate", engine=name, target=self._offered[name].target, **told(error))
