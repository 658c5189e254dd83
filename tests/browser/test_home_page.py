"""The first page, the page of what could not be shown, and what all pages have in common."""

import re
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.stage import Lingocast
from tests.browser.watching import Watch

PREFIX = "document.querySelector('link[rel=stylesheet]').href.replace(/style\\.css$/, '')"
NOT_FOUND = "the server responded with a status of 404"
"""What Chromium says on the console of any answer with that status."""


async def use(page: Page, module: str, script: str, argument: Any = None) -> Any:
    """Runs a script with a module of the pages: a function of the module and an argument."""
    run = f"async (given) => ({script})(await import({PREFIX} + '{module}'), given)"
    return await page.evaluate(run, argument)


async def test_a_name_as_it_is_read_out_leads_to_its_session(open_page: OpenPage, lingocast: Lingocast) -> None:
    async with lingocast.talk() as talk:
        page = await open_page("/", device="small")
        typed = f" {talk.session_id.upper().replace('-', ' ')} "
        await page.get_by_label("Name or link of the session").fill(typed)
        await page.get_by_role("button", name="Listen").click()
        await page.wait_for_url(f"**/s/{talk.session_id}")


async def test_a_link_pasted_with_what_was_around_it_leads_to_its_session(
    open_page: OpenPage, lingocast: Lingocast
) -> None:
    async with lingocast.talk() as talk:
        page = await open_page("/")
        field = page.get_by_label("Name or link of the session")
        await field.fill(f"Listen here: https://talks.example/s/{talk.session_id}?lang=es (today)")
        await field.press("Enter")
        await page.wait_for_url(f"**/s/{talk.session_id}")


async def test_a_wrong_name_is_told_where_it_can_be_mended(open_page: OpenPage, watch: Watch) -> None:
    watch.allow(NOT_FOUND)
    page = await open_page("/")
    field = page.get_by_label("Name or link of the session")
    message = page.get_by_role("alert")
    for typed, told in (
        ("", "Enter the name of the session first."),
        ("shepherd", "A name looks like faithful-shepherd-427"),
        ("patient ark 999", "There is no such session now."),
    ):
        await field.fill(typed)
        await expect(field).not_to_have_attribute("aria-invalid", "true")
        await field.press("Enter")
        await expect(message).to_contain_text(told)
        await expect(field).to_have_attribute("aria-invalid", "true")
        await expect(field).to_be_focused()
    assert page.url.endswith("/")


async def test_without_scripts_the_form_leads_to_the_session_all_the_same(
    open_page: OpenPage, lingocast: Lingocast
) -> None:
    async with lingocast.talk() as talk:
        page = await open_page("/", java_script_enabled=False)
        await page.get_by_label("Name or link of the session").fill(talk.session_id.replace("-", " "))
        await page.get_by_role("button", name="Listen").click()
        await expect(page).to_have_url(re.compile(f"/s/{talk.session_id}$"))


async def test_the_page_speaks_the_phones_language_until_another_is_chosen(open_page: OpenPage) -> None:
    page = await open_page("/", locale="pt-BR")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Cada palestra no seu idioma")
    await expect(page.locator("html")).to_have_attribute("lang", "pt")
    picker = page.get_by_label("Idioma desta página")
    await picker.select_option("Deutsch")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Jeder Vortrag in Ihrer Sprache")
    await expect(page.locator("html")).to_have_attribute("lang", "de")
    await page.reload()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Jeder Vortrag in Ihrer Sprache")
    await page.get_by_label("Sprache dieser Seite").select_option("")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Cada palestra no seu idioma")


async def test_languages_on_offer_are_called_what_their_speakers_call_them(open_page: OpenPage) -> None:
    page = await open_page("/")
    heard = page.locator("#heard")
    for code, name in (("es", "Español"), ("pt", "Português")):
        await expect(heard.locator(f"[lang={code}]")).to_have_text(name)


async def test_who_asked_for_no_session_is_told_in_their_language_and_can_correct_it(
    open_page: OpenPage, lingocast: Lingocast, watch: Watch
) -> None:
    watch.allow(NOT_FOUND)
    async with lingocast.talk() as talk:
        page = await open_page("/s/patient-ark-999", locale="es-MX")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Ahora no existe esa sesión")
        field = page.get_by_label("Nombre o enlace de la sesión")
        await expect(field).to_have_value("patient-ark-999")
        await field.fill(talk.session_id)
        await field.press("Enter")
        await page.wait_for_url(f"**/s/{talk.session_id}")


async def test_an_address_that_leads_nowhere_is_told_in_the_phones_language(open_page: OpenPage, watch: Watch) -> None:
    watch.allow(NOT_FOUND)
    page = await open_page("/nowhere/%E2%82%AC", locale="fr-FR")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Il n’y a rien ici")


@pytest.mark.parametrize("address", ["/", "/speak", "/s/{id}", "/s/{id}/screen?lang=es"])
async def test_a_page_knows_from_the_start_all_modules_that_it_will_need(
    open_page: OpenPage, lingocast: Lingocast, address: str
) -> None:
    async with lingocast.talk() as talk:
        page = await open_page(None, locale="fr-FR")
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        answer = await page.goto(address.format(id=talk.session_id))
        assert answer is not None
        named = set(re.findall(r'(?:src|href)="([^"]+\.js)"', await answer.text()))
        # The words come last of all.
        await page.locator("html[lang=fr]").wait_for()
    modules = {url.removeprefix(lingocast.url) for url in asked if url.endswith(".js")}
    assert {name for name in modules if name.endswith("/interface/words/common.fr.js")}
    assert modules <= named


async def test_a_question_is_answered_by_keyboard_and_gives_the_focus_back(open_page: OpenPage) -> None:
    page = await open_page("/")
    field = page.get_by_label("Name or link of the session")
    ask = "({ confirm }, danger) => { window.answer = confirm({ title: 'Sure?', text: 'Think.', danger }); }"
    for danger, key, answer in ((False, "Enter", True), (True, "Enter", False), (False, "Escape", False)):
        await field.focus()
        await use(page, "interface/dialog.js", ask, danger)
        dialog = page.get_by_role("dialog", name="Sure?")
        await expect(dialog).to_be_visible()
        await expect(dialog.get_by_role("button", name="Cancel" if danger else "OK")).to_be_focused()
        await page.keyboard.press(key)
        assert await page.evaluate("window.answer") is answer
        await expect(page.get_by_role("dialog")).to_have_count(0)
        await expect(field).to_be_focused()


async def test_a_tap_beside_a_question_leaves_it(open_page: OpenPage) -> None:
    page = await open_page("/")
    await use(page, "interface/dialog.js", "({ confirm }) => { window.answer = confirm({ title: 'Sure?' }); }")
    await page.get_by_role("dialog").get_by_role("heading").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.mouse.click(5, 5)
    assert await page.evaluate("window.answer") is False


async def test_what_is_announced_is_read_out_one_after_the_other_and_then_gone(open_page: OpenPage) -> None:
    page = await open_page("/")
    await page.clock.install()
    await page.clock.pause_at(await page.evaluate("Date.now() + 1000"))
    await use(
        page, "interface/announcer.js", "({ announce }) => ['one', 'one', 'two'].forEach((text) => announce(text))"
    )
    region = page.locator("[aria-live=polite]")
    for milliseconds, text in ((0, ""), (110, "one"), (1_300, "one"), (300, "two"), (9_000, "two"), (2_000, "")):
        await page.clock.run_for(milliseconds)
        assert await region.text_content() == text


async def test_the_screen_is_kept_on_again_when_the_page_is_seen_again(open_page: OpenPage) -> None:
    page = await open_page("/")
    # Chromium without a screen has no lock to give: one that counts stands in for the browser's.
    await page.evaluate(
        """() => {
          window.locks = [];
          const request = async () => {
            const lock = new EventTarget();
            lock.release = async () => lock.dispatchEvent(new Event("release"));
            lock.addEventListener("release", () => (lock.released = true));
            window.locks.push(lock);
            return lock;
          };
          Object.defineProperty(navigator, "wakeLock", { value: { request } });
          window.seen = (visible) => {
            Object.defineProperty(document, "visibilityState", { value: visible, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
          };
        }"""
    )
    held = "window.locks.map((lock) => !lock.released)"
    await use(page, "interface/wakelock.js", "({ keepAwake }) => { window.ends = [keepAwake(), keepAwake()]; }")
    await page.wait_for_function(f"{held}.join() === 'true'")
    # The browser takes it away itself.
    await page.evaluate("window.seen('hidden'); window.locks[0].release();")
    await page.evaluate("window.seen('visible')")
    await page.wait_for_function(f"{held}.join() === 'false,true'")
    await page.evaluate("window.ends[0](); window.ends[0]();")
    assert await page.evaluate(held) == [False, True]
    await page.evaluate("window.ends[1]()")
    assert await page.evaluate(held) == [False, False]
    await page.evaluate("window.seen('visible')")
    assert await page.evaluate("window.locks.length") == 2
