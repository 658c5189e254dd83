"""The projector page: captions on a wall or over a picture, as its address asks, with nobody beside it."""

from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.image import imread
from playwright.async_api import Page

from tests.browser.conftest import OpenPage
from tests.browser.stage import Lingocast
from tests.browser.waiting import until
from tests.browser.watching import Watch

WALL = {"width": 1920, "height": 1080}
STRIP = {"width": 1280, "height": 200}
# Lines alone, with captions that the test makes.
LINES = """async ([lines, hold, place]) => {
  const [{ Rolling }, { Transcript }] = await Promise.all(
    ["pages/screen/rolling", "captions/transcript"].map((name) => import(`/web/-/${name}.js`)));
  const stage = document.querySelector("#stage");
  stage.replaceChildren();
  stage.style.setProperty("--size", "40px");
  stage.style.setProperty("--line", "54px");
  const element = stage.appendChild(document.createElement("section"));
  element.className = "column";
  window.transcript = new Transcript({ language: "es" });
  window.rolling = new Rolling(element, hold, place);
  window.rolling.resize(lines, 54);
  window.show = (segmentId, text, isFinal) => window.rolling.show(window.transcript.receive(
    { segmentId, text, isFinal, stableChars: 0, startMs: segmentId * 1000, endMs: segmentId * 1000 + 900 }));
}"""
TOPS = """() => {
  const box = document.querySelector(".box").getBoundingClientRect();
  return Object.fromEntries([...document.querySelectorAll(".segment")].flatMap((each) => {
    const { left, top, bottom } = each.getClientRects()[0];
    const place = [left, top - box.top].map(Math.round);
    return bottom > box.top + 1 ? [[each.textContent.split(" ")[0], place]] : [];
  }));
}"""


async def projected(open_page: OpenPage, session: str, query: str, size: dict[str, int] = WALL, **options: Any) -> Page:
    page = await open_page(f"/s/{session}/screen{query}", device="desktop", viewport=size, **options)
    await until(lambda: page.evaluate("document.documentElement.classList.contains('idle')"), "the page")
    return page


async def lines(page: Page, column: int = 0) -> str:
    """What a column says."""
    return " ".join((await page.locator(".column").nth(column).inner_text()).split())


async def pixels(page: Page) -> npt.NDArray[np.float32]:
    """What is seen, without the white that a browser puts behind a page; red, green, blue and alpha from 0 to 1."""
    seen = np.asarray(imread(BytesIO(await page.screenshot(omit_background=True))), dtype=np.float32)
    # A picture without any clear pixel has no alpha.
    return seen if seen.shape[2] == 4 else np.dstack([seen, np.ones(seen.shape[:2], np.float32)])


async def test_a_hall_reads_what_is_said_in_two_languages(lingocast: Lingocast, open_page: OpenPage) -> None:
    async with lingocast.talk(source_language="en") as talk:
        page = await projected(open_page, talk.session_id, "?lang=es,source&qr=1")
        assert await page.is_visible("text=Hear it in your own language")
        assert await page.is_visible(f"p:text('{talk.session_id}')")
        async with talk.going_on():
            await until(
                lambda: page.evaluate("document.querySelectorAll('.column:first-child .sentence').length > 1"), "lines"
            )
            spanish, english = await lines(page), await lines(page, 1)
        assert spanish.startswith("[es] Welcome to talk number")
        assert english.startswith("Welcome to talk number")
        assert await page.get_attribute(".column:first-child .sentence", "lang") == "es"
        assert await page.get_attribute(".column:last-child .sentence", "lang") == "en"
        assert not await page.is_visible("#welcome"), "the way to join is for before the first caption"
        left, right = [await page.locator(".box").nth(each).bounding_box() for each in (0, 1)]
        assert left
        assert right
        assert left["x"] + left["width"] < right["x"]
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await talk.end()
        await until(lambda: page.is_visible("text=The broadcast has ended"), "the end")
        assert await page.is_visible(".sentence"), "the last lines stay for a while"


async def test_over_a_picture_there_is_nothing_but_letters(lingocast: Lingocast, open_page: OpenPage) -> None:
    async with lingocast.talk(source_language="en") as talk:
        page = await projected(open_page, talk.session_id, "?lang=es&background=transparent", STRIP)
        assert (await pixels(page))[..., 3].max() == 0.0
        async with talk.going_on():
            await until(lambda: page.is_visible(".segment:not(.open)"), "a caption")
            seen = await pixels(page)
            alpha = seen[..., 3]
            assert alpha[0].max() == 0.0, "the corners are clear"
            assert alpha.max() == 1.0, "the letters are not"
            assert alpha.mean() < 0.25
            solid = seen[alpha == 1.0][:, :3]
            assert solid.min() < 0.05, "there is a black outline"
            assert solid.max() > 0.95, "of white letters"
        await talk.end()
        await page.wait_for_timeout(300)
        assert not await page.is_visible(".standing"), "viewers are not told of the broadcast's state"


async def test_a_ground_of_one_colour_is_that_colour(lingocast: Lingocast, open_page: OpenPage) -> None:
    async with lingocast.talk(source_language="en") as talk:
        # As people write it: the browser cuts the address at the #.
        page = await projected(open_page, talk.session_id, "?lang=es&background=#00ff00&qr=0", STRIP)
        seen = await pixels(page)
        assert seen.reshape(-1, 4).min(axis=0).tolist() == [0.0, 1.0, 0.0, 1.0]


async def test_finished_lines_stay_while_the_next_words_grow_and_roll_up_by_whole_lines(
    lingocast: Lingocast, open_page: OpenPage
) -> None:
    async with lingocast.talk(source_language="en") as talk:
        page = await projected(
            open_page, talk.session_id, "?lang=es", {"width": 900, "height": 400}, reduced_motion="reduce"
        )
        await page.evaluate(LINES, [3, 0])
        heights: set[int] = set()
        for segment in range(1, 13):
            words = [f"s{segment}", *["word"] * (segment % 4 * 6), "end."]
            counts = [*range(1, len(words) + 1), max(len(words) - 4, 1), len(words)]
            for count in counts:
                before = await page.evaluate(TOPS)
                await page.evaluate("([id, text]) => show(id, text, false)", [segment, " ".join(words[:count])])
                after = await page.evaluate(TOPS)
                common = [name for name in before if name in after]
                assert {after[name][0] - before[name][0] for name in common} <= {0}, "nothing moves sideways"
                steps = {before[name][1] - after[name][1] for name in common}
                assert len(steps) <= 1, "all lines move together"
                assert all(step >= 0 and step % 54 == 0 for step in steps), "and only up, by whole lines"
                heights |= steps
            await page.evaluate("([id, text]) => show(id, text, true)", [segment, " ".join(words)])
            await page.evaluate("([id]) => show(id, '', false)", [segment + 100])
        assert 54 in heights
        bottom = await page.evaluate(
            "(() => { const [box, last] = ['.box', '.sentence:last-child'].map((each) =>"
            " document.querySelector(each).getBoundingClientRect().bottom); return box - last; })()"
        )
        assert 0 <= bottom < 54 * 3, "the last line is to be seen"


async def test_the_first_line_is_where_it_was_asked_for_and_at_the_bottom_if_nothing_was(
    lingocast: Lingocast, open_page: OpenPage
) -> None:
    async with lingocast.talk(source_language="en") as talk:
        page = await projected(open_page, talk.session_id, "?lang=es", reduced_motion="reduce")
        for place, first in ((None, 4), ("bottom", 4), ("middle", 2), ("top", 0)):
            await page.evaluate(LINES, [5, 0, *([place] if place else [])])
            await page.evaluate("show(1, 'One.', true)")
            before = await page.evaluate(TOPS)
            await page.evaluate("show(2, 'Two.', true)")
            after = await page.evaluate(TOPS)
            line = [top // 54 for _, top in (before["One."], after["One."], after["Two."])]
            assert line == ([4, 3, 4] if first == 4 else [first, first, first + 1]), place
        await page.goto(f"/s/{talk.session_id}/screen?lang=es")
        async with talk.going_on():
            await until(lambda: page.is_visible(".sentence"), "a caption")
            free = await page.evaluate(
                "innerHeight - document.querySelector('.sentence:last-child').getBoundingClientRect().bottom"
            )
        assert free < WALL["height"] / 4, "a hall looks for captions at the bottom"


async def test_a_thousand_sentences_leave_a_few_in_the_page(lingocast: Lingocast, open_page: OpenPage) -> None:
    async with lingocast.talk(source_language="en") as talk:
        page = await projected(open_page, talk.session_id, "?lang=es")
        await page.evaluate(LINES, [3, 0])
        await page.evaluate("for (let id = 1; id <= 1000; id += 1) show(id, `Sentence ${id} is short.`, true)")
        assert await page.locator(".sentence").count() < 20
        assert (await lines(page)).endswith("Sentence 1000 is short.")
        # One that makes no full stops.
        await page.evaluate("for (let id = 1001; id <= 3000; id += 1) show(id, `and ${id}`, true)")
        assert await page.locator(".segment").count() < 300


async def test_lines_go_in_silence_and_not_while_somebody_speaks(lingocast: Lingocast, open_page: OpenPage) -> None:
    async with lingocast.talk(source_language="en") as talk:
        page = await projected(open_page, talk.session_id, "?lang=es")
        await page.evaluate(LINES, [3, 2])
        await page.evaluate(
            """() => {
              window.gone = new Promise((resolve) => {
                const observer = new MutationObserver(() => {
                  if (document.querySelector(".sentence")) return;
                  observer.disconnect();
                  resolve(window.words);
                });
                observer.observe(document.querySelector(".rolled"), { childList: true });
              });
              window.words = 0;
              const speaking = setInterval(() => {
                window.words += 1;
                window.show(1, "a ".repeat(window.words), window.words === 12);
                if (window.words === 12) clearInterval(speaking);
              }, 250);
            }"""
        )
        assert await page.evaluate("window.gone") == 12


async def test_a_value_that_is_not_understood_falls_back_and_is_told_for_a_while(
    lingocast: Lingocast, open_page: OpenPage
) -> None:
    async with lingocast.talk(source_language="en") as talk:
        page = await open_page(None, device="desktop")
        await page.clock.install()
        await page.goto(f"/s/{talk.session_id}/screen?lang=xx&lines=many&colour=red&background=transparent")
        corner = page.locator("#corner")
        await until(lambda: corner.locator("li").count(), "words in the corner")
        assert (await corner.inner_text()).splitlines() == [
            "lang=xx is not understood; it is now lang=source.",
            "lines=many is not understood; it is now lines=2.",
            "colour is not a setting of this page.",
        ]
        await page.clock.fast_forward(10_000)
        await until(lambda: page.evaluate("!document.querySelector('#corner li')"), "a clean corner")
        async with talk.going_on():
            await until(lambda: lines(page), "what is said")
        assert (await lines(page)).startswith("Welcome")


async def test_a_pin_is_asked_for_until_it_is_right(lingocast: Lingocast, open_page: OpenPage) -> None:
    async with lingocast.talk(source_language="en", pin="2580") as talk:
        page = await projected(open_page, talk.session_id, "?lang=es,fr")
        # Chromium closes a dialog on a second Escape, whatever the page says.
        for _ in range(3):
            await page.keyboard.press("Escape")
        await until(lambda: page.is_visible("#pin-input"), "the question, still")
        await page.fill("#pin-input", "1111")
        await page.keyboard.press("Enter")
        await until(lambda: page.is_visible("text=That was not the right PIN"), "another question")
        await page.fill("#pin-input", "2580")
        await page.keyboard.press("Enter")
        async with talk.going_on():
            for column in (0, 1):
                await until(lambda: lines(page, column), "a caption")  # noqa: B023
        assert not await page.is_visible("#pin")


async def test_a_pin_in_the_address_is_used_and_not_left_there(lingocast: Lingocast, open_page: OpenPage) -> None:
    async with lingocast.talk(source_language="en", pin="2580") as talk:
        page = await projected(open_page, talk.session_id, "?lang=es#pin=2580")
        async with talk.going_on():
            await until(lambda: lines(page), "a caption")
            assert "2580" not in page.url
            await page.reload()
            await until(lambda: lines(page), "a caption after reloading")
        assert not await page.is_visible("#pin")


async def test_captions_come_back_by_themselves_when_the_edge_was_away(
    lingocast: Lingocast, open_page: OpenPage, watch: Watch
) -> None:
    watch.allow("WebSocket")
    async with lingocast.talk(source_language="en") as talk:
        page = await projected(open_page, talk.session_id, "?lang=es&hold=1")
        async with talk.going_on():
            await until(lambda: lines(page), "a caption")
            await lingocast.kill()
            await until(lambda: page.evaluate("!document.querySelector('.sentence')"), "silence")
            await until(lambda: lines(page), "captions again", seconds=60)


async def test_the_pointer_and_the_buttons_are_there_when_they_are_wanted(
    lingocast: Lingocast, open_page: OpenPage
) -> None:
    async with lingocast.talk(source_language="en") as talk:
        page = await projected(open_page, talk.session_id, "?lang=es")
        shown = "Number(getComputedStyle(document.querySelector('#bar')).opacity)"
        cursor = "getComputedStyle(document.querySelector('#stage')).cursor"
        assert await page.evaluate(shown) == 0
        assert await page.evaluate(cursor) == "none"
        await page.mouse.move(300, 300)
        await until(lambda: page.evaluate(f"{shown} === 1 && {cursor} !== 'none'"), "the buttons")
        size = "parseFloat(getComputedStyle(document.querySelector('#stage')).fontSize)"
        before = await page.evaluate(size)
        await page.click("[aria-label='Larger text']")
        assert await page.evaluate(size) > before
        await page.keyboard.press("-")
        await page.keyboard.press("-")
        assert await page.evaluate(size) < before
        await page.mouse.move(301, 301)
        await until(lambda: page.evaluate(f"{cursor} === 'none'"), "rest")
        await page.keyboard.press("f")
        await until(lambda: page.evaluate("document.fullscreenElement !== null"), "full screen")
        await page.mouse.click(500, 500)
        await until(lambda: page.evaluate("document.fullscreenElement === null"), "a window")
