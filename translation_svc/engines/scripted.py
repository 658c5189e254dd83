"""A deterministic engine for tests and load: `[es] Hello.` for "Hello." into Spanish; slow or failing where told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chassis.errors import Invalid, Unavailable
from translation_svc.config import Config
from translation_svc.engines import Capabilities, Pair

LANGUAGES = ("ca", "de", "en", "es", "fr", "gl", "it", "pt")
NAME = "scripted"


class ScriptedTranslator:
    """Takes `delay_seconds` a call, and `slow[target]` more; targets in `failing` always fail."""

    def __init__(self, delay_seconds: float, slow: dict[str, float], failing: frozenset[str]) -> None:
        self._delay = delay_seconds
        self._slow = slow
        self._failing = failing
        codes = [(source, target) for source in LANGUAGES for target in LANGUAGES if source != target]
        self.capabilities = Capabilities(NAME, {code: Pair(*code, NAME) for code in codes})

    async def translate(self, text: str, source: str, target: str) -> str:
        if (source, target) not in self.capabilities.pairs:
            raise Invalid("UNSUPPORTED_LANGUAGE", f"no translation from {source} into {target}")
        seconds = self._delay + self._slow.get(target, 0.0)
        if seconds:
            await asyncio.sleep(seconds)
        if target in self._failing:
            raise Unavailable("TRANSLATION_FAILED", f"translation into {target} is set to fail")
        return f"[{target}] {text.strip()}"


@asynccontextmanager
async def open_engine(config: Config) -> AsyncIterator[ScriptedTranslator]:
    """Ready at once."""
    yield ScriptedTranslator(config.scripted_delay_seconds, config.scripted_slow, frozenset(config.scripted_failing))
