"""What the other tests here stand on: the fixtures see what they are to see."""

import asyncio
from typing import Any

import numpy as np
import pytest
from playwright.async_api import Page

from tests.browser.chromium import Microphone
from tests.browser.conftest import OpenPage
from tests.browser.hearing import find, hear, placed
from tests.browser.stage import Lingocast
from tests.browser.watching import Watch

# As a page would make its voice: a tone of half a second, then half a second of nothing, then half a second again.
PLAY = """async () => {
  const context = new AudioContext({ sampleRate: 16000 });
  const out = context.createMediaStreamDestination();
  const element = document.body.appendChild(document.createElement("audio"));
  element.srcObject = out.stream;
  const buffer = context.createBuffer(1, 24000, 16000);
  const samples = buffer.getChannelData(0);
  const tone = (i) => 0.2 * Math.sin((2 * Math.PI * 440 * i) / 16000);
  for (let i = 0; i < 24000; i++) samples[i] = i < 8000 || i >= 16000 ? tone(i) : 0;
  window.play = () => {
    const source = new AudioBufferSourceNode(context, { buffer });
    source.connect(out);
    source.start();
  };
  await context.resume();
  await element.play();
}"""


async def blank(open_page: OpenPage, **options: Any) -> Page:
    """A page of the own origin with nothing on it and the strictest policy."""
    page = await open_page(None, **options)
    policy = {"Content-Security-Policy": "default-src 'none'; media-src blob: mediastream:"}
    await page.route("**/blank", lambda route: route.fulfill(body="<!doctype html>", headers=policy))
    await page.goto("/blank")
    return page


async def test_what_an_audio_element_plays_is_recorded_as_long_as_it_is(open_page: OpenPage) -> None:
    page = await blank(open_page, device="desktop")
    await page.mouse.click(5, 5)
    await page.evaluate(PLAY)
    heard = await hear(page)
    await page.evaluate("window.play()")
    await heard.until(lambda so_far: so_far.audible_seconds >= 0.98)
    # Whoever plays nothing for a while is silent for so long.
    await asyncio.sleep(0.4)
    await page.evaluate("window.play()")
    await heard.until(lambda so_far: so_far.audible_seconds >= 1.98)
    first, second, third, _ = heard.stretches()
    assert third[0] - second[1] >= 0.3
    assert [end - start for start, end in (first, second)] == pytest.approx([0.5, 0.5], abs=0.05)
    assert second[0] - first[1] == pytest.approx(0.5, abs=0.05)
    assert np.abs(heard.samples).max() == pytest.approx(0.2, abs=0.03)


def test_a_machine_that_is_late_makes_no_silence_and_a_stream_that_pauses_does() -> None:
    block = np.ones(160, np.float32)
    late = [(0.00, block), (0.31, block), (0.32, block), (0.03, block)]
    assert placed(late, 16_000).size == 640
    paused = [(0.00, block), (0.01, block), (0.32, block), (0.33, block)]
    assert placed(paused, 16_000).size == 640 + 0.3 * 16_000


def test_a_sound_is_found_again_however_loud_and_a_stop_within_it_is_noticed() -> None:
    chance = np.random.default_rng(3)
    sound = chance.normal(0, 0.1, 16_000).astype(np.float32)
    other = chance.normal(0, 0.1, 16_000).astype(np.float32)
    silence = np.zeros(4_800, np.float32)
    whole = find(sound, np.concatenate([other, silence, sound * 0.5, other]), 16_000)
    assert whole is not None
    assert whole.start == pytest.approx(1.3)
    assert whole.longest_gap == pytest.approx(0)
    assert whole.likeness > 0.99
    stopped = find(sound, np.concatenate([other, sound[:8_000], silence, sound[8_000:]]), 16_000)
    assert stopped is not None
    assert stopped.longest_gap == pytest.approx(0.3)
    assert find(sound, np.concatenate([other, silence]), 16_000) is None


@pytest.mark.parametrize(
    ("misdeed", "kind"),
    [
        ("setTimeout(() => { throw new Error('oh') })", "exception"),
        ("console.error('oh')", "console"),
        ("document.body.append(Object.assign(document.createElement('script'), {text: '1'}))", "policy"),
        ("location.href = 'http://192.0.2.1/'", "elsewhere"),
    ],
)
async def test_a_page_that_misbehaves_is_noticed(open_page: OpenPage, watch: Watch, misdeed: str, kind: str) -> None:
    page = await blank(open_page)
    await page.evaluate(misdeed)
    async with asyncio.timeout(20):
        while not any(each.startswith(f"{kind}: ") for each in watch.complaints):  # noqa: ASYNC110 - elsewhere
            await asyncio.sleep(0.05)
    with pytest.raises(AssertionError, match=kind):
        watch.check()
    watch.complaints.clear()


async def test_the_microphone_says_what_it_is_given(open_page: OpenPage) -> None:
    page = await blank(open_page)
    loud = await page.evaluate(
        """async () => {
          const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
          const { readable } = new MediaStreamTrackProcessor({ track: stream.getAudioTracks()[0] });
          for await (const data of readable) {
            const samples = new Float32Array(data.numberOfFrames);
            data.copyTo(samples, { planeIndex: 0, format: "f32-planar" });
            data.close();
            if (samples.some((sample) => Math.abs(sample) > 0.05)) return true;
          }
        }"""
    )
    assert loud


@pytest.mark.parametrize(("microphone", "name"), [("denied", "NotAllowedError"), ("missing", "NotFoundError")])
async def test_a_microphone_may_be_refused_or_absent(open_page: OpenPage, microphone: Microphone, name: str) -> None:
    page = await blank(open_page, microphone=microphone)
    asked = "navigator.mediaDevices.getUserMedia({ audio: true }).then(() => 'given', (error) => error.name)"
    assert await page.evaluate(asked) == name


async def test_a_talk_that_a_program_gives_has_captions(lingocast: Lingocast) -> None:
    async with lingocast.talk() as talk:
        await talk.say()
        await talk.told.until(lambda told: told.source_finals)
