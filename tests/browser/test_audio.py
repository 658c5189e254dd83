"""Whether what goes into the player is what is heard: as samples, taken from the stream that the element plays.

The modules are loaded into pages of the running edge, under its policy. Sound that goes in is a sweep, of which no two
parts are alike, and it is never zero: a sample that is lost, doubled or out of order shows, and so does silence.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from playwright.async_api import Page, Route

from edge.pages import WEB
from tests.browser.conftest import OpenPage
from tests.browser.hearing import Heard, hear
from tests.browser.stage import Lingocast, Talk
from tests.browser.waiting import until
from tests.browser.watching import Watch

Samples = npt.NDArray[np.float32]

SHORT_TALK = WEB / "audio" / "sample.mp3"

PLAYER = """async (sampleRate) => {
  const { Player } = await import("/web/test/audio/player.js");
  const element = document.body.appendChild(document.createElement("audio"));
  element.id = "loudspeaker";
  window.player = new Player({ sampleRate, element, title: "A talk" });
  window.told = [];
  const names = ["started", "finished", "dropped", "interrupted", "remote", "status"];
  for (const name of names) player.on(name, (value) => told.push({ name, ...value }));
  await player.start();
  window.sweep = (seconds, rate) => Float32Array.from({ length: Math.round(seconds * rate) }, (_, i) => {
    const at = i / rate;
    return 0.5 + 0.4 * Math.sin(2 * Math.PI * (200 * at + 300 * at * at));
  });
  // Pieces of 100 ms; `waits` are ms before each, over and over. `from` and `to` in seconds; without `to` to the end.
  window.say = async (cueId, seconds, { rate = sampleRate, waits = [0], from = 0, to = undefined } = {}) => {
    const samples = sweep(seconds, rate);
    const size = rate / 10;
    if (from === 0) player.cueStart({ cueId });
    for (let at = from * rate, number = 0; at < (to ?? seconds) * rate; at += size, number++) {
      const wait = waits[number % waits.length];
      if (wait) await new Promise((resolve) => setTimeout(resolve, wait));
      player.audio(cueId, samples.slice(at, at + size), rate);
    }
    if (to === undefined) player.cueEnd(cueId);
  };
}"""

# Plays the first 4 KB of an endless stream to their end; returns how many seconds they were.
FIRST_SECONDS = """async (address) => {
  const stopping = new AbortController();
  const parts = [];
  const answer = await fetch(address, { signal: stopping.signal });
  for (const reader = answer.body.getReader(), taken = { bytes: 0 }; taken.bytes < 4096; ) {
    const { value } = await reader.read();
    parts.push(value);
    taken.bytes += value.length;
  }
  stopping.abort();
  const element = new Audio(URL.createObjectURL(new Blob(parts, { type: answer.headers.get("content-type") })));
  await element.play();
  await new Promise((resolve, reject) => {
    element.onended = resolve;
    element.onerror = () => reject(element.error);
  });
  return element.currentTime;
}"""


def sweep(seconds: float, rate: int = 16_000) -> Samples:
    """What the page's function of this name makes."""
    at = np.arange(round(seconds * rate)) / rate
    return (0.5 + 0.4 * np.sin(2 * np.pi * (200 * at + 300 * at * at))).astype(np.float32)


def voice(sound: Samples) -> Samples:
    """What was heard, without any silence."""
    return sound[np.abs(sound) > 0.01]


def same(heard: Samples, wanted: Samples) -> None:
    """Fails when a sample is missing, doubled, out of order, or another by more than the recording's rounding."""
    assert heard.size == wanted.size, f"{heard.size} samples were heard, {wanted.size} went in"
    assert float(np.abs(heard - wanted).max()) < 1e-4


def listen(talk: Talk, form: str) -> str:
    return f"/listen/{talk.session_id}/es.{form}"


class Stage:
    """A page with a player that has been started, and a recording of what is heard."""

    def __init__(self, page: Page, heard: Heard, rate: int) -> None:
        self.page = page
        self.heard = heard
        self.rate = rate

    async def run(self, script: str) -> Any:
        return await self.page.evaluate(script)

    async def told(self, *names: str) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = await self.run("told")
        return [event for event in events if event["name"] in names]

    async def over(self, cue_id: str) -> None:
        """Waits until a cue was heard to its end."""

        async def finished() -> bool:
            return any(event["cueId"] == cue_id for event in await self.told("finished"))

        await until(finished, f"the end of {cue_id}")

    async def met(self, condition: str) -> None:
        """Waits until a condition of the page is true."""
        await until(lambda: self.run(condition), condition)

    async def voice(self, at_least: int) -> Samples:
        """All that was heard so far, without silence, once there are so many samples; a little longer, for doubles."""
        await self.heard.until(lambda sound: voice(sound.samples).size >= at_least)
        await self.run("new Promise((resolve) => setTimeout(resolve, 60))")
        return voice(await self.heard.take())


async def staged(open_page: OpenPage, rate: int = 16_000) -> Stage:
    page = await open_page("/")
    await page.evaluate(PLAYER, rate)
    return Stage(page, await hear(page, "#loudspeaker"), rate)


@pytest.mark.parametrize("rate", [16_000, 48_000])
async def test_what_comes_by_fits_and_starts_is_heard_to_the_sample_without_gaps(
    open_page: OpenPage, rate: int
) -> None:
    # A page that is held up for longer than the jitter buffer is long has a gap by right: then another try.
    for _ in range(5):
        stage = await staged(open_page, rate)
        await stage.run("say('1-es', 1.2, { waits: [0, 0, 0, 180, 10, 0, 160, 90, 0, 20] })")
        await stage.run("say('2-es', 0.5)")
        await stage.over("2-es")
        wanted = np.concatenate([sweep(1.2, rate), sweep(0.5, rate)])
        same(await stage.voice(wanted.size), wanted)
        ids = [(event["name"], event["cueId"]) for event in await stage.told("started", "finished")]
        assert ids == [("started", "1-es"), ("finished", "1-es"), ("started", "2-es"), ("finished", "2-es")]
        if await stage.run("player.status.underruns") == 0:
            # Not even between the cues, for the second was there before the first had ended.
            sounding = np.flatnonzero(np.abs(stage.heard.samples) > 0.01)
            assert int(np.diff(sounding).max()) == 1
            return
    pytest.fail("the page is held up for a quarter of a second again and again")


async def test_a_voice_of_another_rate_keeps_its_pitch_and_its_length(open_page: OpenPage) -> None:
    stage = await staged(open_page, 48_000)
    await stage.run("say('1-es', 1, { rate: 16000 })")
    heard = await stage.voice(47_900)
    assert abs(heard.size - 48_000) <= 32, "the filter's ends, which are soft, may be below what counts as sound"
    wanted = sweep(1, 48_000)
    offset = 48_000 - heard.size
    best = min(
        float(np.abs(heard[1000:40_000] - wanted[1000 + by : 40_000 + by]).max()) for by in range(-2, offset + 2)
    )
    assert best < 5e-3


async def test_sound_that_comes_too_late_is_heard_whole_after_a_pause(open_page: OpenPage) -> None:
    stage = await staged(open_page)
    await stage.run("say('1-es', 1.2, { to: 0.3 })")
    await stage.met("told.some(({ name, playing }) => name === 'status' && playing) && !player.status.playing")
    await stage.run("say('1-es', 1.2, { from: 0.3, to: 0.5 })")
    assert await stage.run("player.status.bufferedSeconds") == pytest.approx(0.2), "it waits for a quarter of a second"
    await stage.run("say('1-es', 1.2, { from: 0.5 })")
    await stage.over("1-es")
    same(await stage.voice(19_200), sweep(1.2))
    assert await stage.run("player.status.underruns") == 1
    assert [event["cueId"] for event in await stage.told("started")] == ["1-es"]


async def test_a_pause_loses_nothing_and_doubles_nothing(open_page: OpenPage) -> None:
    stage = await staged(open_page)
    await stage.run("say('1-es', 1.2)")
    await stage.met("player.status.cueId === '1-es' && player.status.bufferedSeconds < 1.1")
    await stage.run("player.pause()")
    assert await stage.run("player.status.paused && !player.status.playing && loudspeaker.paused")
    await stage.run("say('2-es', 0.5)")
    await stage.met("player.status.behindSeconds > 0.4")
    quiet = (await stage.heard.take()).size
    await stage.run("new Promise((resolve) => setTimeout(resolve, 200))")
    assert (await stage.heard.take()).size == quiet, "nothing is heard in a pause"
    assert quiet < 19_200
    # Who changes their mind at once was refused nothing.
    await stage.run("player.resume(); player.pause(); new Promise((resolve) => setTimeout(resolve, 60))")
    assert await stage.told("interrupted") == []
    await stage.run("player.resume()")
    await stage.over("2-es")
    wanted = np.concatenate([sweep(1.2), sweep(0.5)])
    same(await stage.voice(wanted.size), wanted)
    assert await stage.run("player.status.underruns") == 0


async def test_thirty_seconds_wait_in_a_pause_and_the_oldest_cues_go_whole(open_page: OpenPage) -> None:
    stage = await staged(open_page)
    await stage.run("player.pause()")
    await stage.run("(async () => { for (let cue = 0; cue < 35; cue++) await say(`${cue}-es`, 1); })()")
    dropped = await stage.told("dropped")
    assert sum(event["cues"] for event in dropped) == 5
    assert sum(event["seconds"] for event in dropped) == pytest.approx(5)
    assert await stage.run("player.status.bufferedSeconds") == pytest.approx(30)
    await stage.run("player.resume()")
    await stage.met("told.some(({ name }) => name === 'started')")
    assert (await stage.told("started"))[0]["cueId"] == "5-es"
    same((await stage.voice(8_000))[:8_000], sweep(1)[:8_000])


async def test_skipping_to_live_plays_what_is_still_being_said(open_page: OpenPage) -> None:
    stage = await staged(open_page)
    await stage.run("player.pause()")
    await stage.run(
        "(async () => { await say('1-es', 3); await say('2-es', 3); await say('3-es', 2.5, { to: 2 }); })()"
    )
    await stage.run("player.skipToLive()")
    status = await stage.run("player.status")
    assert not status["paused"]
    assert status["bufferedSeconds"] <= 1
    await stage.run("say('3-es', 2.5, { from: 2 })")
    await stage.over("3-es")
    # The last second of what had come, and what followed.
    same(await stage.voice(24_000), sweep(2.5)[16_000:])
    assert [event["cueId"] for event in await stage.told("started")] == ["3-es"]


async def test_mute_and_volume_change_what_is_heard_and_nothing_else(open_page: OpenPage) -> None:
    stage = await staged(open_page)
    await stage.run("player.muted = true")
    await stage.run("new Promise((resolve) => setTimeout(resolve, 200))")
    await stage.run("say('1-es', 0.5)")
    await stage.over("1-es")
    assert voice(await stage.heard.take()).size == 0, "the voice goes on, unheard"
    await stage.run("player.volume = 0.5; player.muted = false")
    await stage.run("new Promise((resolve) => setTimeout(resolve, 200))")
    await stage.run("say('2-es', 0.5)")
    await stage.over("2-es")
    heard = await stage.voice(7_900)
    assert heard[2_000:6_000] == pytest.approx(sweep(0.5)[2_000:6_000] / 2, abs=2e-3)
    assert await stage.run("[player.volume, player.muted]") == [0.5, False]


async def test_clearing_silences_at_once_and_the_next_cue_is_heard(open_page: OpenPage) -> None:
    stage = await staged(open_page)
    await stage.run("say('1-es', 5)")
    await stage.met("player.status.playing && player.status.bufferedSeconds < 4.8")
    await stage.run("player.clear()")
    assert await stage.run("player.status.bufferedSeconds") == 0
    await stage.run("say('2-es', 0.5)")
    await stage.over("2-es")
    heard = await stage.voice(8_000)
    assert heard.size < 5 * 16_000
    same(heard[-8_000:], sweep(0.5))
    assert [event["cueId"] for event in await stage.told("finished")] == ["2-es"]


async def test_a_phone_that_takes_the_sound_away_loses_none_of_it(open_page: OpenPage) -> None:
    stage = await staged(open_page)
    await stage.run("say('1-es', 1)")
    await stage.met("player.status.playing && player.status.bufferedSeconds < 0.9")
    # As a call, or headphones that are pulled out: the browser pauses the element.
    await stage.run("loudspeaker.pause()")
    await stage.met("told.some(({ name, active }) => name === 'interrupted' && !active)")
    assert not await stage.run("player.status.playing || player.status.paused")
    await stage.run("player.resume()")
    await stage.over("1-es")
    assert [event["active"] for event in await stage.told("interrupted")] == [False, True]
    heard = await stage.voice(15_500)
    # The context may go on for a moment after the element has stopped; what was heard before and after is all in order.
    same(heard, sweep(1))


async def test_closing_lets_go_of_everything(open_page: OpenPage) -> None:
    stage = await staged(open_page)
    await stage.run("say('1-es', 5)")
    await stage.met("player.status.playing")
    assert await stage.run("navigator.mediaSession.playbackState") == "playing"
    assert await stage.run("navigator.mediaSession.metadata.title") == "A talk"
    await stage.run("window.track = player.stream.getAudioTracks()[0]")
    await stage.run("player.close()")
    assert await stage.run("loudspeaker.srcObject === null && loudspeaker.paused")
    assert await stage.run("[player.stream, navigator.mediaSession.playbackState]") == [None, "none"]
    before = len(await stage.told("status"))
    await stage.run("(async () => { await say('2-es', 1); player.pause(); player.skipToLive(); player.clear(); })()")
    await stage.run("new Promise((resolve) => setTimeout(resolve, 300))")
    assert len(await stage.told("status")) == before
    assert await stage.run("loudspeaker.paused && navigator.mediaSession.playbackState") == "none"


async def test_the_plain_stream_is_heard_instead(open_page: OpenPage, lingocast: Lingocast) -> None:
    page = await open_page("/")
    await page.evaluate(PLAYER, 16_000)
    assert await page.evaluate("player.canPlayStream()") == "mp3"
    async with lingocast.talk() as talk, talk.going_on():
        # Chromium takes an address by 32 KB, which are 8 s of MP3 and 11 of Ogg. That an element plays Ogg, too, the
        # first seconds of it show meanwhile.
        await page.evaluate(f"(address) => {{ window.first = ({FIRST_SECONDS})(address); }}", listen(talk, "ogg"))
        await page.evaluate("(address) => player.playStream(address)", listen(talk, "mp3"))
        heard = await hear(page, "#loudspeaker")
        await heard.until(lambda sound: sound.audible_seconds > 0.5, seconds=60)
        status = await page.evaluate("player.status")
        assert (status["mode"], status["playing"], status["paused"]) == ("stream", True, False)
        assert await page.evaluate("first") >= 1
        await page.evaluate("player.pause()")
        assert await page.evaluate("[loudspeaker.paused, loudspeaker.getAttribute('src')]") == [True, None]
    # Back to cues.
    await page.evaluate("player.start()")
    await page.evaluate("say('1-es', 0.5)")
    await until(lambda: page.evaluate("told.some(({ name }) => name === 'finished')"), "the end of the cue")


async def test_a_stream_that_ends_is_loaded_again_until_the_person_pauses(open_page: OpenPage) -> None:
    page = await open_page("/")
    asked: list[str] = []

    async def answer(route: Route) -> None:
        asked.append(route.request.url)
        await route.fulfill(body=SHORT_TALK.read_bytes()[:4_000], content_type="audio/mpeg")

    await page.route("**/listen/**", answer)
    await page.evaluate(PLAYER, 16_000)
    await page.evaluate("player.playStream('/listen/faithful-shepherd-427/es.mp3')")
    lost_and_found = "told.filter(({ name }) => name === 'interrupted').map(({ active }) => active)"
    await until(lambda: page.evaluate(f"{lost_and_found}.length >= 2"), "another try")
    assert (await page.evaluate(lost_and_found))[:2] == [False, True]
    await page.evaluate("player.pause()")
    count = len(asked)
    assert count >= 2
    # Longer than the next try would have waited.
    await page.evaluate("new Promise((resolve) => setTimeout(resolve, 1100))")
    assert len(asked) == count
    await page.evaluate("player.resume()")
    await until(lambda: page.evaluate("player.status.playing"), "the stream")
    assert len(asked) > count


async def test_an_address_that_plays_nothing_is_a_problem(open_page: OpenPage, watch: Watch) -> None:
    watch.allow("404")
    page = await open_page("/")
    await page.evaluate(PLAYER, 16_000)
    name = "player.playStream('/listen/faithful-shepherd-999/es.mp3').catch(({ name }) => name)"
    assert await page.evaluate(name) == "unplayable"
