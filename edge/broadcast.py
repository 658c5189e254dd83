"""A live session on the edge that holds its speaker: switches, offsets, the stream upwards and the feeds downwards.

It outlives the speaker's socket: after a loss the cues made already play out while the speaker may come back, and
after `endSession` what was said before is still delivered.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

import structlog

from chassis.errors import Conflict, Denied, LingocastError, NotFound, Unavailable
from chassis.glossary import Glossary
from chassis.pcm import BYTES_PER_SAMPLE, scaled
from edge.bus import Bus
from edge.domain.feed import (
    NOTICES,
    SOURCE,
    LagReported,
    Notice,
    QualityChanged,
    SessionEnded,
    SourceCaptioned,
    SwitchesChanged,
    Topic,
    Warned,
)
from edge.domain.speaker import Chunk, Framer, OffsetClock
from edge.domain.status import StatusPushes
from edge.feeds import Feeds
from edge.protocol import server
from edge.protocol.errors import Close
from edge.protocol.wire import source_caption, state_message
from edge.sessions import Sessions, SessionView, Watched, connection_hash
from edge.socket import Socket
from edge.succession import Succession, Waiting
from edge.upstream import LOST, RECOVERED, Heard, Upstream

log = structlog.get_logger()

SAVE_RETRY_SECONDS: Final = 1.0
DENIALS: Final = 10
"""Tries after the store said that another connection speaks: a refresh may be under way, its answer not here yet."""

CHUNKS_A_SECOND: Final = 100
"""More than any voice is cut into: see SEGMENTS_A_SECOND in `edge`."""


class Broadcast:
    """One session's broadcast. `run` returns when it is over and the last cue was published.

    All other methods return at once. The store is told of switches in the background, again and again until it
    answers: a speaker can pause while the store is down.
    """

    def __init__(
        self,
        view: SessionView,
        connection_id: str,
        user_id: str,
        *,
        bus: Bus,
        sessions: Sessions,
        open_upstream: Callable[[Callable[[Heard], None]], Upstream],
        watch: Callable[[SessionView, Callable[[Watched], None]], Callable[[], None]],
        tail_seconds: float,
        status_period: float,
        offset: float = 0.0,
        taken_over: bool = False,
    ) -> None:
        """`offset`: of the first sample that comes here. `taken_over`: another edge had the speaker before."""
        self.view = view
        self.switches = view.switches
        self.connection_id = connection_id
        self.user_id = user_id
        self._own_hashes = {connection_hash(connection_id)}
        self._bus = bus
        self._sessions = sessions
        self._upstream = open_upstream(self._hear)
        self._watch = watch
        self._tail_seconds = tail_seconds
        self._clock = OffsetClock(offset)
        self._framer = Framer()
        self._timer: asyncio.TimerHandle | None = None
        self._socket: Socket | None = None
        self._succession: Succession | None = None
        self._feeds = Feeds(
            bus,
            view.session_id,
            patience=tail_seconds if taken_over else None,
            first_number=int(offset * CHUNKS_A_SECOND),
        )
        self._lag: dict[str, float] = {}
        self._pushes = StatusPushes(_now(), status_period)
        self._unsaved = asyncio.Event()
        self._ending = asyncio.Event()
        self._end_reason = ""
        self._end_in_store = False
        self._moved = False

    @property
    def ended(self) -> bool:
        return self._ending.is_set()

    @property
    def over(self) -> bool:
        """It takes no speaker any more: it has ended, or goes on at another edge."""
        return self._moved or self.ended

    @property
    def attached(self) -> bool:
        """The speaker has a socket here."""
        return self._socket is not None

    @property
    def end_unsaved(self) -> bool:
        """The speaker ended the session, and the store has not answered to that."""
        return self._end_in_store

    def expect(self, connection_id: str) -> None:
        """A refresh to this connection is about to be asked of the store: its watch may be quicker than its answer."""
        self._own_hashes.add(connection_hash(connection_id))

    def forget(self, connection_id: str) -> None:
        """The store refused that refresh."""
        self._own_hashes.discard(connection_hash(connection_id))

    def refreshed(self, view: SessionView) -> None:
        """The store's answer to a refresh. What a watch still says from before is old news from now on."""
        if not self._outdated(view):
            self.view = view

    def attach(self, socket: Socket, connection_id: str, view: SessionView) -> None:
        """The speaker's socket: the first, or one that takes the place of another. That one is closed when what was
        sent on it has come, and until then what comes on the new one waits. `view`: the store's answer that let it
        in; where another refresh has come after that, this socket is the former."""
        if self._moved or self._outdated(view):
            socket.close(Close.NORMAL, "replaced by a refresh")
            return
        former, self._socket = self._socket, socket
        self.connection_id = connection_id
        if self.ended:
            self._say_ended()
        elif former is not None:
            self._succeed(former)
        self._upstream.set_held(self.switches.held)

    def detach(self, socket: Socket) -> bool:
        """The socket is gone. True when it was the speaker's present one: what it said is closed as a segment."""
        if self._succession is not None and self._succession.former is socket:
            self._succession.finish()
        if self._socket is not socket:
            return False
        self._socket = None
        if self._succession is not None:
            self._succession.finish()
        self._hold()
        return True

    def receive(self, audio: bytes, received_at: float, socket: Socket) -> None:
        """s16le at 16 kHz, in order on each socket. `received_at`: wall clock. Held audio goes no further."""
        if self._succession is None or self._succession.admits(audio, received_at, socket):
            self._take(audio, received_at)

    def _take(self, audio: bytes, received_at: float) -> None:
        now = _now()
        if self.switches.held or self.ended:
            self._clock.hold(now)
            return
        start = self._clock.stamp(len(audio) // BYTES_PER_SAMPLE, now)
        chunk = Chunk(scaled(audio, self.switches.volume), start, received_at)
        for ready in self._framer.receive(chunk, now):
            self._upstream.put(ready)
        if self._timer is None:
            self._arm()

    def _succeed(self, former: Socket, then: Callable[[], None] = lambda: None) -> None:
        """Hears `former` to its end, closes it, lets go on what waited, and does `then`."""
        if self._succession is not None:
            self._succession.finish()

        def over(waited: Waiting) -> None:
            self._succession = None
            former.close(Close.NORMAL, "replaced by a refresh")
            for audio, received_at in waited:
                self._take(audio, received_at)
            then()

        self._succession = Succession(former, over)

    def move(
        self, action: str, *, paused: bool | None = None, muted: bool | None = None, volume: float | None = None
    ) -> Notice:
        """Moves switches, tells all listeners, and returns the same notice for the speaker."""
        self.switches = self.switches.changed(time.time(), paused=paused, muted=muted, volume=volume)
        if self.switches.held:
            self._hold()
        else:
            self._upstream.set_held(False)
        self._unsaved.set()
        notice = SwitchesChanged(action, self.switches)
        self._bus.publish(Topic(self.view.session_id, NOTICES), notice)
        return notice

    def set_glossary(self, glossary: Glossary) -> None:
        """These terms hold from now on. They live as long as this broadcast: with a speaker that moves to another edge
        they are gone until it sets them there."""
        self._upstream.set_glossary(glossary)

    def close_socket(self, code: int, reason: str) -> None:
        """Closes the speaker's present socket, if there is one."""
        if self._socket is not None:
            self._socket.close(code, reason)

    def end(self, reason: str) -> None:
        """The speaker ends the session: nobody can join from now on; what was said is still delivered."""
        if not self.ended:
            self._end_reason = reason
            self._end_in_store = True
            self._ending.set()

    async def push_status(self, reason: server.UpdateReason) -> None:
        """Sends the speaker how the session stands; from the last watch when the store does not answer."""
        try:
            self.view = await self._sessions.status(self.view.session_id)
        except LingocastError as error:
            log.warning("status_from_watch", session=self.view.session_id, reason=error.reason)
        self._tell_status(reason)

    async def run(self) -> None:
        # A session taken over has listeners already, and a watch that others began says nothing until it changes.
        self._want_languages()
        unwatch = self._watch(self.view, self._watched)
        try:
            async with asyncio.TaskGroup() as tasks:
                upstream = tasks.create_task(self._upstream.run())
                background = [tasks.create_task(self._save()), tasks.create_task(self._push_periodically())]
                await self._ending.wait()
                if self._end_in_store:
                    background.append(tasks.create_task(self._end()))
                self._put(self._framer.finish())
                self._upstream.finish()
                settling = tasks.create_task(self._feeds.settled())
                await asyncio.wait({upstream, settling, *background[2:]}, timeout=self._tail_seconds)
                for task in (upstream, settling, *background):
                    task.cancel()
        finally:
            unwatch()
            if self._timer is not None:
                self._timer.cancel()
            self._feeds.close()
            if self._moved:
                self._feeds.handed_over()
            elif self.ended:
                self._say_ended()
                self._bus.publish(Topic(self.view.session_id, NOTICES), SessionEnded(self._end_reason))

    def _hold(self) -> None:
        self._put(self._framer.finish())
        self._clock.hold(_now())
        self._upstream.set_held(True)

    def _put(self, chunks: list[Chunk]) -> None:
        for chunk in chunks:
            self._upstream.put(chunk)
        self._arm()

    def _arm(self) -> None:
        due = self._framer.deadline()
        if due is not None and self._timer is None:
            self._timer = asyncio.get_running_loop().call_at(due, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._put(self._framer.tick(_now()))

    def _watched(self, watched: Watched) -> None:
        if watched.session.live and self._outdated(watched.session):
            return
        self.view = watched.session
        if not self.view.live:
            self._ended_elsewhere()
            return
        # A watch may still show a former connection of ours; that is old news, not a replacement.
        if watched.speaker_hash and watched.speaker_hash not in self._own_hashes:
            self._replaced_elsewhere()
            return
        self._want_languages()
        reason = self._pushes.receive(self.view.language_counts)
        if reason is not None:
            self._tell_status(reason)

    def _outdated(self, view: SessionView) -> bool:
        """Of a time before the speaker's last refresh, as each prolongs the session."""
        return view.expires_at < self.view.expires_at

    def _want_languages(self) -> None:
        self._upstream.set_targets(frozenset(code for code, count in self.view.language_counts.items() if count > 0))

    def _ended_elsewhere(self) -> None:
        self._end_reason = self._end_reason or self.view.end_reason or "expired"
        self._say_ended()
        self._ending.set()

    def _say_ended(self) -> None:
        """To the speaker, where it has a socket that did not end the session itself."""
        if self._socket is not None:
            self._socket.tell(server.SessionEnded(session_id=self.view.session_id, reason=self._end_reason))
            self._socket.close(Close.SESSION_ENDED, "session ended")

    def _replaced_elsewhere(self) -> None:
        if self._moved:
            return
        log.info("speaker_moved_to_another_edge", session=self.view.session_id)
        self._moved = True
        self._feeds.hand_over()
        if self._socket is not None:
            self._succeed(self._socket, then=self._ending.set)
        else:
            self._ending.set()

    def _hear(self, event: Heard) -> None:
        match event:
            case SourceCaptioned(caption):
                self._feeds.publish(SOURCE, caption)
                if self._socket is not None:
                    self._socket.post(source_caption(caption))
            case LagReported(voice_lag):
                self._lag = voice_lag
            case QualityChanged():
                self._tell_speaker(_quality(event))
            case Warned():
                self._tell_speaker(_warning(event))
            case _:
                self._feeds.publish(event.language, event)

    def _tell_speaker(self, content: server.Message) -> None:
        if self._socket is not None:
            self._socket.tell(content)

    def _tell_status(self, reason: server.UpdateReason) -> None:
        view = self.view
        self._pushes.told(view.language_counts, _now())
        self._tell_speaker(
            server.SessionStatus(
                session_id=view.session_id,
                listener_count=view.listener_count,
                language_distribution=view.language_counts,
                session_duration=round(max(0.0, time.time() - view.created_at), 3),
                broadcast_state=state_message(self.switches),
                update_reason=reason,
                lag={code: round(lag, 3) for code, lag in self._lag.items()},
            )
        )

    async def _push_periodically(self) -> None:
        while True:
            await asyncio.sleep(max(0.0, self._pushes.deadline() - _now()))
            if self._pushes.tick(_now()) is not None:
                await self.push_status("periodic")

    async def _save(self) -> None:
        denials = 0
        while True:
            await self._unsaved.wait()
            self._unsaved.clear()
            try:
                await self._sessions.save(self.view.session_id, self.connection_id, self.switches)
            except (Unavailable, Denied) as error:
                log.warning("switches_not_saved", session=self.view.session_id, reason=error.reason)
                denials += isinstance(error, Denied)
                if denials <= DENIALS:
                    self._unsaved.set()
                await asyncio.sleep(SAVE_RETRY_SECONDS)
            except LingocastError as error:
                log.warning("switches_refused", session=self.view.session_id, reason=error.reason)
            else:
                denials = 0

    async def _end(self) -> None:
        denials = 0
        while True:
            try:
                await self._sessions.end(self.view.session_id, self.connection_id, self._end_reason)
            except LingocastError as error:
                denials += isinstance(error, Denied)
                over = isinstance(error, NotFound | Conflict) or denials > DENIALS
                log.warning("session_not_ended", session=self.view.session_id, reason=error.reason, over=over)
                if not over:
                    await asyncio.sleep(SAVE_RETRY_SECONDS)
                    continue
            self._end_in_store = False
            return


def _quality(event: QualityChanged) -> server.Message:
    if event.recovered:
        return server.AudioQualityRecovered(issue=event.issue)
    return server.AudioQualityWarning(
        issue=event.issue, value=round(event.value, 4), threshold=round(event.threshold, 4), advice=event.advice
    )


_CODES: Final = {
    LOST: "SERVICE_UNAVAILABLE",
    RECOVERED: "SERVICE_UNAVAILABLE",
    "AUDIO_DROPPED": "AUDIO_DROPPED",
    "ENGINE_CHANGED": "ENGINE_CHANGED",
    "ENGINE_RECOVERED": "ENGINE_CHANGED",
}


def _warning(event: Warned) -> server.Message:
    code = _CODES.get(event.reason, "TRANSCRIPTION_FAILED")
    if event.reason in {RECOVERED, "RECOGNITION_RECOVERED", "ENGINE_RECOVERED"}:
        return server.SystemRecovered(code=code, message=event.message)
    return server.TranscriptionError(code=code, message=event.message)


def _now() -> float:
    return asyncio.get_running_loop().time()
