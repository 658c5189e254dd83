"""The listener's side: joins a session in a language; captions and voice come as events."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal, TypeAlias

from edge.client.decoding import require_opus
from edge.client.dialling import Request
from edge.client.link import Link, linked
from edge.client.messages import (
    ConnectionRefreshComplete,
    Event,
    LanguageChanged,
    PlaybackPaused,
    PlaybackResumed,
    SessionJoined,
)
from edge.client.recovery import Timing

AudioFormat: TypeAlias = Literal["pcm", "opus"]
"""In which the voice comes from the server."""


class Listener:
    """A session that this client listens to. Made by `Listener.open`; iterate it for events.

    Events wait in a bounded inbox; a listener that does not read them stops reading the socket, and the server drops
    whole cues (`AudioDropped`). Losses are mended by themselves: cues missed meanwhile follow, none comes twice.
    """

    def __init__(self, link: Link, identity: "_Identity", joined: SessionJoined) -> None:
        self._link = link
        self._identity = identity
        self._joined = joined

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        url: str,
        session_id: str,
        language: str,
        *,
        pin: str | None = None,
        captions_source: bool = False,
        audio: bool = True,
        audio_format: AudioFormat = "pcm",
        timing: Timing | None = None,
        inbox: int = 256,
    ) -> AsyncIterator["Listener"]:
        """Joined, until the block is left. `captions_source` asks for the speaker's own words too; `audio=False` for
        captions only. `audio_format` opus: a tenth of the bytes on the way, for PyAV to decode; what is handed out is
        PCM either way. `url` is the server's address. Raises ClientError."""
        options = {"pin": pin, "captions": "source" if captions_source else None, "audio": None if audio else "off"}
        if audio_format == "opus":
            require_opus()
            options["audioFormat"] = audio_format
        given = {name: value for name, value in options.items() if value is not None}
        identity = _Identity(session_id, language, given)
        async with linked(url, identity, timing or Timing(), inbox, _nothing) as link:
            assert identity.joined is not None
            yield cls(link, identity, identity.joined)

    @property
    def joined(self) -> SessionJoined:
        """What the server said on joining."""
        return self._joined

    @property
    def language(self) -> str:
        """The language listened to now."""
        return self._identity.language

    async def change_language(self, language: str) -> LanguageChanged:
        """Goes on in another language from the next cue. Raises ClientError, `UNSUPPORTED_LANGUAGE` above all."""
        return await self._link.ask("changeLanguage", LanguageChanged, targetLanguage=language)

    async def pause_playback(self) -> PlaybackPaused:
        """Tells the server that nothing is played for now; audio goes on coming. Raises ClientError."""
        return await self._link.ask("pausePlayback", PlaybackPaused)

    async def resume_playback(self) -> PlaybackResumed:
        """Takes `pause_playback` back. Raises ClientError."""
        return await self._link.ask("resumePlayback", PlaybackResumed)

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        return await self._link.next_event()


async def _nothing(_: Link) -> None:
    pass


class _Identity:
    """The listener's connections: joined once, then resumed with the secret id of the one before; where that is not
    known any more, with what was heard last."""

    def __init__(self, session_id: str, language: str, options: dict[str, str]) -> None:
        self._session_id = session_id
        self._options = options
        self._connection_id = ""
        self.language = language
        self.joined: SessionJoined | None = None

    async def opening(self, last_cue: str = "") -> Request:
        if last_cue:
            again = {"action": "refreshConnection", "role": "listener", "lastCue": last_cue}
            return Request(again | self._common())
        return Request({"action": "joinSession", **self._common()})

    async def resuming(self, last_cue: str) -> Request:
        query = {"action": "refreshConnection", "role": "listener", "connectionId": self._connection_id}
        return Request(query | self._common() | ({"lastCue": last_cue} if last_cue else {}))

    def opened(self, answer: Event) -> bool:
        match answer:
            case SessionJoined():
                self._connection_id = answer.connection_id
                self.language = answer.target_language
                self.joined = self.joined or answer
                return True
            case ConnectionRefreshComplete():
                self._connection_id = answer.new_connection_id
                self.language = answer.target_language or self.language
                return self.joined is not None
        return False

    def may_open_again(self) -> bool:
        return True

    def saw(self, event: Event) -> None:
        if isinstance(event, LanguageChanged):
            self.language = event.target_language

    def unanswered(self) -> None:
        pass  # Without the id of a connection there is no place to resume.

    def _common(self) -> dict[str, str]:
        return {"sessionId": self._session_id, "targetLanguage": self.language, **self._options}
