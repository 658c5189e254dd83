"""Captions on a page (edge/web/captions): they stay where they are, are told once, and never become too many."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.async_api import Page

from edge.client.webvtt import webvtt
from tests.browser.conftest import OpenPage
from tests.browser.waiting import until

Caption = dict[str, Any]

FRAME = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Captions</title>
<link rel="stylesheet" href="/web/-/style.css"></head>
<body><main><h1>Captions</h1><div id="captions"></div></main></body></html>"""
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'"
VIEW = """async (options) => {
  const [{ CaptionView }, { Transcript }] = await Promise.all(
    ["view", "transcript"].map((name) => import(`/web/-/captions/${name}.js`)));
  const element = document.querySelector("#captions");
  Object.assign(element.style, { blockSize: "20rem", inlineSize: "22rem" });
  window.transcript = new Transcript();
  window.view = new CaptionView(element, { transcript: window.transcript, label: "Captions", ...options });
  window.follows = [];
  window.view.on("follow", (follow) => window.follows.push(follow));
  window.show = (...captions) => {
    for (const caption of captions) window.view.show(window.transcript.receive(caption));
  };
  window.settled = async () => {
    const lines = document.querySelector(".captions-lines");
    for (let before = -1, same = 0; same < 10; ) {
      await new Promise(requestAnimationFrame);
      same = lines.scrollTop === before ? same + 1 : 0;
      before = lines.scrollTop;
    }
  };
}"""
TOPS = """() => [...document.querySelectorAll(".segment")].map((each) => {
  const { left, top } = each.getClientRects()[0];
  return [Math.round(left), Math.round(top)];
})"""
SAID = "[...document.querySelectorAll('[role=log] > *')].map((each) => each.textContent)"


def caption(segment: int, text: str, *, final: bool = True, stable: int = 0, language: str = "es") -> Caption:
    begins = segment * 1_000
    return {
        "segmentId": segment,
        "text": text,
        "stableChars": stable,
        "isFinal": final,
        "startMs": begins,
        "endMs": begins + 900,
        "language": language,
    }


async def captions_page(open_page: OpenPage, *, device: str = "phone", **options: Any) -> Page:
    """A page of our origin and our look with one view and nothing else; calm, so that positions can be measured."""
    page = await open_page(None, device=device, reduced_motion="reduce")
    await page.route(
        "**/captions",
        lambda route: route.fulfill(body=FRAME, content_type="text/html", headers={"Content-Security-Policy": POLICY}),
    )
    await page.goto("/captions")
    await page.evaluate(VIEW, options)
    return page


async def show(page: Page, *captions: Caption) -> None:
    await page.evaluate("(captions) => window.show(...captions)", list(captions))
    await page.evaluate("window.settled()")


async def shown(page: Page) -> str:
    return " ".join((await page.inner_text(".captions-talk")).split())


async def test_what_was_said_stays_in_its_place_while_the_next_words_grow_and_shrink(open_page: OpenPage) -> None:
    page = await captions_page(open_page)
    await show(page, *[caption(each, f"Sentence {each} is finished.") for each in range(1, 30)])
    words = ["and", "what", "is", "being", "said", "now", "goes", "on", "for", "some", "lines,", "as", "speakers", "do"]
    texts = [" ".join(words[:count]) for count in (*range(1, 15), 9, 13, 3, 14, 1)]
    # As tall as it will be; from there on it may shrink and grow.
    await show(page, caption(30, " ".join(words), final=False))
    before = await page.evaluate(TOPS)
    for text in texts:
        await show(page, caption(30, text, final=False))
        assert await page.evaluate(TOPS) == before, text
    await show(page, caption(30, "", final=False))
    assert await page.evaluate(TOPS) == before[:-1]
    await show(page, caption(30, "and so on."))
    assert await page.evaluate(TOPS) == before


async def test_only_the_words_that_may_change_are_dimmed(open_page: OpenPage) -> None:
    page = await captions_page(open_page)
    # The server counts characters, of which the first two are two units each in a browser.
    await show(page, caption(1, "𝔄𝔅 bueno quizás", final=False, stable=8))
    assert await page.inner_text(".segment .stable") == "𝔄𝔅 bueno"
    assert await page.text_content(".segment .tail") == " quizás"
    colours = "[...document.querySelectorAll('.segment > span')].map((each) => getComputedStyle(each).color)"
    stable, tail = await page.evaluate(colours)
    assert stable != tail
    await show(page, caption(1, "𝔄𝔅 bueno quizá."))
    assert await page.inner_text(".segment .stable") == "𝔄𝔅 bueno quizá."
    assert await page.text_content(".segment .tail") == ""


async def test_a_partial_that_will_not_be_finished_is_not_dimmed_for_ever(open_page: OpenPage) -> None:
    page = await captions_page(open_page)
    await show(page, caption(1, "Uno y", final=False), caption(4, "Cuatro.", final=True))
    assert await page.locator(".segment.open").count() == 0
    assert await shown(page) == "Uno y Cuatro."


async def test_a_screen_reader_is_told_finals_once_and_not_all_at_once(open_page: OpenPage) -> None:
    page = await captions_page(open_page)
    assert await page.get_attribute("[role=log]", "aria-live") == "polite"
    await page.evaluate(
        """() => {
          window.told = [];
          const log = document.querySelector("[role=log]");
          new MutationObserver((changes) => {
            const added = changes.flatMap(({ addedNodes }) => [...addedNodes].map((node) => node.textContent));
            if (added.length) window.told.push(added);
          }).observe(log, { childList: true, subtree: true, characterData: true });
        }"""
    )
    await show(page, caption(1, "Uno y d", final=False), caption(1, "Uno y dos", final=False), caption(1, "Uno y dos."))
    await show(page, caption(1, "Uno y 2."), caption(2, "Tre", final=False))
    await until(lambda: page.evaluate("window.told.length"), "the first final")
    # As after a gap in the connection.
    await show(page, *[caption(each, f"Número {each}.") for each in range(2, 60)])
    await until(lambda: page.evaluate("window.told.length > 1"), "the finals after it")
    assert await page.evaluate("window.told") == [["Uno y dos."], [f"Número {each}." for each in range(56, 60)]]
    assert await page.evaluate(SAID) == ["Uno y dos.", *(f"Número {each}." for each in range(56, 60))]
    hidden = "document.querySelector('.captions-lines').closest('[aria-live]') === null"
    assert await page.evaluate(hidden), "what is seen is no live region"


async def test_a_language_that_runs_the_other_way_does_so_inside_this_page(open_page: OpenPage) -> None:
    page = await captions_page(open_page)
    await show(
        page, caption(1, "Bien."), caption(2, "في البدء كان الكلمة.", language="ar"), caption(3, "Bon.", language="fr")
    )
    paragraphs = (
        "[...document.querySelectorAll('.paragraph')].map((each) => [each.lang, each.dir, each.textContent.trim()])"
    )
    assert await page.evaluate(paragraphs) == [
        ["es", "ltr", "Bien."],
        ["ar", "rtl", "في البدء كان الكلمة."],
        ["fr", "ltr", "Bon."],
    ]
    edges = await page.evaluate(
        """() => {
          const inside = document.querySelector(".captions-talk").getBoundingClientRect();
          return [...document.querySelectorAll(".segment .stable")].map((each) => {
            const { left, right } = each.getBoundingClientRect();
            return [left - inside.left, inside.right - right].map(Math.round);
          });
        }"""
    )
    assert edges[0][0] <= 1 < edges[0][1], "Spanish begins at the left"
    assert edges[1][1] <= 1 < edges[1][0], "Arabic begins at the right"


async def test_a_segment_that_goes_on_in_another_language_begins_anew(open_page: OpenPage) -> None:
    page = await captions_page(open_page)
    await show(page, caption(1, "Bien."), caption(2, "Y lueg", final=False), caption(2, "Et puis.", language="fr"))
    paragraphs = await page.locator(".paragraph").all_text_contents()
    assert [each.strip() for each in paragraphs] == ["Bien.", "Et puis."]
    assert await page.get_attribute(".paragraph:last-child", "lang") == "fr"


async def test_a_late_segment_takes_its_place(open_page: OpenPage) -> None:
    page = await captions_page(open_page)
    await show(page, *[caption(each, f"{each}.") for each in (2, 5, 3, 4, 1)])
    assert await shown(page) == "1. 2. 3. 4. 5."


async def test_who_scrolls_back_is_left_in_peace_until_they_jump(open_page: OpenPage) -> None:
    page = await captions_page(open_page, device="desktop")
    await show(page, *[caption(each, f"Sentence {each} is finished, and it is long.") for each in range(1, 40)])
    at_end = """() => {
      const { scrollTop, scrollHeight, clientHeight } = document.querySelector(".captions-lines");
      return scrollHeight - clientHeight - scrollTop < 2;
    }"""
    assert await page.evaluate(at_end)
    await page.hover(".captions-lines")
    await page.mouse.wheel(0, -300)
    await until(lambda: page.evaluate("!window.view.following"), "the end of following")
    await page.evaluate("window.settled()")
    before = await page.evaluate(TOPS)
    more = [caption(each, f"Sentence {each} came meanwhile.") for each in range(40, 60)]
    await show(page, *more)
    assert (await page.evaluate(TOPS))[: len(before)] == before
    assert (await page.evaluate("window.follows"))[-1] == {"following": False, "missed": 20}
    await page.evaluate("window.view.jumpToNow()")
    await page.evaluate("window.settled()")
    assert await page.evaluate(at_end)
    assert (await page.evaluate("window.follows"))[-1] == {"following": True, "missed": 0}


async def test_larger_text_leaves_the_view_at_the_end(open_page: OpenPage) -> None:
    page = await captions_page(open_page)
    await show(page, *[caption(each, f"Sentence {each} is finished.") for each in range(1, 30)])
    rest = """() => {
      const { scrollTop, scrollHeight, clientHeight } = document.querySelector(".captions-lines");
      return scrollHeight - clientHeight - scrollTop;
    }"""
    heights = []
    for size in ("3rem", "1rem"):
        await page.evaluate("(size) => { document.querySelector('#captions').style.fontSize = size; }", size)
        await until(lambda: page.evaluate(f"({rest})() < 2"), "the end")
        await page.evaluate("window.settled()")
        heights.append(await page.evaluate("document.querySelector('.captions-lines').scrollHeight"))
    assert heights[1] < heights[0] / 2, "no room is kept for letters that have become small"


async def test_five_thousand_segments_are_few_in_the_page_and_all_can_be_read(open_page: OpenPage) -> None:
    page = await captions_page(open_page, limit=100)
    for first in range(0, 5_000, 500):
        await show(page, *[caption(each, f"Sentence {each} is finished.") for each in range(first, first + 500)])
        assert await page.locator(".segment").count() < 200
    assert (await shown(page)).endswith("Sentence 4999 is finished.")
    earliest = "Number(document.querySelector('.segment').textContent.match(/\\d+/)[0])"
    seen = before = await page.evaluate(earliest)
    # A reader who goes back finds more and more, and what is read does not move away.
    while seen > before - 100:
        held = await page.evaluate(
            """() => {
              const lines = document.querySelector(".captions-lines");
              lines.scrollTop = Math.min(lines.scrollTop - 5, 40);
              const first = document.querySelector(".segment");
              window.held = first;
              return first.getBoundingClientRect().top;
            }"""
        )
        last = seen
        seen = await until(lambda: page.evaluate(f"(n) => {earliest} < n ? {earliest} : 0", last), "earlier segments")  # noqa: B023
        assert await page.evaluate("window.held.getBoundingClientRect().top") == pytest.approx(held, abs=1)
    assert await page.locator(".segment").count() < 400


async def test_reader_mode_shows_what_is_finished(open_page: OpenPage) -> None:
    page = await captions_page(open_page)
    await show(page, caption(1, "Uno."), caption(2, "Dos.", final=True), caption(3, "Tr", final=False))
    await page.evaluate("window.view.reader = true")
    assert await shown(page) == "Uno. Dos."
    await page.evaluate("window.view.reader = false")
    assert await shown(page) == "Uno. Dos. Tr"


async def test_a_text_is_text_whatever_it_says(open_page: OpenPage) -> None:
    page = await captions_page(open_page)
    await show(page, caption(1, "<img src=x onerror=alert(1)> & <b>bold</b>"))
    assert await shown(page) == "<img src=x onerror=alert(1)> & <b>bold</b>"


async def test_a_file_is_what_the_command_line_client_would_write(open_page: OpenPage) -> None:
    page = await captions_page(open_page)
    said = [caption(each, text) for each, text in enumerate(["En el principio…", "A & B <c>", "--> fin"], 1)]
    for each in said:
        each["endMs"] = each["startMs"] + 1_000
    await show(page, *said)
    written = await page.evaluate(
        "import('/web/-/captions/subtitles.js').then(({ toVtt }) => toVtt(transcript.segments))"
    )
    timed = [SimpleNamespace(text=each["text"], start_ms=each["startMs"], end_ms=each["endMs"]) for each in said]
    assert written == webvtt(timed)


async def test_a_file_is_saved_without_asking_the_server(open_page: OpenPage, tmp_path: Path) -> None:
    page = await captions_page(open_page)
    async with page.expect_download() as waiting:
        await page.evaluate(
            """import("/web/-/captions/save.js").then(({ fileName, save }) =>
              save(fileName("faithful-shepherd-427", "es", "vtt"), "text/vtt", "WEBVTT\\n\\nñ"))"""
        )
    download = await waiting.value
    assert download.suggested_filename == "faithful-shepherd-427.es.vtt"
    assert download.url.startswith("blob:")
    await download.save_as(tmp_path / "saved")
    assert (tmp_path / "saved").read_text("utf-8") == "WEBVTT\n\nñ"
