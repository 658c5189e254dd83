"""What the tests of the pages share: one system and one Chromium for a run, and pages that may not misbehave.

All tests here run in one event loop, to which Playwright's connection belongs. An asynchronous fixture of your own must
say so too: `@pytest_asyncio.fixture(loop_scope="session")`. The pages' policy forbids what
`page.wait_for_function` does
when it has to look twice: wait with `expect`, or with `until` (waiting.py) around `page.evaluate`.

A test that fails leaves a picture, the page's HTML and what it said in `out/browser/`; with BROWSER_TRACE=1 also a
trace for Playwright's viewer.
"""

import os
import re
from collections.abc import AsyncIterator, Generator, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Error

from tests.browser.chromium import Browsers, NoChromium, open_browsers
from tests.browser.stage import Lingocast
from tests.browser.stage import lingocast as started
from tests.browser.visiting import OpenPage, Visitors
from tests.browser.watching import Watch

__all__ = ["OpenPage", "Start"]

HERE = Path(__file__).resolve().parent
OUT = HERE.parent.parent / "out" / "browser"
TRACING = bool(os.environ.get("BROWSER_TRACE"))
_failed = pytest.StashKey[bool]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the tests of this folder into the loop of the session."""
    for item in items:
        if HERE in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remembers for the fixtures whether their test failed."""
    report = yield
    if report.failed:
        item.stash[_failed] = True
    return report


class Start(Protocol):
    """See the fixture `start`."""

    async def __call__(self, env: Mapping[str, str] | None = None, **options: Any) -> Lingocast: ...


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def lingocast(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Lingocast]:
    """The system that all tests of a run share, with scripted engines. A test may restart its edge; one that needs
    other settings or keeps others out takes `start`."""
    async with started(tmp_path_factory.mktemp("lingocast")) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def start(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Start]:
    """Starts a system of the test's own: `await start({"EDGE_REFRESH_AFTER_SECONDS": "3"})`; it takes some seconds.
    Further options are of chassis.system.launched (`engines`, `host`, `port` …)."""
    async with AsyncExitStack() as stack:

        async def begin(env: Mapping[str, str] | None = None, **options: Any) -> Lingocast:
            running = started(tmp_path_factory.mktemp("lingocast"), env, drain_seconds=5.0, **options)
            return await stack.enter_async_context(running)

        yield begin


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def browsers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browsers]:
    """Every kind of Chromium that the tests need. Fails them where there is none: they never pass by not running."""
    async with open_browsers(tmp_path_factory.mktemp("microphone")) as running:
        try:
            await running.get()
        except NoChromium as error:
            pytest.fail(str(error), pytrace=False)
        yield running


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def browser(browsers: Browsers) -> Browser:
    """The one whose microphone says sentences of noise for ever: 2.5 s, then 0.8 s of silence."""
    return await browsers.get()


@pytest.fixture
def watch() -> Watch:
    """What the pages of this test said and asked for; `watch.allow(…)` lets an expected error on the console pass."""
    return Watch()


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(
    request: pytest.FixtureRequest, lingocast: Lingocast, browsers: Browsers, watch: Watch
) -> AsyncIterator[OpenPage]:
    """Opens a page as another visitor: `await open_page(f"/s/{talk.session_id}", device="desktop", locale="es-ES")`;
    what it takes is told by `Visitors.open`. When the test is over, it fails if a page threw, complained, broke the
    policy or asked another origin."""
    visitors = Visitors(lingocast, browsers, watch, tracing=TRACING)
    yield visitors.open
    if request.node.stash.get(_failed, False) or watch.wrong():
        for number, context in enumerate(visitors.contexts, 1):
            name = re.sub(r"[^A-Za-z0-9_.-]+", "-", request.node.name)
            await _keep(context, watch, OUT / f"{name}-{number}")
    await visitors.leave()
    watch.check()


async def _keep(context: BrowserContext, watch: Watch, name: Path) -> None:
    """What a failed test's visitor saw last."""
    pages: list[str] = []
    for number, page in enumerate(context.pages, 1):
        try:
            await page.screenshot(path=f"{name}.{number}.png", timeout=10_000)
            pages.append(await page.content())
        except Error as error:
            watch.complaints.append(f"console: no picture of the failure: {error.message}")
    _write(name, pages, watch)
    if TRACING:
        await context.tracing.stop(path=f"{name}.zip")


def _write(name: Path, pages: Sequence[str], watch: Watch) -> None:
    name.parent.mkdir(parents=True, exist_ok=True)
    for number, text in enumerate(pages, 1):
        Path(f"{name}.{number}.html").write_text(text, "utf-8")
    Path(f"{name}.txt").write_text("\n".join([*watch.complaints, "", *watch.requests, *watch.sockets, ""]), "utf-8")
