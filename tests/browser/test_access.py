"""The pages are for all: whatever state they are in, nothing keeps out who sees, hears or moves in another way.

Every scene is looked at with axe in light and dark, on a phone and on a large screen, then by keyboard, in a narrow
window, enlarged, and in the system's own colours.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from functools import cache
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page

from tests.browser.chromium import Browsers
from tests.browser.scenes import SCENES, Place, Scene
from tests.browser.stage import Lingocast
from tests.browser.visiting import Visitors
from tests.browser.watching import Watch
from tests.web.fetch import AXE

WIDTHS = {"phone": (390, 844), "desktop": (1280, 800)}
NARROW = ((320, 640), (640, 400))
"""What 1280×800 is enlarged by 400 % (WCAG 1.4.10) and by 200 %."""

_AXE = """async (contrastOnly) => {
  const only = contrastOnly
    ? { type: "rule", values: ["color-contrast"] }
    : { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] };
  const { violations } = await axe.run(document, { runOnly: only, resultTypes: ["violations"], elementRef: true });
  // A letter as a sign, such as A+ for larger letters, is nothing that anybody would say to their device.
  const sign = (id, { element }) => id === "label-content-name-mismatch" && !/\\p{L}{2}/u.test(element.textContent);
  const why = (checks) => checks.map(({ message }) => message).join("; ");
  const told = ({ target, html, any }) => `${target} ${html.slice(0, 120)} ${why(any)}`;
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.filter((node) => !sign(id, node)).map((node) => `${id}: ${told(node)}`));
}"""

_AT_REST = """async () => {
  await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  const ending = document.getAnimations().filter(({ effect }) => effect.getComputedTiming().iterations !== Infinity);
  await Promise.allSettled(ending.map(({ finished }) => finished));
}"""

_REACHABLE = """() => {
  const open = document.querySelector("dialog[open]") ?? document;
  const radios = new Set();
  const found = [];
  const wanted = "a[href], button, input, select, textarea, summary, audio[controls], [tabindex='0']";
  for (const element of open.querySelectorAll(wanted)) {
    if (element.disabled || element.closest("fieldset[disabled], [inert]") || element.type === "hidden") continue;
    if (element.tabIndex < 0 || !element.checkVisibility({ visibilityProperty: true })) continue;
    const group = element.type === "radio" && element.name;
    if (group && radios.has(group)) continue;
    if (group) radios.add(group);
    found.push(element);
  }
  window.__wanted = found;
  window.__told = ({ tagName, dataset, id, textContent }) =>
    `${tagName.toLowerCase()} ${dataset.part ?? id} ${textContent.trim().slice(0, 30)}`;
  return found.length;
}"""

_FOCUSED = """() => {
  const element = document.activeElement;
  if (!element || element === document.body) return { at: -1 };
  const { type, name } = element;
  const same = (other) => other === element || (type === "radio" && other.type === "radio" && other.name === name);
  const shown = [element];
  if (type === "radio" || type === "checkbox") shown.push(element.closest("label"));
  const seen = shown.filter(Boolean).some((each) => {
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(each);
    return (outlineStyle !== "none" && parseFloat(outlineWidth) > 0) || boxShadow !== "none";
  });
  const { bottom, right, top, left } = element.getBoundingClientRect();
  const inside = bottom > 0 && right > 0 && top < innerHeight && left < innerWidth;
  return { at: window.__wanted.findIndex(same), seen, inside, told: window.__told(element) };
}"""

_STILL_THERE = """(numbers) => numbers
  .map((number) => window.__wanted[number])
  .filter((element) => element.checkVisibility({ visibilityProperty: true }) && !element.disabled)
  .map(window.__told)"""
"""A page that lives takes away what has become useless, such as what plays, once the last word has been said."""

_WIDER = """() => {
  const { scrollWidth, clientWidth } = document.scrollingElement;
  if (scrollWidth <= clientWidth) return [];
  return [...document.querySelectorAll("body *")]
    .filter((element) => element.checkVisibility() && element.getBoundingClientRect().right > clientWidth + 1)
    .slice(0, 5)
    .map((element) => `${element.tagName.toLowerCase()} ${element.dataset.part ?? element.className}`);
}"""

_WITHOUT_EDGE = """() => {
  const open = document.querySelector("dialog[open]") ?? document;
  const drawn = "[type=radio], [type=checkbox], [type=range], [type=file]";
  return [...open.querySelectorAll("button, input, select, textarea")]
    .filter((element) => element.checkVisibility({ visibilityProperty: true }) && !element.matches(drawn))
    .filter((element) => {
      const { borderTopStyle, borderTopWidth } = getComputedStyle(element);
      return borderTopStyle === "none" || parseFloat(borderTopWidth) === 0;
    })
    .map((element) => element.dataset.part || element.id || element.textContent.trim());
}"""


@pytest_asyncio.fixture(loop_scope="session")
async def place(lingocast: Lingocast, browsers: Browsers, watch: Watch) -> AsyncIterator[Place]:
    visitors = Visitors(lingocast, browsers, watch)
    async with lingocast.talk() as talk, talk.going_on(), AsyncExitStack() as stack:
        options = {"device": "desktop", "reduced_motion": "reduce"}
        yield Place(lingocast, talk, visitors, watch, options, stack=stack)
        await visitors.leave()
    watch.check()


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
async def test_nothing_serious_keeps_anybody_out(place: Place, scene: Scene) -> None:
    page = await scene.reach(place)
    await page.evaluate(axe())
    wrong = []
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)
        for device, (width, height) in WIDTHS.items():
            await page.set_viewport_size({"width": width, "height": height})
            await page.evaluate(_AT_REST)
            # What a page says and how it is built is the same in all; only colours are not.
            found = await page.evaluate(_AXE, (scheme, device) != ("light", "phone"))
            wrong += [f"{scheme}, {device}: {each}" for each in found]
    await page.emulate_media(color_scheme="light")
    wrong += await by_keyboard(page)
    wrong += await in_narrow_windows(page)
    wrong += await in_forced_colours(page)
    assert wrong == [], "\n".join(["", *wrong])


async def by_keyboard(page: Page) -> Sequence[str]:
    """Every control has its turn with Tab, is in view then, and shows that it is its turn."""
    count = await page.evaluate(_REACHABLE)
    reached: set[int] = set()
    wrong = []
    for _ in range(2 * count + 4):
        await page.keyboard.press("Tab")
        focused: dict[str, Any] = await page.evaluate(_FOCUSED)
        if focused["at"] in reached and len(reached) == count:
            break
        if focused["at"] >= 0 and focused["at"] not in reached:
            reached.add(focused["at"])
            if not focused["seen"]:
                wrong.append(f"keyboard: nothing shows that the focus is at: {focused['told']}")
            if not focused["inside"]:
                wrong.append(f"keyboard: the focus is out of sight at: {focused['told']}")
    missed = await page.evaluate(_STILL_THERE, sorted(set(range(count)) - reached))
    return [*wrong, *(f"keyboard: never reached: {each}" for each in missed)]


async def in_narrow_windows(page: Page) -> Sequence[str]:
    """Nothing needs to be scrolled sideways."""
    wrong = []
    for width, height in NARROW:
        await page.set_viewport_size({"width": width, "height": height})
        wrong += [f"{width} px: wider than the window: {each}" for each in await page.evaluate(_WIDER)]
    return wrong


async def in_forced_colours(page: Page) -> Sequence[str]:
    """Where the system takes all colours away, what can be pressed or filled in still has an edge."""
    await page.emulate_media(forced_colors="active")
    return [f"forced colours: no edge around: {each}" for each in await page.evaluate(_WITHOUT_EDGE)]


@cache
def axe() -> str:
    """axe-core. Fails the test where it was not fetched."""
    assert AXE.exists(), "axe-core is not there; run: make web-tools"
    return AXE.read_text("utf-8")
