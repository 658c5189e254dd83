"""What browsers do not let pages do: sound before a tap, and a microphone without https.

In a browser of its own, strict about taps (as phones are), which knows the edge by a name that counts as insecure too
(as that of a laptop in a hall's network).
"""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests.browser.chromium import program
from tests.browser.hearing import hear
from tests.browser.stage import Lingocast
from tests.browser.test_audio import PLAYER, sweep, voice
from tests.browser.test_microphone import OPEN, PLAY, chunks

# Playwright's calls into a page count as taps; what the page does by itself, and says on the console, does not.
AT_ONCE = """
  addEventListener("DOMContentLoaded", async () => {
    const { Player } = await import("/web/test/audio/player.js");
    const { Recording, SAMPLE_TALK } = await import("/web/test/audio/recording.js");
    const element = document.createElement("audio");
    const player = new Player({ sampleRate: 16000, element });
    const recording = new Recording(SAMPLE_TALK);
    const button = document.createElement("button");
    button.id = "tap";
    button.textContent = "Listen";
    document.body.prepend(button);
    const outcome = async (work) => { try { await work(); return "works"; } catch (error) { return error.name; } };
    const attempt = async (name) => {
      const [heard, spoken] = await Promise.all([outcome(() => player.start()), outcome(() => recording.play())]);
      recording.pause();
      console.info(`${name}: ${heard}, ${spoken}, ${player.status.playing}`);
    };
    button.onclick = () => attempt("tapped");
    await attempt("loaded");
  });
"""


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def strict() -> AsyncIterator[Browser]:
    arguments = [
        "--disable-gpu",
        "--no-first-run",
        "--no-proxy-server",
        "--host-resolver-rules=MAP lingocast.test 127.0.0.1",
        "--autoplay-policy=document-user-activation-required",
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
    ]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program(), args=arguments, chromium_sandbox=False)
        yield browser
        await browser.close()


def insecure(lingocast: Lingocast, path: str) -> str:
    return f"http://lingocast.test:{urlsplit(lingocast.url).port}{path}"


async def test_sound_without_a_tap_is_refused_and_a_tap_mends_it(strict: Browser, lingocast: Lingocast) -> None:
    context = await strict.new_context()
    page = await context.new_page()
    await page.add_init_script(AT_ONCE)
    async with page.expect_console_message(lambda message: message.text.startswith("loaded:")) as loaded:
        await page.goto(f"{lingocast.url}/speak")
    assert (await loaded.value).text == "loaded: not-allowed, not-allowed, false"
    async with page.expect_console_message(lambda message: message.text.startswith("tapped:")) as tapped:
        await page.click("#tap")
    assert (await tapped.value).text == "tapped: works, works, false"
    await context.close()


async def test_without_https_one_can_listen_and_play_a_recording_but_not_speak(
    strict: Browser, lingocast: Lingocast
) -> None:
    context = await strict.new_context()
    page = await context.new_page()
    await page.goto(insecure(lingocast, "/speak"))
    assert not await page.evaluate("isSecureContext")
    await page.evaluate(PLAYER, 16_000)
    heard = await hear(page, "#loudspeaker")
    await page.evaluate("say('1-es', 1)")
    await heard.until(lambda sound: voice(sound.samples).size >= 16_000)
    assert abs(voice(heard.samples) - sweep(1)).max() < 1e-4
    assert await page.evaluate(OPEN, {}) == "insecure"
    assert await page.evaluate(PLAY, None) == ""
    await chunks(page, 10)
    assert await page.evaluate("chunks.some((chunk) => chunk.some((sample) => Math.abs(sample) > 1000))")
    await context.close()
