"""The states in which people meet the pages, and how each is reached by doing what a person does.

What must hold for all of them (test_access.py) and what is to be looked at (screenshots.py) goes through this list: a
new page or state is a function here.
"""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Page, expect

from edge.client import Listener
from tests.browser.stage import SENTENCE, Lingocast, Talk
from tests.browser.visiting import Visitors
from tests.browser.waiting import until
from tests.browser.watching import Watch
from tests.fakes.cable import cable


@dataclass(frozen=True)
class Place:
    """Where scenes are set: a system with a talk that goes on, and how visitors are to be (`options` of
    Visitors.open). `languages`: two in which the talk can be heard. `speech`: what other talks of a scene say. `stack`:
    what has to be there as long as the scenes are looked at."""

    lingocast: Lingocast
    talk: Talk
    visitors: Visitors
    watch: Watch
    options: dict[str, Any]
    languages: tuple[str, str] = ("es", "pt")
    speech: bytes = SENTENCE
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def open(self, address: str, **options: Any) -> Page:
        return await self.visitors.open(address, **{"at": self.lingocast, **self.options, **options})

    async def new_talk(self, **options: Any) -> Talk:
        """A talk of the scene's own, in which nothing is said yet. `options` are those of Lingocast.talk."""
        return await self.stack.enter_async_context(self.lingocast.talk(speech=self.speech, **options))

    async def audience(self, session_id: str) -> None:
        """Three who listen, in two languages."""
        for language in (*self.languages, self.languages[0]):
            await self.stack.enter_async_context(Listener.open(self.lingocast.url, session_id, language))

    @property
    def session(self) -> str:
        """Path of the talk's page."""
        return f"/s/{self.talk.session_id}"


@dataclass(frozen=True)
class Scene:
    """`name` is short and goes into file names; `title` is for people. `for_large`: whether it is made for large
    screens, such as a projector's."""

    name: str
    title: str
    reach: Callable[[Place], Awaitable[Page]]
    for_large: bool = False


SCENES: list[Scene] = []


def scene(
    title: str, *, for_large: bool = False
) -> Callable[[Callable[[Place], Awaitable[Page]]], Callable[[Place], Awaitable[Page]]]:
    """Puts a function into the list, under its name."""

    def put(reach: Callable[[Place], Awaitable[Page]]) -> Callable[[Place], Awaitable[Page]]:
        SCENES.append(Scene(reach.__name__.replace("_", "-"), title, reach, for_large))
        return reach

    return put


def part(page: Page, name: str) -> Any:
    """The element that a page's own code knows by this name."""
    return page.locator(f'[data-part="{name}"]').first


# ------------------------------------------------------------------------------------------------ home


@scene("The first page")
async def home(place: Place) -> Page:
    return await place.open("/")


@scene("A session that is not there")
async def home_no_such_session(place: Place) -> Page:
    place.watch.allow("status of 40[04]")
    return await place.open("/s/quiet-meadow-100")


# ------------------------------------------------------------------------------------------------ listening


@scene("Listening: before the tap")
async def listen_start(place: Place) -> Page:
    return await _start(place)


@scene("Listening: a session with a PIN, and a wrong one")
async def listen_wrong_pin(place: Place) -> Page:
    talk = await place.new_talk(pin="4711")
    # A refused upgrade is told on the console by Chromium itself.
    place.watch.allow("WebSocket connection|status of 40[13]")
    page = await place.open(f"/s/{talk.session_id}")
    await part(page, "pin").fill("0815")
    await part(page, "listen").click()
    await expect(part(page, "pin-mistake")).to_be_visible()
    return page


@scene("Listening")
async def listen_playing(place: Place) -> Page:
    return await _playing(place)


@scene("Listening: with the words as spoken, in large letters")
async def listen_large_with_original(place: Place) -> Page:
    page = await listen_settings(place)
    await page.locator("dialog[open] [data-part=source]").check()
    for _ in range(3):
        await part(page, "larger").click()
    await page.locator("dialog[open] [data-close]").click()
    await expect(part(page, "original-captions").locator("p, li").first).to_be_visible()
    return page


@scene("Listening: paused")
async def listen_paused(place: Place) -> Page:
    page = await listen_playing(place)
    await part(page, "pause").click()
    await expect(part(page, "behind")).to_be_visible()
    return page


@scene("Listening: settings")
async def listen_settings(place: Place) -> Page:
    return await _listen_dialog(place, "settings")


@scene("Listening: passing the link on")
async def listen_share(place: Place) -> Page:
    page = await _listen_dialog(place, "share")
    await until(lambda: page.evaluate("document.querySelector('[data-part=qr]').complete"), "the QR code")
    return page


@scene("Listening: keeping the text")
async def listen_keep(place: Place) -> Page:
    return await _listen_dialog(place, "keep")


async def _start(place: Place, **options: Any) -> Page:
    page = await place.open(place.session, **options)
    await expect(part(page, "listen")).to_be_enabled()
    return page


async def _playing(place: Place, **options: Any) -> Page:
    page = await _start(place, **options)
    await part(page, "language").select_option(place.languages[0])
    await part(page, "listen").click()
    await expect(part(page, "captions").locator("p, li").first).to_be_visible()
    await expect(part(page, "pause")).to_be_visible()
    return page


async def _listen_dialog(place: Place, name: str) -> Page:
    page = await listen_playing(place)
    await part(page, f"open-{name}").click()
    await expect(page.locator(f"dialog[data-part={name}]")).to_be_visible()
    return page


@scene("Listening: the speaker has paused")
async def listen_speaker_paused(place: Place) -> Page:
    talk = await place.new_talk()
    page = await place.open(f"/s/{talk.session_id}")
    await part(page, "listen").click()
    await talk.speaker.pause()
    await expect(part(page, "standing-words")).not_to_be_empty()
    return page


@scene("Listening: the network is gone")
async def listen_reconnecting(place: Place) -> Page:
    place.watch.allow("WebSocket connection|ERR_CONNECTION")
    async with cable(place.lingocast.url) as line:
        page = await _playing(place, at=line)
    await expect(part(page, "standing")).not_to_have_attribute("data-tone", "calm")
    return page


@scene("Listening: the talk is over")
async def listen_ended(place: Place) -> Page:
    talk = await place.new_talk()
    page = await place.open(f"/s/{talk.session_id}")
    await part(page, "listen").click()
    await expect(part(page, "hall")).to_be_visible()
    await talk.say()
    await talk.end()
    await expect(part(page, "over")).to_be_visible()
    return page


# ------------------------------------------------------------------------------------------------ speaking


@scene("Speaking: without a link")
async def speak_no_token(place: Place) -> Page:
    page = await place.open("/speak")
    await expect(part(page, "token-card")).to_be_visible()
    return page


@scene("Speaking: set-up, with the microphone tried")
async def speak_set_up(place: Place) -> Page:
    page = await place.open(place.lingocast.speaker_link())
    await part(page, "sound-try").click()
    await expect(part(page, "sound-choice")).to_be_visible()
    return page


@scene("Speaking: the microphone is not allowed")
async def speak_no_microphone(place: Place) -> Page:
    page = await place.open(place.lingocast.speaker_link(), microphone="denied")
    await part(page, "sound-try").click()
    await expect(part(page, "sound-problem")).to_be_visible()
    return page


@scene("Speaking: set-up with a glossary and an audio file")
async def speak_glossary(place: Place) -> Page:
    page = await place.open(place.lingocast.speaker_link())
    await page.locator("input[name=source][value=file]").check(force=True)
    await part(page, "glossary-details").locator("summary").click()
    await part(page, "paste").fill("Ebenezer\ngrace → gracia (es)")
    await part(page, "paste-add").click()
    await expect(part(page, "terms").locator("li")).to_have_count(2)
    return page


@scene("Speaking")
async def speak_live(place: Place) -> Page:
    page = await place.open(place.lingocast.speaker_link())
    await part(page, "go-live").click()
    await expect(part(page, "live")).to_be_visible()
    await expect(part(page, "session-id")).not_to_be_empty()
    await place.audience(await part(page, "session-id").inner_text())
    await expect(part(page, "audience")).to_be_visible()
    await expect(part(page, "captions").locator("p, li").first).to_be_visible()
    await until(lambda: page.evaluate("document.querySelector('[data-part=qr]').complete"), "the QR code")
    return page


@scene("Speaking: muted")
async def speak_muted(place: Place) -> Page:
    page = await speak_live(place)
    await part(page, "mute").click()
    await expect(part(page, "stage")).not_to_have_attribute("data-stage", "live")
    return page


@scene("Speaking: after the talk")
async def speak_ended(place: Place) -> Page:
    page = await speak_live(place)
    # More than one sentence: then the first is final.
    await until(lambda: page.evaluate("document.querySelector('[data-part=captions]').innerText.length > 60"), "text")
    await part(page, "end").click()
    await page.locator("dialog[open] button.danger, dialog[open] button.primary").first.click()
    await expect(part(page, "after")).to_be_visible()
    return page


# ------------------------------------------------------------------------------------------------ projecting


@scene("The projector: before the first words", for_large=True)
async def screen_waiting(place: Place) -> Page:
    talk = await place.new_talk()
    page = await place.open(f"/s/{talk.session_id}/screen?lang={place.languages[0]}&qr=on")
    await expect(page.locator("#welcome")).to_be_visible()
    return page


@scene("The projector", for_large=True)
async def screen(place: Place) -> Page:
    page = await place.open(f"{place.session}/screen?lang={place.languages[0]}")
    await expect(page.locator("#stage p").first).to_be_visible()
    return page


@scene("The projector, two languages", for_large=True)
async def screen_two_languages(place: Place) -> Page:
    page = await place.open(f"{place.session}/screen?lang={','.join(place.languages)}")
    await expect(page.locator("#stage p").nth(1)).to_be_visible()
    return page


@scene("Two lines over a picture, as OBS shows them", for_large=True)
async def screen_overlay(place: Place) -> Page:
    page = await place.open(
        f"{place.session}/screen?lang={place.languages[0]}&background=transparent&lines=2&place=bottom"
    )
    await expect(page.locator("#stage p").first).to_be_visible()
    return page
