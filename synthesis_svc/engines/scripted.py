"""Tones in place of voices: deterministic, instant or with delays on request, for tests and load.

A text of n characters sounds for n × 60 ms at tempo 1, at a pitch that tells the language, at the delivery's level.
Never to be quoted as quality.
"""

import asyncio
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Final

import numpy as np

from chassis.errors import Unavailable
from chassis.language import primary
from chassis.pcm import SAMPLE_RATE, to_bytes
from synthesis_svc.config import seconds_by_language
from synthesis_svc.domain.sound import ACTIVE_DBFS
from synthesis_svc.domain.voices import Voice
from synthesis_svc.engines import Order, Speech

if TYPE_CHECKING:
    from synthesis_svc.config import Config

NAME: Final = "scripted"
SECONDS_PER_CHARACTER: Final = 0.06
_LANGUAGES: Final = (
    *("af", "ar", "bg", "bn", "ca", "cs", "cy", "da", "de", "el", "en", "es", "et", "eu", "fa", "fi", "fr", "ga", "gl"),
    *("gu", "he", "hi", "hr", "hu", "hy", "id", "is", "it", "ja", "ka", "kk", "kn", "ko", "lt", "lv", "mk", "ml", "mr"),
    *("ms", "mt", "ne", "nl", "no", "pa", "pl", "pt", "ro", "ru", "sk", "sl", "sq", "sr", "sv", "sw", "ta", "te", "th"),
    *("tr", "uk", "ur", "uz", "vi", "zh"),
)
_BLOCK_SECONDS: Final = 1.0


class Scripted:
    """Tones, with the delays and failures of the settings."""

    def __init__(self, delay_seconds: float, failing: frozenset[str], slow: dict[str, float]) -> None:
        self._delay_seconds = delay_seconds
        self._failing = failing
        self._slow = slow
        self.voices: Sequence[Voice] = tuple(Voice(f"{NAME}/{code}", code, NAME) for code in _LANGUAGES)

    @asynccontextmanager
    async def speak(self, order: Order) -> AsyncIterator[Speech]:
        """As the port says."""
        async with aclosing(self._audio(order)) as audio:
            yield Speech(order.voice, audio)

    async def _audio(self, order: Order) -> AsyncGenerator[bytes, None]:
        plain = primary(order.language)
        await asyncio.sleep(self._delay_seconds + self._slow.get(plain, 0.0))
        if plain in self._failing:
            raise Unavailable("SYNTHESIS_FAILED", f"the script says that {plain} fails")
        total = round(len(order.text) * SECONDS_PER_CHARACTER / order.delivery.tempo * SAMPLE_RATE)
        amplitude = np.sqrt(2) * 10 ** ((ACTIVE_DBFS + order.delivery.gain_db) / 20)
        step = 2 * np.pi * frequency(plain) / SAMPLE_RATE
        block = int(_BLOCK_SECONDS * SAMPLE_RATE)
        for start in range(0, total, block):
            phase = np.arange(start, min(start + block, total)) * step
            yield to_bytes((amplitude * np.sin(phase)).astype(np.float32))


def frequency(language: str) -> float:
    """The pitch of a language, Hz, 200 to 1,199: the same in every process."""
    return 200.0 + zlib.crc32(primary(language).encode()) % 1000


@asynccontextmanager
async def open_engine(config: "Config") -> AsyncIterator[Scripted]:
    """Reads the script from the settings."""
    failing = frozenset(filter(None, config.scripted_failing.replace(" ", "").split(",")))
    yield Scripted(config.scripted_delay_seconds, failing, seconds_by_language(config.scripted_slow))
