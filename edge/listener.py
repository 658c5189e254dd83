"""The listener's socket: a seat in the feeds of one session, and the few things a listener can change for itself."""

import asyncio
from collections.abc import Awaitable, Callable

from chassis.errors import Invalid
from edge.domain.feed import NOTICES, SOURCE
from edge.hub import Hub
from edge.protocol import client, server
from edge.protocol.errors import Close
from edge.protocol.wire import Flavour, Post, message
from edge.sessions import Watched
from edge.socket import Socket

PLAYED_OUT_REASONS = frozenset({"speaker_gone", "expired"})
"""Ends that come long after the last word; for others the speaker's edge says when the last cue was sent."""


class ListenerSeat:
    """A listener in the hub. Takes its seat before the store is asked, so that nothing is missed between; what comes
    meanwhile waits, and is written after `sessionJoined`."""

    def __init__(
        self, hub: Hub, session_id: str, language: str, flavour: Flavour, *, audio: bool, source: bool
    ) -> None:
        self.flavour = flavour
        self.wants_audio = audio
        self.language = language
        self._hub = hub
        self._session_id = session_id
        self._others = [NOTICES, *([SOURCE] if source else [])]
        self._socket: Socket | None = None
        self._early: list[Post] = []
        self._over: Post | None = None
        self._end_timer: asyncio.TimerHandle | None = None
        hub.enter(self, session_id, language, *self._others)

    def open(self, socket: Socket) -> None:
        """From now on to this socket."""
        self._socket = socket
        for post in self._early:
            socket.post(post)
        self._early.clear()
        if self._over is not None:
            self.session_ended(self._over)

    def leave(self) -> None:
        self._hub.leave(self, self._session_id, self.language, *self._others)
        if self._end_timer is not None:
            self._end_timer.cancel()

    def change_language(self, language: str) -> None:
        self._hub.leave(self, self._session_id, self.language)
        self.language = language
        self._hub.enter(self, self._session_id, language)
        if self._socket is not None:
            self._socket.change_feed()

    def deliver(self, post: Post) -> None:
        if self._socket is not None:
            self._socket.post(post)
        elif len(self._early) < 100:  # Some seconds of a feed; a join that takes longer has failed by then.
            self._early.append(post)

    def session_ended(self, post: Post) -> None:
        if self._socket is None:
            self._over = post
            return
        self._socket.post(post)
        self._socket.close(Close.SESSION_ENDED, "session ended")

    def watched(self, change: Watched, tail_seconds: float) -> None:
        """The session as the store has it. An end by the speaker is told when the last cue was sent, or after
        `tail_seconds` if the speaker's edge says nothing."""
        if change.session.live or self._end_timer is not None:
            return
        reason = change.session.end_reason or "expired"
        post = message(server.SessionEnded(session_id=self._session_id, reason=reason))
        wait = 0.0 if reason in PLAYED_OUT_REASONS else tail_seconds
        self._end_timer = asyncio.get_running_loop().call_later(wait, self.session_ended, post)


class ListenerActions:
    """What a listener may do: nothing of it touches the broadcast."""

    def __init__(
        self,
        socket: Socket,
        seat: ListenerSeat,
        match_language: Callable[[str], str],
        change_language: Callable[[str], Awaitable[None]],
    ) -> None:
        self._socket = socket
        self._seat = seat
        self._match = match_language
        self._change = change_language

    async def receive_audio(self, audio: bytes) -> None:
        raise Invalid("INVALID_ACTION", "a listener sends no audio")

    async def receive(self, request: client.ClientMessage) -> None:
        match request:
            case client.PausePlayback():
                self._socket.tell(server.PlaybackPaused())
            case client.ResumePlayback():
                self._socket.tell(server.PlaybackResumed())
            case client.ChangeLanguage():
                await self._change_language(request.target_language)
            case _:
                raise Invalid("INVALID_ACTION", "there is no such action")

    async def _change_language(self, wanted: str) -> None:
        language = self._match(wanted)
        if language != self._seat.language:
            await self._change(language)
            self._seat.change_language(language)
        self._socket.tell(server.LanguageChanged(target_language=language))
