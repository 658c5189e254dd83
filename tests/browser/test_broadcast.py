"""The proof of the whole: a real voice goes into the speaker page's microphone, and two phones show and say what it
says in two languages, by this machine's own engines.

The sound of the phones is taken from what their <audio> elements play, and compared with the very cues that a program
beside them was sent.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import pytest
import pytest_asyncio
import soxr
from playwright.async_api import Page, expect

from edge.client import Caption, CueEnd, Listener
from tests import recordings
from tests.browser.chromium import Browsers, write_wav
from tests.browser.hearing import Found, Heard, find, hear
from tests.browser.scenes import part
from tests.browser.stage import Lingocast, lingocast
from tests.browser.visiting import Visitors
from tests.browser.waiting import until
from tests.browser.watching import Watch
from tests.e2e.talks import Received, silence
from tests.recordings import Recording, plain

pytestmark = [
    pytest.mark.local_engines,
    # Models load, and speech takes its time, on two busy cores.
    pytest.mark.timeout(400),
]

LANGUAGES = ("pt", "es")
SPOKEN_SECONDS = 24.0
CUES = 3
"""So many have to be heard whole in each language."""


@dataclass
class Phone:
    """A listener page and what it played; beside it, what a program was sent in the same language."""

    page: Page
    heard: Heard
    sent: Received

    def whole(self) -> list[str]:
        """Cues that were sent to their end."""
        return [end.cue_id for end in self.sent.of(CueEnd) if end.complete]

    async def captions(self) -> list[str]:
        """What stands on the page."""
        texts: list[str] = await part(self.page, "captions").locator("[lang]").all_inner_texts()
        return texts


@dataclass
class Broadcast:
    recording: Recording
    speaker: Page
    said: str
    phones: dict[str, Phone]
    found: dict[str, dict[str, Found | None]]


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def broadcast(
    tmp_path_factory: pytest.TempPathFactory, models: Path, browsers: Browsers
) -> AsyncIterator[Broadcast]:
    folder = tmp_path_factory.mktemp("broadcast")
    (folder / "models").symlink_to(models)
    recording = recordings.talk("en") if recordings.HERE else recordings.two_cities(folder)
    voice = write_wav(folder / "voice.wav", recording.first(SPOKEN_SECONDS) + silence(2.0))
    watch = Watch()
    async with lingocast(folder, engines="local") as system, asyncio.TaskGroup() as tasks:
        visitors = Visitors(system, browsers, watch)
        speaker = await visitors.open(system.speaker_link(), device="desktop", voice=voice)
        await part(speaker, "language").select_option("en")
        await part(speaker, "go-live").click()
        await expect(part(speaker, "session-id")).not_to_be_empty()
        session_id = await part(speaker, "session-id").inner_text()
        phones = {code: await _phone(system, visitors, session_id, code, tasks) for code in LANGUAGES}
        for phone in phones.values():
            await phone.sent.until(lambda sent: len(sent.of(CueEnd)) > CUES + 1, 150)
        said = " ".join(await part(speaker, "captions").locator("[lang], p").all_inner_texts())
        await part(speaker, "end").click()
        await speaker.locator("dialog[open] button.danger, dialog[open] button.primary").first.click()
        for phone in phones.values():
            await phone.sent.ended()
            await expect(part(phone.page, "over")).to_be_visible()
        found = {code: await _all_played(phone) for code, phone in phones.items()}
        yield Broadcast(recording, speaker, said, phones, found)
        await visitors.leave()
        await browsers.close(voice=voice)
    watch.check()


async def _phone(
    system: Lingocast, visitors: Visitors, session_id: str, language: str, tasks: asyncio.TaskGroup
) -> Phone:
    page = await visitors.open(f"/s/{session_id}")
    await part(page, "language").select_option(language)
    await part(page, "listen").click()
    heard = await hear(page)
    sent = Received()

    async def beside() -> None:
        async with Listener.open(system.url, session_id, language) as listener:
            await sent.read(listener)

    tasks.create_task(beside())
    return Phone(page, heard, sent)


async def _all_played(phone: Phone) -> dict[str, Found | None]:
    """Where the cues are in what the phone played, once the last has been played."""

    async def last() -> dict[str, Found | None]:
        await phone.heard.take()
        found = {cue: _found(phone, cue) for cue in phone.whole()}
        return found if found and list(found.values())[-1] is not None else {}

    return await until(last, "the end of the last cue", 60)


def _found(phone: Phone, cue: str) -> Found | None:
    sent = np.frombuffer(phone.sent.voice(cue), "<i2").astype(np.float32) / np.float32(32768)
    heard = soxr.resample(phone.heard.samples, phone.heard.rate, 16_000)
    return find(sent, heard, 16_000)


def shared(words: str, text: str) -> float:
    """How many of the words are words of the text, 0..1."""
    known = set(plain(text).split())
    said = plain(words).split()
    return sum(word in known for word in said) / max(1, len(said))


async def test_the_speaker_reads_what_they_said(broadcast: Broadcast) -> None:
    assert len(plain(broadcast.said).split()) > 20
    assert shared(broadcast.said, broadcast.recording.text) > 0.8


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_phone_shows_every_caption_in_its_language(broadcast: Broadcast, language: str) -> None:
    phone = broadcast.phones[language]
    shown = plain(" ".join(await phone.captions()))
    # A second final of a segment corrects the first.
    sent = {caption.segment_id: caption.text for caption in phone.sent.of(Caption) if caption.is_final}
    assert len(sent) >= CUES
    missing = {segment: text for segment, text in sent.items() if plain(text) not in shown}
    assert missing == {}, f"shown: {shown}; sent: {sent}"
    if reference := broadcast.recording.references.get(language):
        assert shared(shown, reference) > 0.4


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_phone_says_every_cue_whole_and_without_a_gap(broadcast: Broadcast, language: str) -> None:
    cues = list(broadcast.found[language].items())
    # Those of before the phone was there are not its to play.
    while cues and cues[0][1] is None:
        cues.pop(0)
    assert len(cues) >= CUES
    played = [each for _, each in cues if each is not None]
    assert len(played) == len(cues)
    # What is soft in a voice is a little different after Opus, and a busy machine's sound crackles.
    assert median(each.likeness for each in played) > 0.9
    # A voice that a busy machine made too late has gaps that no player can mend; the program beside saw them.
    sent = broadcast.phones[language].sent
    gaps = {cue: (abs(each.longest_gap), sent.stall(cue)) for cue, each in cues if each is not None}
    assert all(gap <= 0.2 + stall for gap, stall in gaps.values()), gaps
    starts = [each.start for each in played]
    assert starts == sorted(starts)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_phone_sounds_as_long_as_its_cues_last(broadcast: Broadcast, language: str) -> None:
    phone = broadcast.phones[language]
    played = [cue for cue, found in broadcast.found[language].items() if found is not None]
    lasts = sum(end.duration_ms for end in phone.sent.of(CueEnd) if end.cue_id in played) / 1000
    # Speech has pauses of its own; nothing else than cues may sound.
    sounded = sum(end - start for start, end in phone.heard.stretches(0.5))
    assert 0.7 * lasts < sounded < 1.1 * lasts + 1.0
