"""Whether what a microphone hears, or a file holds, is what would be sent: 16 kHz, 16 bits, 100 ms at a time."""

import base64
from io import BytesIO
from pathlib import Path
from wave import open as open_wave

import numpy as np
import numpy.typing as npt
import pytest
from playwright.async_api import Page

from edge.client import decode
from edge.pages import WEB
from tests.browser.chromium import write_wav
from tests.browser.conftest import OpenPage
from tests.browser.waiting import until

Samples = npt.NDArray[np.int16]
RATE = 16_000

# Collects what a source tells; `taken()` gives it out as base64.
COLLECT = """
  window.chunks = [];
  window.told = [];
  window.levels = [];
  window.problem = undefined;
  window.collect = (source) => {
    source.on("chunk", (chunk) => chunks.push(chunk));
    source.on("level", (level) => levels.push(level));
    for (const name of ["ended", "interrupted", "devices", "finished", "progress"]) {
      source.on(name, (value) => told.push({ name, ...value }));
    }
    return source;
  };
  window.taken = () => {
    const bytes = new Uint8Array(chunks.flatMap((chunk) => [...new Uint8Array(chunk.buffer)]));
    let text = "";
    for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
    return btoa(text);
  };
"""
OPEN = (
    "async ({ rate, ...settings }) => {"
    + COLLECT
    + """
  if (rate) {
    const Context = window.AudioContext;
    window.AudioContext = class extends Context {
      constructor(options) { super({ ...options, sampleRate: rate }); }
    };
  }
  const { Microphone } = await import("/web/test/audio/microphone.js");
  window.Microphone = Microphone;
  const processing = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  window.microphone = collect(new Microphone({ ...processing, ...settings }));
  try {
    await microphone.open();
    return "";
  } catch (error) {
    return error.name;
  }
}"""
)
PLAY = (
    "async (bytes) => {"
    + COLLECT
    + """
  const { Recording, SAMPLE_TALK } = await import("/web/test/audio/recording.js");
  const file = bytes && new File([Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0))], "talk.wav");
  window.recording = collect(new Recording(file ?? SAMPLE_TALK));
  try {
    await recording.play();
    return "";
  } catch (error) {
    return error.name;
  }
}"""
)


def sweep(seconds: float) -> bytes:
    """Up through the frequencies of speech: of no stretch is there another like it."""
    at = np.arange(round(seconds * RATE)) / RATE
    wave = 0.5 * np.sin(2 * np.pi * (150 * at + (3000 - 150) / (2 * seconds) * at * at))
    return (wave * 32767).astype("<i2").tobytes()


@pytest.fixture(scope="session")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the microphone hears over and over."""
    return write_wav(tmp_path_factory.mktemp("spoken") / "sweep.wav", sweep(3))


async def samples(page: Page) -> Samples:
    return np.frombuffer(base64.b64decode(await page.evaluate("taken()")), "<i2")


def likeness(heard: Samples, original: bytes) -> float:
    """How like the best place of the original what was heard is, 0 to 1, whatever its loudness."""
    one = heard.astype(np.float64)
    other = np.frombuffer(original, "<i2").astype(np.float64)
    size = one.size + other.size
    products = np.fft.irfft(np.fft.rfft(other, size) * np.conj(np.fft.rfft(one, size)), size)
    sums = np.concatenate([[0.0], np.cumsum(other**2)])
    energies = sums[one.size :] - sums[: -one.size]
    return float(np.max(products[: energies.size] / np.sqrt(np.maximum(energies, 1.0) * np.sum(one**2))))


async def chunks(page: Page, count: int) -> None:
    await until(lambda: page.evaluate(f"chunks.length >= {count}"), f"{count} chunks")


@pytest.mark.parametrize("rate", [44_100, 48_000])
async def test_what_is_said_comes_as_chunks_of_16_khz_whatever_the_device(
    open_page: OpenPage, spoken: Path, rate: int
) -> None:
    page = await open_page("/speak", voice=spoken)
    assert await page.evaluate(OPEN, {"rate": rate}) == ""
    assert await page.evaluate("microphone.deviceRate") == rate
    # Long enough that a busy machine, which loses some of it, leaves a good second.
    await chunks(page, 15)
    assert await page.evaluate("chunks.every((chunk) => chunk instanceof Int16Array && chunk.length === 1600)")
    heard = (await samples(page))[: 15 * 1600]
    original = sweep(3) * 3
    best = max(likeness(heard[start : start + 8_000], original) for start in range(0, heard.size - 8_000, 4_000))
    assert best > 0.95, "no half second is as it was said"
    # Of sound, not of the wall clock: a bar that moves 30 times a second.
    readings, count = await page.evaluate("[levels.length, chunks.length]")
    assert readings / (count * 0.1) >= 30
    loudest = await page.evaluate("levels.reduce((most, { peak }) => Math.max(most, peak), 0)")
    assert 0.3 < loudest <= 1


async def test_other_settings_open_the_microphone_anew(open_page: OpenPage, spoken: Path) -> None:
    page = await open_page("/speak", voice=spoken)
    assert await page.evaluate(OPEN, {}) == ""
    await chunks(page, 3)
    devices = await page.evaluate("Microphone.list()")
    assert devices
    assert all(device["label"] for device in devices)
    before = await page.evaluate("microphone.device.deviceId")
    other = next(device["deviceId"] for device in devices if device["deviceId"] not in {before, "default"})
    await page.evaluate("(deviceId) => microphone.setSettings({ deviceId })", other)
    assert await page.evaluate("microphone.device.deviceId") == other
    count = await page.evaluate("chunks.length")
    await chunks(page, count + 5)
    # As when one is plugged in.
    await page.evaluate("navigator.mediaDevices.dispatchEvent(new Event('devicechange'))")
    await until(lambda: page.evaluate("told.some(({ name }) => name === 'devices')"), "the new list")
    wrong = "microphone.setSettings({ deviceId: 'gone' }).catch(({ name }) => name)"
    assert await page.evaluate(wrong) == "missing"
    assert await page.evaluate("microphone.device.deviceId") == other, "the one before holds again"
    count = await page.evaluate("chunks.length")
    await chunks(page, count + 5)
    assert await page.evaluate("told.filter(({ name }) => name === 'ended')") == []


async def test_other_settings_while_the_person_is_still_asked_open_one_microphone(
    open_page: OpenPage, spoken: Path
) -> None:
    page = await open_page("/speak", voice=spoken)
    await page.evaluate(
        """() => {
          const original = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
          window.tracks = [];
          navigator.mediaDevices.getUserMedia = async (wanted) => {
            const stream = await original(wanted);
            tracks.push(...stream.getTracks());
            return stream;
          };
        }"""
    )
    both = "await Promise.all([microphone.open(), microphone.setSettings({ autoGainControl: true })]);"
    assert await page.evaluate(OPEN.replace("await microphone.open();", both), {}) == ""
    await chunks(page, 2)
    open_tracks = "tracks.filter(({ readyState }) => readyState === 'live').length"
    assert await page.evaluate(f"[tracks.length, {open_tracks}]") == [2, 1]
    await page.evaluate("microphone.close()")
    assert await page.evaluate(open_tracks) == 0


async def test_a_microphone_that_is_pulled_out_ends_and_may_be_opened_again(open_page: OpenPage, spoken: Path) -> None:
    page = await open_page("/speak", voice=spoken)
    await page.evaluate(
        """() => {
          const original = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
          navigator.mediaDevices.getUserMedia = async (wanted) => (window.given = await original(wanted));
        }"""
    )
    assert await page.evaluate(OPEN, {}) == ""
    await chunks(page, 2)
    await page.evaluate("given.getTracks()[0].dispatchEvent(new Event('ended'))")
    assert await page.evaluate("told") == [{"name": "ended", "reason": "unplugged"}]
    assert await page.evaluate("given.getTracks()[0].readyState") == "ended", "nothing listens any more"
    await page.evaluate("microphone.open()")
    count = await page.evaluate("chunks.length")
    await chunks(page, count + 3)
    await page.evaluate("microphone.close()")
    assert await page.evaluate("[given.getTracks()[0].readyState, microphone.device]") == ["ended", None]


async def test_a_call_that_takes_the_microphone_away_is_told(open_page: OpenPage, spoken: Path) -> None:
    page = await open_page("/speak", voice=spoken)
    await page.evaluate(
        """() => {
          const original = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
          navigator.mediaDevices.getUserMedia = async (wanted) => (window.given = await original(wanted));
        }"""
    )
    assert await page.evaluate(OPEN, {}) == ""
    await page.evaluate("for (const name of ['mute', 'unmute']) given.getTracks()[0].dispatchEvent(new Event(name))")
    assert [event["active"] for event in await page.evaluate("told")] == [False, True]


async def test_a_microphone_that_is_not_allowed_is_denied(open_page: OpenPage) -> None:
    page = await open_page("/speak", microphone="denied")
    assert await page.evaluate(OPEN, {}) == "denied"


async def test_a_machine_without_a_microphone_has_it_missing(open_page: OpenPage) -> None:
    page = await open_page("/speak", microphone="missing")
    assert await page.evaluate(OPEN, {}) == "missing"


async def test_a_microphone_that_another_program_uses_is_busy(open_page: OpenPage) -> None:
    page = await open_page("/speak")
    await page.evaluate(
        """() => {
          const busy = async () => { throw new DOMException("Could not start audio source", "NotReadableError"); };
          navigator.mediaDevices.getUserMedia = busy;
        }"""
    )
    assert await page.evaluate(OPEN, {}) == "busy"


def wav(pcm: bytes) -> str:
    written = BytesIO()
    with open_wave(written, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(pcm)
    return base64.b64encode(written.getvalue()).decode()


async def test_a_file_is_spoken_from_its_beginning_to_its_end(open_page: OpenPage) -> None:
    page = await open_page("/speak")
    said = sweep(1)
    assert await page.evaluate(PLAY, wav(said)) == ""
    await until(lambda: page.evaluate("told.some(({ name }) => name === 'finished')"), "the end of the file")
    heard = await samples(page)
    # With some silence before and after, and not much of it.
    loud = np.flatnonzero(np.abs(heard.astype(int)) > 300)
    assert 15_000 <= loud[-1] - loud[0] <= 20_000
    padded = bytes(RATE) + said + bytes(RATE)
    middle = heard[loud[0] + 4_000 : loud[0] + 12_000]
    assert likeness(middle, padded) > 0.95
    assert not await page.evaluate("recording.playing")
    assert await page.evaluate("recording.duration") == pytest.approx(1, abs=0.05)
    # Again from the beginning.
    await page.evaluate("chunks.length = 0; recording.play()")
    await chunks(page, 5)
    assert await page.evaluate("recording.position") < 0.9
    await page.evaluate("recording.close()")


async def test_nothing_is_sent_while_a_recording_pauses(open_page: OpenPage) -> None:
    page = await open_page("/speak")
    assert await page.evaluate(PLAY, None) == ""
    await chunks(page, 8)
    await page.evaluate("recording.pause()")
    count, position = await page.evaluate("[chunks.length, recording.position]")
    await page.evaluate("new Promise((resolve) => setTimeout(resolve, 300))")
    assert await page.evaluate("[chunks.length, recording.position]") == [count, position]
    assert 40 <= await page.evaluate("recording.duration") <= 60
    await page.evaluate("recording.play()")
    await chunks(page, count + 6)
    heard = await samples(page)
    await page.evaluate("recording.close()")
    talk = decode(WEB / "audio" / "sample.mp3")
    start = int(np.flatnonzero(np.abs(heard.astype(int)) > 1_000)[0])
    assert likeness(heard[start : start + 8_000], talk[: 5 * RATE * 2]) > 0.9


async def test_a_recording_that_was_got_ready_in_a_tap_is_silent_until_it_is_wanted(open_page: OpenPage) -> None:
    page = await open_page("/speak")
    await page.evaluate(PLAY.replace("await recording.play();", "recording.play(); recording.pause();"), None)
    await page.evaluate("new Promise((resolve) => setTimeout(resolve, 300))")
    assert await page.evaluate("[chunks.length, recording.position, recording.playing]") == [0, 0, False]
    await page.evaluate("recording.play()")
    await chunks(page, 3)
    await page.evaluate("recording.close()")


async def test_a_recording_that_breaks_off_is_over(open_page: OpenPage) -> None:
    page = await open_page("/speak")
    await page.evaluate(
        """() => {
          const Original = Audio;
          window.Audio = function () { return (window.element = new Original()); };
        }"""
    )
    assert await page.evaluate(PLAY, None) == ""
    await chunks(page, 2)
    # As the browser tells of a file that is damaged in its midst.
    await page.evaluate("element.pause(); element.dispatchEvent(new Event('error'))")
    await until(lambda: page.evaluate("told.some(({ name }) => name === 'finished')"), "the end")
    assert not await page.evaluate("recording.playing")


async def test_a_file_without_sound_is_unreadable(open_page: OpenPage) -> None:
    page = await open_page("/speak")
    assert await page.evaluate(PLAY, base64.b64encode(b"not a recording").decode()) == "unreadable"
    assert not await page.evaluate("recording.playing")
