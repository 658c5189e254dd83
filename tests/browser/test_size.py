"""The listener page is small and there at once, on an old phone and a bad line.

Times are of no use here, where other programs are at work: what makes them is counted. `make screenshots` measures how
long a slow phone takes.
"""

from collections.abc import Iterable, Mapping

from playwright.async_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.loading import watched
from tests.browser.scenes import part
from tests.browser.stage import Lingocast
from tests.browser.waiting import until

MOST_BYTES = 100_000
MOST_ROUND_TRIPS = 2
"""The page, and what it names: its script, its styles, the words in the language of the browser."""
MOST_REQUESTS = 10
"""Over HTTP/1.1 a browser has six under way."""


async def test_all_that_a_listener_loads_is_less_than_100_kilobytes(lingocast: Lingocast, open_page: OpenPage) -> None:
    async with lingocast.talk() as talk, talk.going_on():
        page = await open_page(None)
        load = await watched(page)
        await page.goto(f"/s/{talk.session_id}")
        await part(page, "listen").click()
        # All that is loaded lazily is there when something is shown and heard.
        await expect(part(page, "captions").locator("p, li").first).to_be_visible()
        await expect(part(page, "pause")).to_be_visible()
        await page.wait_for_load_state("networkidle")
        await until(lambda: _all_there(load.addresses.values(), load.bytes), "the end of every request")
    sizes = sorted(load.bytes.items(), key=lambda each: -each[1])
    assert load.total_bytes < MOST_BYTES, sizes
    assert load.depth() <= MOST_ROUND_TRIPS, load.chain()
    assert len(load.addresses) <= MOST_REQUESTS, sizes


async def test_what_was_loaded_once_is_not_loaded_again(lingocast: Lingocast, open_page: OpenPage) -> None:
    async with lingocast.talk() as talk:
        page = await open_page(f"/s/{talk.session_id}")
        again = await page.context.new_page()
        load = await watched(again)
        await again.goto(f"/s/{talk.session_id}")
        await expect(part(again, "listen")).to_be_enabled()
        await again.wait_for_load_state("networkidle")
    fetched = {address: size for address, size in load.bytes.items() if size}
    assert list(fetched) == [again.url], fetched


async def _all_there(asked: Iterable[str], came: Mapping[str, int]) -> bool:
    return set(asked) <= came.keys()
