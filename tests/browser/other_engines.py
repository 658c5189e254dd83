"""Tries the pages in Firefox, by hand: `python -m tests.browser.other_engines`, with firefox or firefox-esr installed.

It is no test: `make test` asks for one browser only. A talk of noise is given in a system with scripted engines; a
listener page and a projector page are opened in Firefox, which is driven over WebDriver BiDi, a WebSocket of its own
that needs no further program. It prints what worked, and leaves pictures in `out/other-engines/`.

Firefox plays nothing where there is no sound device. A machine without one has one by
`pulseaudio -n --exit-idle-time=-1 -L module-null-sink -L module-native-protocol-unix`.
"""

import asyncio
import base64
import json
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect

from chassis.probing import free_port
from tests.browser.stage import lingocast
from tests.browser.waiting import until

OUT: Final = Path(__file__).resolve().parents[2] / "out" / "other-engines"
_SETTINGS: Final = (
    ("media.autoplay.default", 1),
    ("browser.shell.checkDefaultBrowser", False),
    ("datareporting.policy.dataSubmissionEnabled", False),
    ("app.update.enabled", False),
    ("network.captive-portal-service.enabled", False),
    ("network.connectivity-service.enabled", False),
    ("network.proxy.type", 0),
)


class Firefox:
    """One window, over WebDriver BiDi."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._ids = count(1)
        self._context = ""
        self.said: list[str] = []
        """What pages wrote to the console as errors, and what they threw."""

    async def ask(self, method: str, **params: Any) -> Any:
        """A command's result. Raises RuntimeError with what Firefox said."""
        number = next(self._ids)
        await self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        async with asyncio.timeout(60):
            while True:
                message = json.loads(await self._socket.recv())
                if message.get("method") == "log.entryAdded" and message["params"]["level"] == "error":
                    self.said.append(str(message["params"]["text"]))
                if message.get("id") == number:
                    if "error" in message:
                        raise RuntimeError(f"{method}: {message['error']}: {message['message']}")
                    return message["result"]

    async def begin(self) -> None:
        await self.ask("session.new", capabilities={})
        await self.ask("session.subscribe", events=["log.entryAdded"])

    async def open(self, address: str, width: int, height: int) -> None:
        """In a new tab, which is the one that is asked from now on."""
        self._context = (await self.ask("browsingContext.create", type="tab"))["context"]
        viewport = {"width": width, "height": height}
        await self.ask("browsingContext.setViewport", context=self._context, viewport=viewport)
        await self.ask("browsingContext.navigate", context=self._context, url=address, wait="complete")

    async def evaluate(self, expression: str) -> Any:
        """The value of an expression that gives text, a number, a truth or nothing."""
        target = {"context": self._context}
        answer = await self.ask(
            "script.evaluate", expression=expression, target=target, awaitPromise=True, userActivation=True
        )
        if answer["type"] == "exception":
            raise RuntimeError(answer["exceptionDetails"]["text"])
        return answer["result"].get("value")

    async def picture(self, name: str) -> None:
        shot = await self.ask("browsingContext.captureScreenshot", context=self._context)
        OUT.mkdir(parents=True, exist_ok=True)
        (OUT / f"{name}.png").write_bytes(base64.b64decode(shot["data"]))


@asynccontextmanager
async def firefox(folder: Path) -> AsyncIterator[Firefox]:
    """Firefox without a screen, with a profile of its own. Raises SystemExit where there is none."""
    program = shutil.which("firefox-esr") or shutil.which("firefox")
    if program is None:
        raise SystemExit("Firefox is not there; apt-get install firefox-esr")
    port = free_port()
    profile = folder / "profile"
    profile.mkdir()
    lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in _SETTINGS)
    (profile / "user.js").write_text("\n".join(lines))
    process = await asyncio.create_subprocess_exec(
        *(program, "--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", str(port)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with await until(lambda: _connected(port), "Firefox", 60) as socket:
            browser = Firefox(socket)
            await browser.begin()
            yield browser
    finally:
        process.terminate()
        await process.wait()


async def _connected(port: int) -> ClientConnection | None:
    try:
        return await connect(f"ws://127.0.0.1:{port}/session", max_size=None, proxy=None)
    except OSError:
        return None


async def main() -> int:
    with TemporaryDirectory() as name:
        folder = Path(name)
        running = lingocast(folder / "data")
        async with running as system, firefox(folder) as browser, system.talk() as talk, talk.going_on():
            wrong = await _listener(browser, f"{system.url}/s/{talk.session_id}")
            wrong += await _projector(browser, f"{system.url}/s/{talk.session_id}/screen?lang=es")
    for line in (*wrong, *(f"console: {text}" for text in browser.said)):
        print(line)
    print(
        f"Firefox: {'something did not work' if wrong or browser.said else 'all worked'}; pictures in out/other-engines"
    )
    return 1 if wrong or browser.said else 0


async def _listener(browser: Firefox, address: str) -> list[str]:
    await browser.open(address, 390, 844)
    await browser.picture("firefox-listen-start")
    await _seen(browser, "!document.querySelector('[data-part=listen]').disabled")
    await browser.evaluate("document.querySelector('[data-part=listen]').click()")
    wrong = []
    for what, expression in (
        ("captions", "document.querySelector('[data-part=captions]').innerText.trim().length > 0"),
        ("the pause button", "document.querySelector('[data-part=pause]').checkVisibility()"),
        ("sound that goes on", "document.querySelector('audio').currentTime > 1"),
    ):
        try:
            await _seen(browser, expression)
        except TimeoutError:
            wrong.append(f"listener page: no {what}")
    await browser.picture("firefox-listen")
    return wrong


async def _projector(browser: Firefox, address: str) -> list[str]:
    await browser.open(address, 1280, 720)
    try:
        await _seen(browser, "document.querySelector('#stage').innerText.trim().length > 0")
    except TimeoutError:
        return ["projector page: no captions"]
    finally:
        await browser.picture("firefox-screen")
    return []


async def _seen(browser: Firefox, expression: str) -> None:
    await until(lambda: browser.evaluate(expression), expression)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
