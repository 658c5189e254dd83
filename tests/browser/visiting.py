"""People before the pages: each a context of the browser with a device, a language and settings of its own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from playwright.async_api import BrowserContext, Page, expect

from tests.browser.chromium import Browsers, Microphone
from tests.browser.stage import Lingocast
from tests.browser.watching import Watch

PATIENCE_MILLISECONDS: Final = 30_000
"""Of all that Playwright waits for: the machine may be busy."""

expect.set_options(timeout=PATIENCE_MILLISECONDS)

DEVICES: Final[Mapping[str, Mapping[str, Any]]] = {
    "phone": {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
    "small": {"viewport": {"width": 320, "height": 640}, "is_mobile": True, "has_touch": True},
    "desktop": {"viewport": {"width": 1280, "height": 800}},
}


class Site(Protocol):
    """Where a Lingocast is reached: the system itself, a cable to it (tests.fakes.cable), a balancer."""

    @property
    def url(self) -> str: ...


class OpenPage(Protocol):
    """See `Visitors.open`."""

    async def __call__(
        self,
        address: str | None = "/",
        *,
        at: Site | None = None,
        device: str = "phone",
        microphone: Microphone = "allowed",
        voice: Path | None = None,
        context: BrowserContext | None = None,
        **options: Any,
    ) -> Page: ...


class Visitors:
    """All that are there, until `leave`. `watch` hears what their pages say."""

    def __init__(self, lingocast: Lingocast, browsers: Browsers, watch: Watch, *, tracing: bool = False) -> None:
        self._lingocast = lingocast
        self._browsers = browsers
        self._watch = watch
        self._tracing = tracing
        self.contexts: list[BrowserContext] = []

    async def open(
        self,
        address: str | None = "/",
        *,
        at: Site | None = None,
        device: str = "phone",
        microphone: Microphone = "allowed",
        voice: Path | None = None,
        context: BrowserContext | None = None,
        **options: Any,
    ) -> Page:
        """A page that another visitor has opened.

        `address`: a path, a whole address, or None for an empty page that the test goes on from (`page.goto`).
        `device`: phone (390×844), small (320×640) or desktop (1280×800). `microphone`, `voice`: see Browsers.get; these
        are browsers of their own, and take a second to start. `context`: of another page of the same visitor, who
        shares what the first has stored. `options` are Playwright's for a context: color_scheme, reduced_motion,
        forced_colors, permissions, locale …
        """
        origin = (at or self._lingocast).url
        if context is None:
            browser = await self._browsers.get(microphone, voice)
            settings = {"locale": "en-GB", **DEVICES[device], **options}
            context = await browser.new_context(base_url=origin, **settings)
            context.set_default_timeout(PATIENCE_MILLISECONDS)
            self.contexts.append(context)
            self._watch.follow(context, origin)
            if self._tracing:
                await context.tracing.start(screenshots=True, snapshots=True)
        page = await context.new_page()
        if address is not None:
            await page.goto(address)
        return page

    async def leave(self) -> None:
        """Closes all that was opened so far."""
        while self.contexts:
            await self.contexts.pop().close()
