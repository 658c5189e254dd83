"""The listener's page in a browser: from a link to a talk that is heard and read, and to its end.

The speaker is a program whose noise the scripted recogniser takes for words. The scripted voice is a tone whose pitch
tells the language, so what a page plays says by itself in which language it was.
"""

import asyncio
import re
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import numpy as np
from playwright.async_api import Locator, Page, expect

from edge.client import CueEnd, Listener
from synthesis_svc.engines.scripted import frequency
from tests.browser.conftest import OpenPage, Start
from tests.browser.hearing import Heard, hear
from tests.browser.stage import Lingocast, Talk
from tests.browser.waiting import until
from tests.browser.watching import Watch
from tests.e2e.talks import Received, noise, silence
from tests.fakes.cable import cable

SHORT = noise(1.5) + silence(0.6)
"""Sentences that come sooner than the usual ones, where what counts is that another has come."""
LOST = r"WebSocket|ERR_CONNECTION|Failed to load resource"
"""What Chromium says on the console of a connection that was lost."""


def piece(page: Page, name: str) -> Locator:
    """The element that the page's own scripts know by this name."""
    return page.locator(f'[data-part="{name}"]')


def captions(page: Page) -> Locator:
    """What is read."""
    return piece(page, "captions").locator(".captions-talk")


async def true_in(page: Page, script: str) -> None:
    """Waits until it is. (Playwright's own way needs what the page's policy forbids.)"""
    await until(lambda: page.evaluate(script), script)


async def stands(page: Page, standing: str) -> None:
    """Waits until the line says so: live, paused, speakerPaused …"""
    await expect(piece(page, "standing")).to_have_attribute("data-standing", standing)


async def listening(open_page: OpenPage, talk: Talk, language: str = "es", **options: object) -> Page:
    """Somebody whose phone speaks that language, after their one tap."""
    page = await open_page(f"/s/{talk.session_id}", locale=language, **options)  # type: ignore[arg-type]
    await piece(page, "listen").click()
    await expect(piece(page, "pause")).to_be_visible()
    return page


def language_of(heard: Heard, start: float, end: float, languages: Sequence[str] = ("es", "pt", "fr")) -> str:
    """Whose tone sounds between two times."""
    part = heard.samples[round(start * heard.rate) : round(end * heard.rate)]
    strength = np.abs(np.fft.rfft(part * np.hanning(part.size)))
    pitch = float(np.argmax(strength)) * heard.rate / part.size
    return min(languages, key=lambda language: abs(frequency(language) - pitch))


def by_language(heard: Heard) -> list[str]:
    """The language of each tenth of a second in which something is heard."""
    return [
        language_of(heard, start + step * 0.1, start + (step + 1) * 0.1)
        for start, end in heard.stretches(join_seconds=0.0)
        for step in range(int((end - start) / 0.1))
    ]


async def test_one_tap_and_two_people_read_and_hear_each_their_own_language(
    lingocast: Lingocast, open_page: OpenPage
) -> None:
    async with lingocast.talk(speech=SHORT) as talk:
        spanish = await open_page(f"/s/{talk.session_id}", locale="es-MX")
        await expect(spanish.locator("h1").first).to_have_text(talk.session_id)
        await expect(piece(spanish, "language")).to_have_value("es")
        await expect(piece(spanish, "listen")).to_have_text("Escuchar")
        await piece(spanish, "listen").click()
        portuguese = await listening(open_page, talk, "pt-BR")
        async with talk.going_on():
            heard = [await hear(page) for page in (spanish, portuguese)]
            await expect(captions(spanish)).to_contain_text("[es] Welcome")
            await expect(captions(portuguese)).to_contain_text("[pt] Welcome")
            for recording in heard:
                await recording.until(lambda so_far: so_far.audible_seconds > 1)
        assert [set(by_language(recording)) for recording in heard] == [{"es"}, {"pt"}]
        await stands(spanish, "live")


async def test_another_language_begins_when_the_cue_under_way_has_ended(
    lingocast: Lingocast, open_page: OpenPage
) -> None:
    async with lingocast.talk() as talk, AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        beside = await stack.enter_async_context(Listener.open(lingocast.url, talk.session_id, "es"))
        received = Received()
        tasks.create_task(received.read(beside))
        page = await listening(open_page, talk)
        async with talk.going_on():
            heard = await hear(page)
            await heard.until(lambda so_far: so_far.audible_seconds > 0.4)
            await piece(page, "hall-language").select_option("pt")
            await expect(captions(page)).to_contain_text("[pt]")
            await heard.until(lambda so_far: by_language(so_far).count("pt") > 8)
        languages = by_language(heard)
        first = languages.index("pt")
        assert set(languages[:first]) == {"es"}
        assert set(languages[first:]) == {"pt"}
        # Cues of the old language were heard whole, each: what was heard is as long as some of them together.
        whole = np.cumsum([end.duration_ms / 1000 for end in received.of(CueEnd)])
        turn = next(
            start
            for begin, end in heard.stretches(join_seconds=0.0)
            for start in np.arange(begin, end - 0.1, 0.02)
            if language_of(heard, start, start + 0.1) == "pt"
        )
        old = np.count_nonzero(heard.audible()[: round(turn / 0.02)]) * 0.02
        assert np.min(np.abs(whole - old)) < 0.15
        await talk.end()


async def test_a_pause_keeps_what_comes_and_skipping_leads_back_and_mute_hides_it(
    lingocast: Lingocast, open_page: OpenPage
) -> None:
    async def pausing(talk: Talk) -> None:
        page = await listening(open_page, talk)
        heard = await hear(page)
        await heard.until(lambda so_far: so_far.audible_seconds > 0.3)
        await piece(page, "pause").click()
        await stands(page, "paused")
        playing = piece(page, "playing")

        async def waiting() -> bool:
            return float(await playing.get_attribute("data-behind") or 0) > 3.5

        await until(waiting, "the sound that waits in a pause")
        await expect(piece(page, "live")).to_be_visible()
        await piece(page, "live").click()
        await stands(page, "live")
        await expect(piece(page, "behind")).to_be_hidden()
        before = heard.audible_seconds
        await heard.until(lambda so_far: so_far.audible_seconds > before + 0.3)

    async def muting(talk: Talk) -> None:
        page = await listening(open_page, talk)
        heard = await hear(page)
        await heard.until(lambda so_far: so_far.audible_seconds > 0.3)
        await piece(page, "mute").click()
        await expect(piece(page, "mute")).to_have_attribute("aria-pressed", "true")
        await heard.take()
        muted_at = len(heard.samples) + heard.rate // 2
        count = await captions(page).locator(".segment").count()
        await expect(captions(page).locator(".segment").nth(count + 1)).to_be_visible()
        await heard.take()
        assert np.abs(heard.samples[muted_at:]).max(initial=0) < 0.01
        before = heard.audible_seconds
        await piece(page, "mute").click()
        await heard.until(lambda so_far: so_far.audible_seconds > before + 0.3)

    async with lingocast.talk(speech=SHORT) as talk, talk.going_on(), asyncio.TaskGroup() as tasks:
        tasks.create_task(pausing(talk))
        tasks.create_task(muting(talk))


async def test_a_wrong_pin_is_asked_for_again(lingocast: Lingocast, open_page: OpenPage) -> None:
    async with lingocast.talk(pin="2748") as talk:
        page = await open_page(f"/s/{talk.session_id}")
        await piece(page, "listen").click()
        await expect(piece(page, "pin-mistake")).to_have_text("Please type the PIN.")
        await expect(piece(page, "pin")).to_be_focused()
        await piece(page, "pin").fill("1111")
        await piece(page, "listen").click()
        await expect(piece(page, "pin-mistake")).to_contain_text("That is not the PIN")
        await expect(piece(page, "pin")).to_be_focused()
        await piece(page, "pin").fill("2748")
        await page.keyboard.press("Enter")
        await expect(piece(page, "hall")).to_be_visible()
        assert "2748" not in page.url


async def test_a_reload_goes_on_with_captions_at_once_and_sound_after_a_tap(
    lingocast: Lingocast, open_page: OpenPage
) -> None:
    async with lingocast.talk(pin="2748", speech=SHORT) as talk:
        page = await open_page(f"/s/{talk.session_id}", locale="es")
        await piece(page, "pin").fill("2748")
        await piece(page, "listen").click()
        async with talk.going_on():
            await expect(captions(page)).to_contain_text("[es] Welcome")
            await expect(captions(page).locator(".segment:not(.open)").first).to_be_visible()
            said = await captions(page).locator(".segment:not(.open)").first.inner_text()
            await page.reload()
            await expect(captions(page)).to_contain_text(said)
            await stands(page, "silent")
            count = await captions(page).locator(".segment").count()
            await expect(captions(page).locator(".segment").nth(count)).to_be_visible()
            await piece(page, "sound-on").click()
            heard = await hear(page)
            await heard.until(lambda so_far: so_far.audible_seconds > 0.5)
            await stands(page, "live")


async def test_what_the_speaker_does_is_shown_and_the_end_offers_the_text(
    lingocast: Lingocast, open_page: OpenPage, tmp_path: Path
) -> None:
    async with lingocast.talk(speech=SHORT) as talk:
        page = await listening(open_page, talk)
        await stands(page, "quiet")
        await talk.speaker.pause()
        await stands(page, "speakerPaused")
        await talk.speaker.resume()
        await stands(page, "quiet")
        await talk.say()
        await talk.speaker.mute()
        await stands(page, "muted")
        await talk.speaker.unmute()
        await stands(page, "live")
        await talk.end()
        await stands(page, "ended")
        await expect(piece(page, "over")).to_be_visible()
        finals = await captions(page).locator(".segment").all_inner_texts()
        await expect(piece(page, "pause")).to_be_hidden()
        await piece(page, "over-keep").click()
        for form in ("vtt", "srt", "txt"):
            async with page.expect_download() as download:
                await page.locator(f"[data-form={form}]").click()
            file = await download.value
            assert file.suggested_filename == f"{talk.session_id}.es.{form}"
            await file.save_as(tmp_path / form)
        vtt = (tmp_path / "vtt").read_text("utf-8")
        assert vtt.startswith("WEBVTT\n\n")
        times = re.findall(r"^(\d\d:\d\d:\d\d\.\d{3}) --> (\d\d:\d\d:\d\d\.\d{3})$", vtt, re.MULTILINE)
        assert times
        assert all(start < end for start, end in times)
        for text in finals:
            assert text.strip() in (tmp_path / "txt").read_text("utf-8")
            assert text.strip() in " ".join(re.sub(r"^.* --> .*$", "", vtt, flags=re.MULTILINE).split())


async def test_a_lost_connection_is_told_and_mended(lingocast: Lingocast, open_page: OpenPage, watch: Watch) -> None:
    watch.allow(LOST)
    async with lingocast.talk(speech=SHORT) as talk, cable(lingocast.url) as wire:
        page = await listening(open_page, talk, at=wire)
        async with talk.going_on():
            await stands(page, "live")
            wire.pull()
            await stands(page, "waiting")
            await expect(piece(page, "retry")).to_be_visible()
            wire.plug()
            await piece(page, "retry").click()
            await stands(page, "live")
            heard = await hear(page)
            await heard.until(lambda so_far: so_far.audible_seconds > 0.5)


async def test_an_edge_that_is_started_again_is_found_again(
    lingocast: Lingocast, open_page: OpenPage, watch: Watch
) -> None:
    watch.allow(LOST)
    async with lingocast.talk(speech=SHORT) as talk:
        page = await listening(open_page, talk)
        async with talk.going_on():
            await stands(page, "live")
            await lingocast.kill("edge")
            count = await captions(page).locator(".segment").count()
            await expect(captions(page).locator(".segment").nth(count)).to_be_visible()
            await stands(page, "live")


async def test_a_full_session_is_told_and_tried_again(start: Start, open_page: OpenPage) -> None:
    full = await start({"SESSION_CAPACITY": "1"})
    async with full.talk() as talk:
        async with Listener.open(full.url, talk.session_id, "es"):
            page = await open_page(f"/s/{talk.session_id}", at=full)
            await piece(page, "listen").click()
            await stands(page, "because")
            await expect(piece(page, "standing-words")).to_contain_text("The session is full. Next try in")
        await piece(page, "retry").click()
        await stands(page, "quiet")
        await page.close()  # So that the edge has nobody to wait for.


async def test_a_session_that_is_not_there_is_told_by_the_page(open_page: OpenPage, watch: Watch) -> None:
    watch.allow(r"404")
    page = await open_page("/s/faithful-shepherd-999")
    await expect(page.locator("h1")).to_have_text("There is no such session now")
    await expect(piece(page, "listen")).to_have_count(0)


async def test_all_can_be_done_with_keys_alone(lingocast: Lingocast, open_page: OpenPage) -> None:
    async with lingocast.talk() as talk:
        page = await open_page(f"/s/{talk.session_id}", device="desktop", locale="es")
        await expect(piece(page, "listen")).to_be_enabled()
        await page.keyboard.press("Tab")
        await expect(piece(page, "language")).to_be_focused()
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(piece(page, "hall-title")).to_be_focused()
        await expect(piece(page, "pause")).to_be_visible()
        await page.keyboard.press("Space")
        await stands(page, "paused")
        await page.keyboard.press("Space")
        await stands(page, "quiet")
        await page.keyboard.press("m")
        await expect(piece(page, "mute")).to_have_attribute("aria-pressed", "true")
        await page.keyboard.press("+")
        assert await page.evaluate("document.documentElement.style.getPropertyValue('--listen-size')") == "1.25"
        # On a button Space is the button's.
        await piece(page, "open-settings").focus()
        await page.keyboard.press("Space")
        await expect(piece(page, "settings")).to_be_visible()
        await expect(piece(page, "keys")).to_contain_text("Pausa")
        await piece(page, "use-keys").focus()
        await page.keyboard.press("Space")
        await page.keyboard.press("Escape")
        await expect(piece(page, "open-settings")).to_be_focused()
        await page.keyboard.press("m")
        await expect(piece(page, "mute")).to_have_attribute("aria-pressed", "true")


async def test_settings_are_kept_on_the_device_until_they_are_reset(lingocast: Lingocast, open_page: OpenPage) -> None:
    async with lingocast.talk() as talk:
        page = await listening(open_page, talk)
        await piece(page, "open-settings").click()
        await piece(page, "larger").click()
        await piece(page, "contrast").check()
        await piece(page, "source").check()
        await piece(page, "interface").select_option("de")
        await expect(piece(page, "settings").locator("h2")).to_have_text("Einstellungen")
        again = await open_page(f"/s/{talk.session_id}", context=page.context)
        await expect(piece(again, "listen")).to_have_text("Zuhören")
        assert await again.evaluate("document.documentElement.dataset.contrast") == "more"
        await piece(again, "listen").click()
        async with talk.going_on():
            await expect(piece(again, "original-captions")).to_contain_text("Welcome")
            await expect(piece(page, "original-captions")).to_contain_text("Welcome")
        await piece(page, "reset").click()
        await expect(piece(page, "contrast")).not_to_be_checked()
        await expect(piece(page, "original")).to_be_hidden()
        await expect(piece(page, "settings").locator("h2")).to_have_text("Ajustes")
        chosen = await page.evaluate("JSON.parse(localStorage.getItem('lingocast.listen') ?? '{}')")
        assert "contrast" not in chosen
        assert "size" not in chosen


async def test_captions_alone_ask_for_no_sound_until_it_is_wanted(
    lingocast: Lingocast, open_page: OpenPage, watch: Watch
) -> None:
    async with lingocast.talk(speech=SHORT) as talk:
        page = await open_page(f"/s/{talk.session_id}", locale="es")
        await page.locator("summary").click()
        await page.locator("[data-part=start-sound] [value=off]").check()
        await expect(piece(page, "listen")).to_have_text("Leer los subtítulos")
        await piece(page, "listen").click()
        await expect(piece(page, "sound-on")).to_be_visible()
        assert "audio=off" in watch.sockets[-1]
        await piece(page, "sound-on").click()
        async with talk.going_on():
            heard = await hear(page)
            await heard.until(lambda so_far: so_far.audible_seconds > 0.5)
        assert "action=refreshConnection" in watch.sockets[-1]


async def test_the_plain_stream_is_heard_where_it_is_chosen_and_where_there_is_no_web_audio(
    lingocast: Lingocast, open_page: OpenPage
) -> None:
    async def without(talk: Talk) -> None:
        page = await open_page(None, locale="es")
        await page.add_init_script("delete globalThis.AudioContext")
        await page.goto(f"/s/{talk.session_id}")
        await piece(page, "listen").click()
        await expect(captions(page)).to_contain_text("[es] Welcome")
        heard = await hear(page)
        await heard.until(lambda so_far: so_far.audible_seconds > 0.5)
        assert "/listen/" in await page.evaluate("document.querySelector('audio').currentSrc")
        # That another language has come is seen by its captions: no cue comes by this way.
        await piece(page, "hall-language").select_option("pt")
        await expect(captions(page)).to_contain_text("[pt]")
        await stands(page, "live")
        # Who has paused hears nothing by reading another language.
        await piece(page, "pause").click()
        await piece(page, "hall-language").select_option("fr")
        await expect(captions(page)).to_contain_text("[fr]")
        assert await page.evaluate("document.querySelector('audio').paused")
        await piece(page, "pause").click()
        await true_in(page, "document.querySelector('audio').currentSrc.includes('/fr')")

    async def chosen(talk: Talk) -> None:
        page = await listening(open_page, talk)
        await piece(page, "open-settings").click()
        await piece(page, "settings").locator("[value=stream]").check()
        await true_in(page, "document.querySelector('audio').currentSrc.includes('/listen/')")
        await piece(page, "settings").get_by_role("button", name="Cerrar").click()
        await piece(page, "hall-language").select_option("pt")
        await true_in(page, "document.querySelector('audio').currentSrc.includes('/pt')")
        await expect(captions(page)).to_contain_text("[pt] Welcome")
        await piece(page, "open-settings").click()
        await piece(page, "settings").locator("[value=voice]").check()
        await true_in(page, "document.querySelector('audio').srcObject !== null")

    async with lingocast.talk() as talk, talk.going_on(), asyncio.TaskGroup() as tasks:
        tasks.create_task(without(talk))
        tasks.create_task(chosen(talk))


async def test_who_looks_again_learns_at_once_whether_they_are_still_connected(
    lingocast: Lingocast, open_page: OpenPage
) -> None:
    async with lingocast.talk() as talk:
        page = await open_page(None)
        said: list[str] = []

        def sent(frame: str | bytes) -> None:
            said.append(str(frame))

        page.on("websocket", lambda socket: socket.on("framesent", sent))
        await page.goto(f"/s/{talk.session_id}")
        await piece(page, "listen").click()
        await stands(page, "quiet")
        # As a phone that is unlocked; by itself it would ask after 30 s.
        await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

        async def asked() -> bool:
            return any("heartbeat" in each for each in said)

        await until(asked, "a heartbeat", seconds=20)


async def test_nothing_is_wider_than_a_small_phone(lingocast: Lingocast, open_page: OpenPage, watch: Watch) -> None:
    async def fits(page: Page) -> None:
        width, room, high = await page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.clientWidth,"
            " document.querySelector('[data-part=controls]').offsetHeight]"
        )
        assert width <= room
        assert high < 320, "the controls leave too little of the captions"

    watch.allow(LOST)
    async with lingocast.talk() as talk, cable(lingocast.url) as wire:
        page = await open_page(f"/s/{talk.session_id}", at=wire, device="small", locale="de")
        await fits(page)
        await piece(page, "listen").click()
        await piece(page, "pause").click()
        await stands(page, "paused")
        await fits(page)
        for name in ("settings", "share", "keep"):
            await piece(page, f"open-{name}").click()
            await expect(piece(page, name)).to_be_visible()
            await fits(page)
            await page.keyboard.press("Escape")
        wire.pull()
        await stands(page, "waiting")
        await fits(page)
