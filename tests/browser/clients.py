"""The JavaScript client in a page that has nothing else on it, driven and watched from here."""

import base64
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from playwright.async_api import Page

from edge.client import Caption, CueStart, SourceCaption
from tests.browser.conftest import OpenPage
from tests.browser.stage import Lingocast
from tests.browser.waiting import until
from tests.browser.watching import Watch
from tests.e2e.talks import Received

_EVENTS: Final = tuple(
    """joined created caption sourceCaption cueStart cueEnd state status languageChanged dropped unavailable recovered
    warning cleared trouble glossaryAccepted lost ended connection problem rateLimited""".split()  # noqa: SIM905
)

# What a page of one's own would have: clients by name, and what came to each. Samples are kept apart, as s16le.
_SETUP: Final = """async (names) => {
  const { Listener, Speaker, Problem } = await import("/web/any/client.js");
  const told = (value) => value instanceof Problem ? { ...value, message: value.message } : value;
  const came = {};
  window.clients = {};
  window.make = (name, kind, ...given) => {
    const client = kind === "Speaker" ? new Speaker(...given) : new Listener(...given);
    const log = (came[name] = { events: [], audio: {} });
    for (const event of names) {
      client.on(event, (news) => {
        const plain = { ...told(news), ...(news.problem ? { problem: told(news.problem) } : {}) };
        log.events.push([event, plain]);
      });
    }
    client.on("audio", ({ cueId, samples, sampleRate }) => {
      const pieces = (log.audio[cueId] ??= []);
      pieces.push(Int16Array.from(samples, (sample) => Math.max(-32768, Math.min(32767, Math.round(sample * 32768)))));
      log.events.push(["audio", { cueId, samples: samples.length, sampleRate }]);
    });
    window.clients[name] = client;
  };
  window.ask = async (name, method, ...given) => {
    try {
      return { answer: await window.clients[name][method](...given) };
    } catch (error) {
      return { problem: told(error) };
    }
  };
  window.take = (name, from) => came[name].events.slice(from);
  window.voice = (name) => {
    const all = Object.entries(came[name].audio).map(([cueId, pieces]) => {
      const bytes = new Uint8Array(2 * pieces.reduce((sum, piece) => sum + piece.length, 0));
      let at = 0;
      for (const piece of pieces) {
        bytes.set(new Uint8Array(piece.buffer), at);
        at += 2 * piece.length;
      }
      let text = "";
      for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
      return [cueId, btoa(text)];
    });
    return Object.fromEntries(all);
  };
  window.speak = (name, pcm, chunk) => new Promise((done) => {
    const bytes = Uint8Array.from(atob(pcm), (letter) => letter.charCodeAt(0));
    const samples = new Int16Array(bytes.buffer);
    const began = performance.now();
    let at = 0;
    const timer = setInterval(() => {
      // As many as a microphone would have by now: timers are late.
      while (at < samples.length && at <= (performance.now() - began) * 16) {
        window.clients[name].send(samples.slice(at, (at += chunk)));
      }
      if (at >= samples.length) {
        clearInterval(timer);
        done();
      }
    }, 50);
  });
}"""


class Refused(Exception):
    """A Problem of the client. `problem` has its fields."""

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(problem)
        self.problem = problem
        self.code = problem.get("code")


@dataclass
class InPage:
    """One client in a page. Its events are (name, what it told)."""

    page: Page
    name: str
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    async def ask(self, method: str, *given: object) -> Any:
        """Calls a method and waits for it. Raises Refused."""
        told = await self.page.evaluate(
            "([name, method, given]) => window.ask(name, method, ...given)", [self.name, method, list(given)]
        )
        if "problem" in told:
            raise Refused(told["problem"])
        return told.get("answer")

    async def get(self, attribute: str) -> Any:
        return await self.page.evaluate("([name, key]) => window.clients[name][key]", [self.name, attribute])

    async def begin(self, method: str, *given: object) -> None:
        """Calls a method and does not wait."""
        await self.page.evaluate(
            "([name, method, given]) => { window.ask(name, method, ...given); }", [self.name, method, list(given)]
        )

    async def speak(self, pcm: bytes) -> None:
        """Sends s16le at real-time speed, as a microphone's chunks of 100 ms."""
        text = base64.b64encode(pcm).decode()
        await self.page.evaluate("([name, pcm]) => window.speak(name, pcm, 1600)", [self.name, text])

    async def until(self, event: str, count: int = 1, seconds: float = 30.0, **fields: object) -> dict[str, Any]:
        """Waits for the event (with these fields), `count` times in all. Returns the last of them."""

        async def look() -> dict[str, Any] | None:
            await self.look()
            found = self.of(event, **fields)
            return found[count - 1] if len(found) >= count else None

        try:
            found = await until(look, f"{event} {fields or ''}", seconds)
        except TimeoutError as error:
            came = [name for name, _ in self.events]
            raise TimeoutError(f"{error}; there were {came[-60:]}, {self.of('connection')}") from None
        assert found is not None
        return found

    async def look(self) -> None:
        """Fetches what came."""
        fresh = await self.page.evaluate("([name, from]) => window.take(name, from)", [self.name, len(self.events)])
        self.events += [(name, news) for name, news in fresh]

    def of(self, event: str, **fields: object) -> list[dict[str, Any]]:
        """All events of that name so far (with these fields; `code` may be the problem's)."""

        def fits(news: dict[str, Any]) -> bool:
            told = {**(news.get("problem") or {}), **news}
            return all(told.get(key) == value for key, value in fields.items())

        return [news for name, news in self.events if name == event and fits(news)]

    def finals(self, kind: str = "caption") -> list[tuple[int, str]]:
        return [(news["segmentId"], news["text"]) for news in self.of(kind, isFinal=True)]

    async def voice(self) -> dict[str, bytes]:
        """By cue, s16le."""
        taken = await self.page.evaluate("(name) => window.voice(name)", self.name)
        return {cue_id: base64.b64decode(text) for cue_id, text in taken.items()}

    def check_in_order(self) -> None:
        """Cues one after the other, none twice; every segment captioned in order; nothing after the end."""
        speaking: str | None = None
        begun: list[str] = []
        for name, news in self.events:
            match name:
                case "cueStart":
                    assert speaking is None, "cues overlap"
                    speaking = news["cueId"]
                    begun.append(speaking)
                case "audio":
                    assert speaking == news["cueId"], "audio outside its cue"
                case "cueEnd":
                    assert speaking == news["cueId"], "a cue ends that did not start"
                    speaking = None
        assert len(begun) == len(set(begun)), "a cue comes twice"
        ids = [segment for segment, _ in self.finals()]
        assert ids == sorted(set(ids)), "captions are out of order or repeated"


@dataclass
class Clients:
    """Makes clients in one page."""

    page: Page

    async def listener(self, name: str, session_id: str, **options: object) -> InPage:
        """Not open yet."""
        return await self._made(name, "Listener", "", session_id, {"language": "es", **options})

    async def speaker(self, name: str, token: str, **options: object) -> InPage:
        return await self._made(name, "Speaker", "", token, {"sourceLanguage": "en", **options})

    async def _made(self, name: str, kind: str, *given: object) -> InPage:
        await self.page.evaluate("([name, kind, given]) => window.make(name, kind, ...given)", [name, kind, given])
        return InPage(self.page, name)


async def clients(open_page: OpenPage, watch: Watch, at: Lingocast | None = None) -> Clients:
    """A page of the own origin, under the pages' own policy, with the client loaded."""
    page = await open_page(None, at=at)
    watch.allow("status of 404")
    # A page made up by the test would be a foreign one to Chromium, which lets such ask no server on this machine.
    await page.goto("/nothing/here")
    await page.evaluate(_SETUP, list(_EVENTS))
    return Clients(page)


def cues_of(received: Received) -> dict[str, bytes]:
    """What the Python client was given, by cue."""
    return {cue.cue_id: received.voice(cue.cue_id) for cue in received.of(CueStart)}


def captions_of(received: Received, kind: type[Caption] | type[SourceCaption] = Caption) -> list[tuple[int, str]]:
    return [(caption.segment_id, caption.text) for caption in received.of(kind) if caption.is_final]


def seconds(pcm: bytes, rate: int) -> float:
    return len(pcm) / 2 / rate


def likeness(one: bytes, other: bytes) -> float:
    """Correlation of two pieces of s16le at one rate, -1 to 1."""
    length = min(len(one), len(other)) // 2 * 2
    a, b = (np.frombuffer(each[:length], "<i2").astype(np.float64) for each in (one, other))
    return float(np.dot(a, b) / max(np.sqrt(np.dot(a, a) * np.dot(b, b)), 1.0))
