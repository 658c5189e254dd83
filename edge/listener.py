"""The listener's socket: a seat in the feeds of one session, and the few things a listener can change for itself."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from chassis.errors import Invalid
from edge.domain.feed import NOTICES, SOURCE
from edge.domain.limits import TokenBucket
from edge.domain.mailbox import Cut, Kind
from edge.gate import too_fast
from edge.hub import Hub
from edge.outbox import Outbox
from edge.protocol import client, server
from edge.protocol.errors import Close
from edge.protocol.wire import Audio, Post, Rendering, message
from edge.sessions import Watched
from edge.socket import Socket

PLAYED_OUT_REASONS = frozenset({"speaker_gone", "expired"})
"""Ends that come long after the last word; for others the speaker's edge says when the last cue was sent."""


GIVE_WAY_SECONDS = 20.0
"""How long a cue under way may last at most before a replaced socket is closed without its end."""

CHANGES_A_SECOND: Final = 0.5
CHANGES_AT_ONCE: Final = 5
"""Of language. Each is a write to the session's counters, may open a translation, and is told to the speaker: somebody
who turns the dial all the time would be felt by all."""

_REST_OF_CUE = (Kind.CUE_AUDIO, Kind.CUE_END)


class ListenerSeat:
    """A listener in the hub. Takes its seat before its socket is open, so that nothing is missed between; what comes
    meanwhile waits, and is written after the server's first word."""

    __slots__ = (
        "__weakref__",
        "_cut",
        "_early",
        "_giving_way",
        "_hub",
        "_missed",
        "_others",
        "_over",
        "_session_id",
        "_socket",
        "_timer",
        "_together",
        "language",
        "rendering",
    )

    def __init__(self, hub: Hub, session_id: str, language: str, rendering: Rendering, *, source: bool) -> None:
        self.rendering = rendering
        self.language = language
        self._hub = hub
        self._session_id = session_id
        self._others = (NOTICES, SOURCE) if source else (NOTICES,)
        self._socket: Socket | None = None
        self._missed: list[Post] = []
        self._early: list[Post] = []
        self._over: Post | None = None
        self._cut: Cut | None = None  # While it sits apart: the cue that was begun here and has not ended.
        self._together = False  # The hub writes to it by itself.
        self._giving_way = False
        self._timer: asyncio.TimerHandle | None = None
        hub.enter(self, session_id, language, *self._others)

    @property
    def cue(self) -> str:
        """The cue of the feed that was begun here and has not ended; empty for none."""
        cut = self._under_way()
        return "" if cut is None else cut.cue_id

    def resume(self, last_cue: str) -> None:
        """Lets what followed `last_cue` be sent first. To be called before anything else happens."""
        for topic in (self.language, *self._others):
            self._missed += self._hub.missed(self, self._session_id, topic, last_cue)

    def open(self, socket: Socket) -> None:
        """From now on to this socket."""
        self._socket = socket
        socket.outbox.under_way = self._under_way
        for post in (*self._missed, *self._early):
            self._post(post, socket)
        self._missed, self._early = [], []
        if self._giving_way:
            self._gone()
        if self._over is not None:
            self.session_ended(self._over)

    def leave(self) -> None:
        self._hub.leave(self, self._session_id, self.language, *self._others)
        if self._timer is not None:
            self._timer.cancel()

    def give_way(self, *, at_once: bool) -> None:
        """Another socket goes on from here. Unless it begins again with what this one was sent last (`at_once`), the
        cue under way is still brought to its end."""
        self._hub.leave(self, self._session_id, *self._others)
        self._set_apart()
        self._giving_way = True
        if at_once or not self.cue:
            self._gone()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GIVE_WAY_SECONDS, self._gone)

    def change_language(self, language: str) -> None:
        self._set_apart()
        self._hub.leave(self, self._session_id, self.language)
        self.language = language
        if self._socket is not None:
            # What waits of the old language is forgotten; from here on no cue is under way.
            cut, self._cut = self._socket.outbox.change_feed(), None
            if cut is not None:
                self._socket.cut_short(cut)
        self._hub.enter(self, self._session_id, language)

    def deliver(self, post: Post) -> None:
        if self._socket is not None:
            self._post(post, self._socket)
        elif len(self._early) < 100:  # Some seconds of a feed; a join that takes longer has failed by then.
            self._early.append(post)

    def joins(self, language: str, cue: Cut | None) -> Outbox | None:
        """As the hub asks: where its socket is open, unless it is in another cue than the others, or in none."""
        if self._socket is None or self._giving_way:
            return None
        if language == self.language:
            hears = self.rendering.audio is not Audio.OFF
            if hears and (cue and cue.cue_id) != (self._cut and self._cut.cue_id):
                return None
            self._together = True
        return self._socket.outbox

    @property
    def over(self) -> bool:
        """The session has ended: the store has no record of its listeners any more."""
        return self._over is not None

    def session_ended(self, post: Post) -> None:
        self._over = post
        if self._socket is None:
            return
        self._socket.post(post)
        self._socket.close(Close.SESSION_ENDED, "session ended")

    def watched(self, tail_seconds: float, change: Watched) -> None:
        """The session as the store has it. An end by the speaker is told when the last cue was sent, or after
        `tail_seconds` if the speaker's edge says nothing."""
        if change.session.live or self._giving_way or self._timer is not None:
            return
        reason = change.session.end_reason or "expired"
        post = message(server.SessionEnded(session_id=self._session_id, reason=reason))
        wait = 0.0 if reason in PLAYED_OUT_REASONS else tail_seconds
        self._timer = asyncio.get_running_loop().call_later(wait, self.session_ended, post)

    def _under_way(self) -> Cut | None:
        if self.rendering.audio is Audio.OFF:
            return None
        if self._together and self._socket is not None:
            return self._hub.under_way(self._socket.outbox, self._session_id, self.language)
        return self._cut

    def _set_apart(self) -> None:
        # This writes what all get until now, and only after that it may have come to sit together with them.
        self._hub.set_apart(self, self._session_id, self.language)
        if self._together:
            self._cut = self._under_way()
            self._together = False

    def _post(self, post: Post, socket: Socket) -> None:
        if self._giving_way and (post.kind not in _REST_OF_CUE or post.key != self.cue):
            if post.kind is Kind.CUE_START:
                self._gone()
            return
        cut = self._cut
        match post.kind:
            case Kind.CUE_START:
                cut = Cut(post.key, 0.0)
            case Kind.CUE_AUDIO | Kind.CUE_END if cut is None or cut.cue_id != post.key:
                return  # Nobody joins in mid-word.
            case Kind.CUE_AUDIO if cut is not None:
                cut = Cut(post.key, cut.seconds + post.seconds)
            case Kind.CUE_END:
                cut = None
        socket.post(post)
        self._cut = cut
        if self._giving_way and not self.cue:
            self._gone()

    def _gone(self) -> None:
        self._hub.leave(self, self._session_id, self.language)
        if self._socket is not None:
            self._socket.close(Close.NORMAL, "replaced by a refresh")


class ListenerActions:
    """What a listener may do: nothing of it touches the broadcast."""

    __slots__ = ("_change", "_changes", "_match", "_seat", "_socket", "_source")

    def __init__(
        self,
        socket: Socket,
        seat: ListenerSeat,
        source_language: str,
        match_language: Callable[[str, str], str],
        change_language: Callable[[str, str, str], Awaitable[None]],
    ) -> None:
        """`match_language`: of a source, who serves a target. `change_language`: of a session's connection, to that."""
        self._socket = socket
        self._seat = seat
        self._source = source_language
        self._match = match_language
        self._change = change_language
        self._changes = TokenBucket(CHANGES_A_SECOND, CHANGES_AT_ONCE)

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
        language = self._match(self._source, wanted)
        if language != self._seat.language:
            if wait := self._changes.take(asyncio.get_running_loop().time()):
                raise too_fast("too many changes of language; try again in a moment", wait)
            await self._change(self._socket.session_id, self._socket.connection_id, language)
            self._seat.change_language(language)
        self._socket.tell(server.LanguageChanged(target_language=language))
