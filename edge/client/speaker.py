"""The speaker's side: opens a session, sends audio, works the switches, hears what was understood."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from urllib.parse import quote

from edge.client.dialling import Request
from edge.client.link import Link, linked
from edge.client.messages import (
    BroadcastMuted,
    BroadcastPaused,
    BroadcastResumed,
    BroadcastUnmuted,
    ClientError,
    ConnectionRefreshComplete,
    Event,
    GlossaryAccepted,
    SessionCreated,
    SessionEnded,
    SessionStatus,
    SpeakerStateChanged,
    VolumeChanged,
)
from edge.client.pacing import SAMPLE_RATE, Chunker, Throttle
from edge.client.recovery import Timing

GLOSSARY_CHARACTERS = 2_048
"""What the query of a connection has room for, escaped: a letter beyond ASCII is six to twelve characters there, and
servers take 8 KB. A longer glossary is set on the open connection."""
TokenSource = str | Callable[[], Awaitable[str]]
"""A JWT, or a function that brings a fresh one: a refresh after hours needs a token that is still valid then."""


@dataclass(frozen=True, slots=True)
class Term:
    """A glossary entry: `source` stays as it is, or becomes `target` in `language`."""

    source: str
    target: str | None = None
    language: str | None = None


class Speaker:
    """A session that this client speaks in. Made by `Speaker.open`; iterate it for events.

    Events wait in a bounded inbox; who does not read them stops the server's messages, then gets no answers either.
    Losses are mended by themselves; while disconnected, sending waits.
    """

    def __init__(self, link: Link, created: SessionCreated, sample_rate: int) -> None:
        self._link = link
        self._created = created
        self._chunker = Chunker(sample_rate)
        self._throttle = Throttle()

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        url: str,
        token: TokenSource,
        *,
        source_language: str = "en",
        quality_tier: str = "standard",
        pin: str | None = None,
        sample_rate: int = SAMPLE_RATE,
        partial_results: bool | None = None,
        min_stability: float | None = None,
        max_buffer_seconds: float | None = None,
        glossary: Sequence[Term] = (),
        end_on_exit: bool = True,
        timing: Timing | None = None,
        inbox: int = 1024,
    ) -> AsyncIterator["Speaker"]:
        """A new session, ended on leaving unless `end_on_exit` is False (the server then waits for a refresh).

        `url` is the server's address (`https://example.org`); `sample_rate` 8000, 16000, 24000 or 48000 per second.
        What is None is the server's choice. Raises ClientError.
        """
        wanted = {
            "sourceLanguage": source_language,
            "qualityTier": quality_tier,
            "sampleRate": str(sample_rate),
            "pin": pin,
            "partialResults": None if partial_results is None else str(partial_results).lower(),
            "minStability": None if min_stability is None else f"{min_stability:g}",
            "maxBufferSeconds": None if max_buffer_seconds is None else f"{max_buffer_seconds:g}",
        }
        entries = _entries(glossary)
        text = json.dumps(entries, ensure_ascii=False, separators=(",", ":"))
        if entries and len(quote(text)) <= GLOSSARY_CHARACTERS:
            wanted["glossary"] = text
        identity = _Identity(token, {name: value for name, value in wanted.items() if value is not None})
        goodbye = _end_if_live if end_on_exit else _nothing
        async with linked(url, identity, timing or Timing(), inbox, goodbye) as link:
            assert identity.created is not None
            speaker = cls(link, identity.created, sample_rate)
            if "glossary" in wanted:
                link.keep_saying("setGlossary", terms=entries)
            elif entries:
                await speaker.set_glossary(glossary)
            yield speaker

    @property
    def session_id(self) -> str:
        """What listeners need to join."""
        return self._created.session_id

    @property
    def join_url(self) -> str:
        """The page where listeners join."""
        return self._created.join_url

    @property
    def created(self) -> SessionCreated:
        """All that the server said when the session was opened."""
        return self._created

    async def send(self, pcm: bytes) -> None:
        """Sends PCM s16le mono of any length, in order; under 40 ms it waits for the next call.

        Waits while the connection is down or the server takes no more. Raises ClientError when the session is over,
        ValueError for half a sample.
        """
        for chunk in self._chunker.cut(pcm):
            if wait := self._throttle.take(asyncio.get_running_loop().time()):
                await asyncio.sleep(wait)
            await self._link.send_audio(chunk)

    async def pause(self) -> BroadcastPaused:
        """Stops the broadcast until `resume`. This and the following raise ClientError."""
        return await self._link.ask("pauseBroadcast", BroadcastPaused)

    async def resume(self) -> BroadcastResumed:
        return await self._link.ask("resumeBroadcast", BroadcastResumed)

    async def mute(self) -> BroadcastMuted:
        return await self._link.ask("muteBroadcast", BroadcastMuted)

    async def unmute(self) -> BroadcastUnmuted:
        return await self._link.ask("unmuteBroadcast", BroadcastUnmuted)

    async def set_volume(self, level: float) -> VolumeChanged:
        """`level` 0.0 to 1.0 multiplies the amplitude before recognition."""
        return await self._link.ask("setVolume", VolumeChanged, volumeLevel=level)

    async def change_state(
        self, *, paused: bool | None = None, muted: bool | None = None, volume: float | None = None
    ) -> SpeakerStateChanged:
        """Several switches at once; None leaves one as it is."""
        state = {"isPaused": paused, "isMuted": muted, "volume": volume}
        given = {name: value for name, value in state.items() if value is not None}
        return await self._link.ask("speakerStateChange", SpeakerStateChanged, state=given)

    async def set_glossary(self, terms: Sequence[Term]) -> GlossaryAccepted:
        """Replaces the session's glossary. It is said again by itself after a loss or a refresh, for another edge does
        not know it. Raises ClientError (INVALID_PARAMETER, INVALID_LANGUAGE).
        """
        entries = _entries(terms)
        accepted = await self._link.ask("setGlossary", GlossaryAccepted, terms=entries)
        self._link.keep_saying("setGlossary", terms=entries)
        return accepted

    async def status(self) -> SessionStatus:
        """How many listen, in which languages, and how far behind they are."""
        return await self._link.ask("getSessionStatus", SessionStatus)

    async def end(self) -> SessionEnded:
        """Ends the session for everybody, once what was said has been delivered."""
        return await self._link.ask("endSession", SessionEnded, deadline=self._link.timing.ending)

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        return await self._link.next_event()


def _entries(terms: Sequence[Term]) -> list[dict[str, str]]:
    """The terms as the protocol has them."""
    return [
        {name: text for name in ("source", "target", "language") if (text := getattr(term, name)) is not None}
        for term in terms
    ]


async def _end_if_live(link: Link) -> None:
    if not link.ended:
        # Leaving must not fail; the server ends a session that nobody speaks in by itself.
        with suppress(ClientError, TimeoutError):
            async with asyncio.timeout(link.timing.goodbye):
                await link.ask("endSession", SessionEnded)


async def _nothing(_: Link) -> None:
    pass


class _Identity:
    """The speaker's connections: created once, then refreshed with a token."""

    def __init__(self, token: TokenSource, options: Mapping[str, str]) -> None:
        self._token = token
        self._options = options
        self._connection_id = ""
        self.created: SessionCreated | None = None

    async def opening(self, last_cue: str = "") -> Request:
        return Request({"action": "createSession", **self._options}, await self._fresh_token())

    async def resuming(self, last_cue: str) -> Request:
        assert self.created is not None
        query = {
            "action": "refreshConnection",
            "role": "speaker",
            "sessionId": self.created.session_id,
            "sampleRate": self._options["sampleRate"],
        }
        # Named, it is only replaced while no other has taken its place.
        named = {"connectionId": self._connection_id} if self._connection_id else {}
        return Request(query | named, await self._fresh_token())

    def opened(self, answer: Event) -> bool:
        match answer:
            case SessionCreated() if self.created is None:
                self.created = answer
                self._connection_id = answer.connection_id
                return True
            case ConnectionRefreshComplete():
                self._connection_id = answer.new_connection_id
                return self.created is not None
        return False

    def may_open_again(self) -> bool:
        return False  # It would be another session, whose listeners are elsewhere.

    def saw(self, event: Event) -> None:
        pass

    def unanswered(self) -> None:
        # Our own next connection may have taken the last one's place already; the token is enough.
        self._connection_id = ""

    async def _fresh_token(self) -> str:
        if isinstance(self._token, str):
            return self._token
        try:
            return await self._token()
        except Exception as error:
            raise ClientError("TOKEN_UNAVAILABLE", 503, "no fresh token could be had") from error
