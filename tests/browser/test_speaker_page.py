"""The speaker page in a browser: from a link with a token to a talk, and to its end.

The microphone plays noise, which the scripted recogniser takes for words; what listeners get, a Python client checks.
"""

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.async_api import Dialog, Error, Locator, Page, Route, expect

from edge.client import (
    BroadcastMuted,
    BroadcastPaused,
    BroadcastResumed,
    BroadcastUnmuted,
    Listener,
    SessionEnded,
    VolumeChanged,
)
from tests.browser.chromium import Microphone, write_wav
from tests.browser.conftest import OpenPage
from tests.browser.stage import Lingocast
from tests.browser.waiting import until
from tests.browser.watching import Watch
from tests.e2e.talks import Received, noise, silence

EXPIRED = ".".join(
    base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
    for part in ({"alg": "RS256"}, {"sub": "speaker", "exp": 1_700_000_000}, "signature")
)
KEEP_TRACKS = """() => {
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wish) => {
    const stream = await ask(wish);
    window.tracks = stream.getTracks();
    return stream;
  };
}"""

COUNT_PLAYS = """() => {
  const play = HTMLMediaElement.prototype.play;
  window.plays = 0;
  HTMLMediaElement.prototype.play = function () {
    window.plays += 1;
    return play.call(this);
  };
}"""


def piece(page: Page, name: str) -> Locator:
    """The element that the page's own scripts know by this name."""
    return page.locator(f'[data-part="{name}"]')


def stage(page: Page) -> Locator:
    """What a speaker sees at a glance: LIVE, PAUSED …"""
    return piece(page, "stage-word")


async def prepared(open_page: OpenPage, lingocast: Lingocast, user: str | None = None, **options: Any) -> Page:
    """The set-up of a speaker, one nobody has been yet unless `user` is named."""
    page = await open_page(lingocast.speaker_link(user), **{"device": "desktop", **options})
    await expect(piece(page, "language")).to_have_value(re.compile(r"\w"))
    return page


async def go_live(page: Page) -> str:
    """Presses the button; the session's id."""
    await piece(page, "go-live").click()
    await expect(stage(page)).to_have_text("LIVE")
    return await piece(page, "session-id").inner_text()


async def end(page: Page) -> None:
    """Ends the talk as a person does, and waits until it has ended."""
    await piece(page, "end").click()
    await page.get_by_role("dialog").get_by_role("button", name="End talk").click()
    await expect(piece(page, "after")).to_be_visible()


def content(path: Path) -> str:
    """A file that was downloaded."""
    return path.read_text("utf-8")


@asynccontextmanager
async def listening(lingocast: Lingocast, session_id: str, **options: Any) -> AsyncIterator[Received]:
    """A listener in Spanish that is a program."""
    opening = Listener.open(lingocast.url, session_id, "es", **options)
    # The group is left last: reading ends with the connection.
    async with asyncio.TaskGroup() as tasks, opening as listener:
        heard = Received()
        tasks.create_task(heard.read(listener))
        yield heard


async def test_the_token_leaves_the_address_and_is_kept_for_the_tab_alone(
    open_page: OpenPage, lingocast: Lingocast
) -> None:
    page = await prepared(open_page, lingocast)
    assert page.url == f"{lingocast.url}/speak"
    kept = await page.evaluate("[sessionStorage, localStorage].map((s) => JSON.stringify({...s}).includes('eyJ'))")
    assert kept == [True, False]
    await page.reload()
    await expect(piece(page, "setup")).to_be_visible()
    assert not any("token" in entry for entry in await page.evaluate("[document.cookie, location.href]"))


async def test_what_is_wrong_with_a_link_is_said_in_words(
    open_page: OpenPage, lingocast: Lingocast, watch: Watch
) -> None:
    page = await open_page("/speak")
    await expect(piece(page, "token-text")).to_contain_text("you need a speaker link")
    await expect(piece(page, "setup")).to_be_hidden()
    field, mistake = piece(page, "token-field"), piece(page, "token-mistake")
    await field.fill("https://example.org/")
    await field.press("Enter")
    await expect(mistake).to_contain_text("not a whole speaker link")
    await field.fill(f"{lingocast.url}/speak#token={EXPIRED}")
    await field.press("Enter")
    await expect(mistake).to_contain_text("expired")
    # Whole and in time, but signed by nobody.
    head, body, _ = lingocast.token().split(".")
    await field.fill(f"{head}.{body}.{'A' * 342}")
    await field.press("Enter")
    await piece(page, "go-live").click()
    await expect(piece(page, "token-text")).to_contain_text("did not accept")
    await field.fill(lingocast.speaker_link())
    await field.press("Enter")
    await expect(piece(page, "setup")).to_be_visible()


@pytest.mark.parametrize(
    ("microphone", "title"), [("denied", "The microphone is not allowed"), ("missing", "There is no microphone")]
)
async def test_without_a_microphone_it_is_said_what_to_do(
    open_page: OpenPage, lingocast: Lingocast, microphone: Microphone, title: str
) -> None:
    page = await prepared(open_page, lingocast, microphone=microphone)
    await piece(page, "go-live").click()
    await expect(piece(page, "sound-problem")).to_contain_text(title)
    await expect(piece(page, "sound-problem")).to_contain_text("sample talk can be broadcast without")
    if microphone == "denied":
        await expect(piece(page, "sound-problem")).to_contain_text("left of the address")
    await expect(piece(page, "sound-problem")).to_be_in_viewport()
    await expect(piece(page, "sound-try")).to_have_text("Try again")
    await expect(piece(page, "go-live")).to_be_enabled()


async def test_on_an_insecure_address_it_is_said_that_microphones_need_another(
    open_page: OpenPage, lingocast: Lingocast
) -> None:
    page = await open_page(None)
    # As a page of http:// in a LAN finds its browser.
    await page.add_init_script(
        "Object.defineProperty(globalThis, 'isSecureContext', { value: false });"
        "Object.defineProperty(navigator, 'mediaDevices', { value: undefined });"
    )
    await page.goto(lingocast.speaker_link())
    await expect(piece(page, "sound-problem")).to_contain_text("https://")
    await expect(piece(page, "sound-try")).to_be_hidden()
    await piece(page, "go-live").click()
    await expect(piece(page, "go-live")).to_be_enabled()
    await page.get_by_label("Broadcast a sample talk").check()
    await go_live(page)


async def test_a_talk_from_the_first_word_to_the_captions_to_keep(open_page: OpenPage, lingocast: Lingocast) -> None:
    page = await prepared(open_page, lingocast)
    await page.get_by_text("Names and terms").click()
    await piece(page, "paste").fill("Ebenezer\ngrace → gracia (es)")
    await piece(page, "paste-add").click()
    await expect(piece(page, "glossary-count")).to_have_text("2 terms")
    await piece(page, "pin").fill("2468")
    session_id = await go_live(page)
    await expect(piece(page, "join")).to_have_attribute("href", f"{lingocast.url}/s/{session_id}")
    await expect(piece(page, "projector")).to_have_attribute("href", f"/s/{session_id}/screen")
    await expect(piece(page, "invite-pin")).to_contain_text("2468")
    await until(lambda: piece(page, "qr").evaluate("(image) => image.naturalWidth"), "the QR code")
    async with listening(lingocast, session_id, pin="2468") as heard:
        row = page.locator('[data-language="es"]')
        await expect(row).to_contain_text("Spanish")
        await expect(piece(page, "listeners")).to_have_text("1")
        # Partials, then finals, then how far behind the voice is.
        await expect(page.locator("[data-part=captions] .segment.open")).to_contain_text(re.compile(r"\w"))
        await heard.until(lambda so_far: so_far.finals)
        await expect(page.locator("[data-part=captions] .segment:not(.open)").first).to_contain_text("Welcome to talk")

        # Switches reach who listens; Ctrl+P does not print, which would hold the page up.
        await page.keyboard.press("Control+m")
        await heard.until(lambda so_far: so_far.of(BroadcastMuted))
        await expect(stage(page)).to_have_text("MUTED")
        await page.keyboard.press("Control+p")
        await heard.until(lambda so_far: so_far.of(BroadcastPaused))
        await expect(stage(page)).to_have_text("PAUSED")
        await piece(page, "pause").click()
        await piece(page, "mute").click()
        await heard.until(lambda so_far: so_far.of(BroadcastResumed) and so_far.of(BroadcastUnmuted))
        await piece(page, "volume").fill("40")
        await heard.until(lambda so_far: [change.volume_level for change in so_far.of(VolumeChanged)] == [0.4])
        await expect(stage(page)).to_have_text("LIVE")
        # Asked for every 10 s, and when the page is seen again.
        await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        await expect(row).to_contain_text(re.compile(r"\ds"))

        await piece(page, "end").click()
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_contain_text("One person is listening")
        await dialog.get_by_role("button", name="Go on speaking").click()
        await expect(stage(page)).to_have_text("LIVE")
        assert not heard.of(SessionEnded)
        await end(page)
        await heard.ended()
    async with page.expect_download() as downloading:
        await piece(page, "after-save").get_by_role("button", name="VTT").click()
    download = await downloading.value
    assert download.suggested_filename == f"{session_id}.en.vtt"
    text = content(await download.path())
    assert text.startswith("WEBVTT\n")
    assert "Welcome to talk" in text
    await piece(page, "again").click()
    await expect(piece(page, "setup")).to_be_visible()


async def test_terms_are_kept_changed_and_accepted_in_mid_talk(open_page: OpenPage, lingocast: Lingocast) -> None:
    page = await prepared(open_page, lingocast)
    await page.get_by_text("Names and terms").click()
    await piece(page, "add-term").click()
    await page.get_by_label("Term 1, as you say it").fill("…")
    await piece(page, "go-live").click()
    await expect(piece(page, "glossary-mistake")).to_have_text("Term 1 has no words.")
    await page.get_by_label("Term 1, as you say it").fill("Scrooge")
    await page.reload()
    await expect(piece(page, "glossary-count")).to_have_text("one term")
    await go_live(page)
    await page.get_by_text("Sound, terms, shortcuts").click()
    await page.get_by_text("Names and terms").click()
    await piece(page, "paste").fill("Marley\tMarley\tpt")
    await piece(page, "paste-add").click()
    await piece(page, "apply-terms").click()
    await expect(piece(page, "glossary-told")).to_have_text("2 terms are in use from now on.")
    await page.get_by_label("Remove term 1").click()
    await expect(page.get_by_label("Term 1, as you say it")).to_have_value("Marley")


async def test_the_level_is_drawn_in_its_zones_in_every_frame(
    open_page: OpenPage, lingocast: Lingocast, tmp_path: Path
) -> None:
    # Peaks around -1.5, -8 and -26 dBFS, that go up and down as a voice does; then nothing; over and over.
    time = np.arange(16_000) / 16_000
    tremolo = np.sin(2 * np.pi * 4 * time)
    wave = np.sin(2 * np.pi * 300 * time) * 32767
    tones = [(10 ** ((level + tremolo) / 20) * wave).astype("<i2").tobytes() for level in (-1.5, -8, -26)]
    voice = write_wav(tmp_path / "levels.wav", b"".join(tones) + silence(3.6))
    page = await prepared(open_page, lingocast, voice=voice)
    for name in ("Echo cancellation", "Noise suppression", "Automatic gain"):
        await page.get_by_label(name).uncheck()
    await piece(page, "sound-try").click()
    meter = piece(page, "setup-meter")
    frames, drawn = await page.evaluate(
        """() => new Promise((resolve) => {
          const meter = document.querySelector('[data-part="setup-meter"] .meter');
          const fill = meter.querySelector(".meter-fill");
          const seen = new Set();
          let [frames, drawn, before] = [0, 0, ""];
          const look = () => {
            const now = fill.style.transform;
            seen.add(meter.dataset.state);
            // At rest it has nothing to draw.
            if (now !== "scaleX(0)") {
              frames += 1;
              if (now !== before) drawn += 1;
            }
            before = now;
            if (["over", "high", "normal", "low"].every((state) => seen.has(state))) resolve([frames, drawn]);
            else requestAnimationFrame(look);
          };
          look();
        })"""
    )
    # With 60 frames a second, half of them are 30.
    assert drawn >= frames / 2 > 0
    await expect(meter.locator(".meter-word")).to_be_visible()
    await expect(meter.get_by_role("meter")).to_have_attribute("aria-valuetext", re.compile("level|oud"))
    kept = await page.evaluate("JSON.parse(localStorage['lingocast.speak'])")
    assert kept["echoCancellation"] is kept["noiseSuppression"] is kept["autoGainControl"] is False


async def test_after_a_reload_the_same_talk_goes_on_or_is_ended(open_page: OpenPage, lingocast: Lingocast) -> None:
    page = await prepared(open_page, lingocast)
    asked: list[str] = []

    async def leave(dialog: Dialog) -> None:
        asked.append(dialog.type)
        await dialog.accept()

    page.on("dialog", leave)
    session_id = await go_live(page)
    async with listening(lingocast, session_id) as heard:
        await piece(page, "volume").fill("40")
        await heard.until(lambda so_far: so_far.finals and so_far.of(VolumeChanged))
        await page.reload()
        assert asked == ["beforeunload"]
        await expect(piece(page, "open-talk")).to_contain_text(session_id)
        await piece(page, "go-on").click()
        await expect(stage(page)).to_have_text("LIVE")
        assert await piece(page, "session-id").inner_text() == session_id
        await expect(piece(page, "volume")).to_have_value("40")
        # What was understood before is still there, to be kept.
        await expect(page.locator("[data-part=captions] .segment").first).to_contain_text("Welcome")
        known = len(heard.finals)
        await heard.until(lambda so_far: len(so_far.finals) > known)
        await page.reload()
        await piece(page, "end-it").click()
        await heard.ended()
    await expect(piece(page, "refusal")).to_contain_text("has been ended")
    await expect(piece(page, "open-talk")).to_be_hidden()
    # And the way is free for another.
    assert await go_live(page) != session_id


async def test_a_talk_that_goes_on_in_another_tab_says_so_in_the_first(
    open_page: OpenPage, lingocast: Lingocast
) -> None:
    user = "speaker-of-two-tabs"
    first = await prepared(open_page, lingocast, user)
    session_id = await go_live(first)
    second = await open_page(lingocast.speaker_link(user), context=first.context)
    await piece(second, "go-on").click()
    await expect(stage(second)).to_have_text("LIVE")
    assert await piece(second, "session-id").inner_text() == session_id
    await expect(piece(first, "after-text")).to_contain_text("another tab")
    await expect(stage(second)).to_have_text("LIVE")


async def test_a_server_that_dies_is_waited_for(open_page: OpenPage, lingocast: Lingocast, watch: Watch) -> None:
    watch.allow("WebSocket connection|Failed to load resource")
    page = await prepared(open_page, lingocast)
    session_id = await go_live(page)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(lingocast.kill())
        await expect(stage(page)).to_have_text("RECONNECTING")
        await expect(piece(page, "stage-advice")).to_have_text("Nobody hears you at present.")
        await expect(piece(page, "connection-text")).to_contain_text("onnection")
        # What is pressed meanwhile holds when it is back.
        await piece(page, "mute").click()

    async def muted() -> bool:
        # Not to wait for the next try, which may be far: the server keeps a talk for 30 s without its speaker.
        if await piece(page, "retry").is_visible():
            with suppress(Error):
                await piece(page, "retry").click(timeout=500)
        return await stage(page).inner_text() == "MUTED"

    await until(muted, "the end of the loss")
    assert await piece(page, "session-id").inner_text() == session_id
    await expect(piece(page, "connection")).to_be_hidden()
    async with listening(lingocast, session_id) as heard:
        await page.keyboard.press("Control+m")
        await heard.until(lambda so_far: so_far.of(BroadcastUnmuted))
        await heard.until(lambda so_far: so_far.finals)


async def test_the_sample_talk_reaches_listeners(open_page: OpenPage, lingocast: Lingocast) -> None:
    page = await prepared(open_page, lingocast, microphone="missing", device="phone")
    await piece(page, "language").select_option("fr")
    await page.get_by_label("Broadcast a sample talk").check()
    await expect(piece(page, "language")).to_have_value("en")
    session_id = await go_live(page)
    async with listening(lingocast, session_id) as heard:
        await heard.until(lambda so_far: so_far.finals)
        await expect(piece(page, "progress-text")).to_contain_text(re.compile(r"\d:\d\d of \d:\d\d"))
        await end(page)


async def test_a_file_reaches_listeners_and_its_flaws_are_told_while_they_last(
    open_page: OpenPage, lingocast: Lingocast, tmp_path: Path
) -> None:
    talk = write_wav(tmp_path / "talk.wav", silence(5.5) + noise(2.0))
    page = await prepared(open_page, lingocast, microphone="missing")
    await page.get_by_label("An audio file").check()
    await piece(page, "go-live").click()
    await expect(piece(page, "refusal")).to_contain_text("Choose an audio file first")
    await piece(page, "file").set_input_files({"name": "a.mp3", "mimeType": "audio/mpeg", "buffer": b"no sound"})
    await expect(piece(page, "file-told")).to_contain_text("cannot play this file")
    await piece(page, "file").set_input_files(talk)
    await expect(piece(page, "file-told")).to_have_text("talk.wav, 0:07")
    session_id = await go_live(page)
    warning = page.locator('[data-notice="quality:silence"]')
    async with listening(lingocast, session_id) as heard:
        await expect(warning).to_contain_text("Nothing is heard")
        await expect(warning).to_have_count(0)
        await expect(page.locator('[data-notice="sound.finished"]')).to_be_visible()
        await expect(stage(page)).to_have_text("NO SOUND")
        await heard.until(lambda so_far: so_far.finals)
        # It is over; to go on after a pause is not to play it again.
        await page.evaluate(COUNT_PLAYS)
        await piece(page, "pause").click()
        await expect(stage(page)).to_have_text("PAUSED")
        await piece(page, "pause").click()
        await expect(stage(page)).to_have_text("NO SOUND")
        assert await page.evaluate("window.plays") == 0


async def test_a_microphone_that_is_unplugged_is_told_and_another_taken(
    open_page: OpenPage, lingocast: Lingocast
) -> None:
    page = await open_page(None, device="desktop")
    await page.add_init_script(f"({KEEP_TRACKS})()")
    await page.goto(lingocast.speaker_link())
    await go_live(page)
    await page.evaluate("window.tracks.forEach((track) => track.dispatchEvent(new Event('ended')))")
    await expect(stage(page)).to_have_text("NO SOUND")
    await expect(page.locator('[data-notice="sound.unplugged"]')).to_contain_text("nobody hears you")
    await piece(page, "sound-try").click()
    await expect(stage(page)).to_have_text("LIVE")
    await expect(page.locator('[data-notice="sound.unplugged"]')).to_have_count(0)


async def test_a_second_talk_of_one_speaker_is_refused_in_words(open_page: OpenPage, lingocast: Lingocast) -> None:
    async with lingocast.talk("speaker-of-one"):
        page = await prepared(open_page, lingocast, "speaker-of-one")
        await piece(page, "go-live").click()
        await expect(piece(page, "refusal")).to_contain_text("too many sessions")
        await expect(piece(page, "refusal")).to_contain_text("another tab")
        await expect(piece(page, "go-live")).to_be_enabled()


async def test_a_server_that_does_not_answer_is_tried_again_until_that_is_given_up(
    open_page: OpenPage, lingocast: Lingocast, watch: Watch
) -> None:
    watch.allow("WebSocket connection")
    page = await prepared(open_page, lingocast)
    await page.route_web_socket("**/ws**", lambda socket: socket.close())
    await piece(page, "go-live").click()
    await expect(piece(page, "waiting")).to_contain_text("Trying again in")
    await expect(piece(page, "go-live")).to_be_disabled()
    await piece(page, "cancel").click()
    await expect(piece(page, "go-live")).to_be_enabled()
    await expect(piece(page, "waiting")).to_be_hidden()


async def test_who_is_quicker_than_the_list_of_languages_goes_live_all_the_same(
    open_page: OpenPage, lingocast: Lingocast, watch: Watch
) -> None:
    page = await open_page(None)
    asked, answered = asyncio.Event(), asyncio.Event()

    async def late(route: Route) -> None:
        asked.set()
        await answered.wait()
        await route.continue_()

    await page.route("**/api/languages", late)
    await page.goto(lingocast.speaker_link())
    await asked.wait()
    await page.get_by_label("Broadcast a sample talk").check()
    # Twice, as hands that are nervous do: that is one talk.
    await page.evaluate("for (const _ of [1, 2]) document.querySelector('[data-part=go-live]').click()")
    answered.set()
    await expect(stage(page)).to_have_text("LIVE")
    assert sum("action=createSession" in socket for socket in watch.sockets) == 1


async def test_keys_alone_lead_to_a_talk_and_shortcuts_can_be_changed(
    open_page: OpenPage, lingocast: Lingocast
) -> None:
    page = await prepared(open_page, lingocast)
    await piece(page, "language").focus()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Escape")
    for _ in range(10):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.dataset.part") == "go-live":
            break
    await page.keyboard.press("Enter")
    await expect(stage(page)).to_have_text("LIVE")
    await expect(stage(page)).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(piece(page, "mute")).to_be_focused()
    await expect(piece(page, "mute")).to_contain_text("Ctrl+M")
    await page.get_by_text("Sound, terms, shortcuts").press("Enter")
    await piece(page, "change-mute").press("Enter")
    await page.keyboard.press("Alt+k")
    await expect(piece(page, "mute")).to_contain_text("Alt+K")
    await page.keyboard.press("Control+m")
    await page.keyboard.press("Alt+k")
    await expect(stage(page)).to_have_text("MUTED")


@pytest.mark.parametrize("device", ["small", "phone"])
async def test_on_a_phone_nothing_lies_beside_the_screen(
    open_page: OpenPage, lingocast: Lingocast, device: str
) -> None:
    page = await prepared(open_page, lingocast, device=device, locale="de-DE")
    beside = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    await page.get_by_text("Namen und Begriffe").click()
    await piece(page, "add-term").click()
    assert await page.evaluate(beside) <= 0
    await page.get_by_role("button", name="Begriff 1 entfernen").click()
    await piece(page, "go-live").click()
    await expect(stage(page)).to_have_text("LIVE")
    await expect(page.locator("[data-part=captions] .segment").first).to_be_visible()
    assert await page.evaluate(beside) <= 0
    small = await page.evaluate(
        """[...document.querySelectorAll("button, select, summary, input[type=range], a.button")]
          .filter((element) => element.checkVisibility())
          .map((element) => [element.dataset.part, element.getBoundingClientRect().height])
          .filter(([, height]) => height < 44)"""
    )
    assert small == []
    await piece(page, "end").click()
    await page.get_by_role("dialog").get_by_role("button", name="Vortrag beenden").click()
    await expect(piece(page, "after")).to_be_visible()
