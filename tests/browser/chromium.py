"""Debian's Chromium, as the tests of the pages run it: on this machine alone, with a microphone that plays a file.

Chromium takes the file of its fake microphone when it starts, and whether the person allows its use: another voice or
another answer is another browser. `Browsers` makes each kind once and ends all of them.
"""

import shutil
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Literal

from playwright.async_api import Browser, Playwright, async_playwright

from tests.e2e.talks import noise, silence

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
RATE: Final = 16_000
_ARGUMENTS: Final = (
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # Nothing but this machine is reachable, whatever a page asks for, and no proxy is asked.
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)

Microphone = Literal["allowed", "denied", "missing"]


class NoChromium(Exception):
    """The tests of the pages cannot run; the message says what to install."""


def program() -> str:
    """The path of Chromium. Raises NoChromium."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    raise NoChromium("the tests of the pages need a browser: apt-get install chromium (`make test` does, where it may)")


class Browsers:
    """Every Chromium that is running, by what its microphone plays."""

    def __init__(self, playwright: Playwright, folder: Path) -> None:
        self._playwright = playwright
        self._folder = folder
        self._running: dict[tuple[Microphone, Path | None], Browser] = {}

    async def get(self, microphone: Microphone = "allowed", voice: Path | None = None) -> Browser:
        """The browser whose microphone plays `voice` (WAV, over and over; None: sentences of noise, which the scripted
        recogniser takes for speech), is refused by the person, or is not there. Raises NoChromium."""
        kind = (microphone, voice)
        if kind not in self._running:
            self._running[kind] = await self._launched(microphone, voice or self._noise())
        return self._running[kind]

    async def close(self, microphone: Microphone = "allowed", voice: Path | None = None) -> None:
        """Ends one kind: memory is scarce, and few tests need it."""
        if browser := self._running.pop((microphone, voice), None):
            await browser.close()

    async def close_all(self) -> None:
        """Ends all of them."""
        while self._running:
            _, browser = self._running.popitem()
            await browser.close()

    async def _launched(self, microphone: Microphone, voice: Path) -> Browser:
        arguments = [*_ARGUMENTS]
        if microphone != "missing":
            arguments += ["--use-fake-device-for-media-stream", f"--use-file-for-fake-audio-capture={voice}"]
        arguments.append("--use-fake-ui-for-media-stream" + ("=deny" if microphone == "denied" else ""))
        # Without its sandbox: it runs as root and in containers too, and only our own pages are loaded.
        return await self._playwright.chromium.launch(
            executable_path=program(), args=arguments, chromium_sandbox=False, timeout=120_000
        )

    def _noise(self) -> Path:
        return write_wav(self._folder / "noise.wav", noise(2.5) + silence(0.8))


@asynccontextmanager
async def open_browsers(folder: Path) -> AsyncIterator[Browsers]:
    """Browsers, until the block is left. `folder`: for the microphone's files."""
    async with async_playwright() as playwright:
        browsers = Browsers(playwright, folder)
        try:
            yield browsers
        finally:
            await browsers.close_all()


def write_wav(path: Path, pcm: bytes) -> Path:
    """Writes s16le, mono, 16 kHz, unless the file is there."""
    if not path.exists():
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(pcm)
    return path
