"""Who watches which session: changes made here are told at once, those of other instances within a poll."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import structlog

from chassis.errors import NotFound, Unavailable
from session_svc.domain.session import Session, found
from session_svc.records import read_session, read_sessions
from session_svc.store import Store

log = structlog.get_logger()


@dataclass(slots=True)
class _Watched:
    """One session. `latest` is replaced, never queued: a slow watcher misses what was overtaken, not what holds."""

    latest: Session | None = None
    lost: bool = False
    wakers: set[asyncio.Event] = field(default_factory=set)

    def wake(self) -> None:
        for waker in self.wakers:
            waker.set()


class Watching:
    """All watched sessions of this process. However many watch, one read every `poll_seconds` serves them."""

    def __init__(self, store: Store, clock: Callable[[], float], poll_seconds: float) -> None:
        self._store, self._clock, self._poll_seconds = store, clock, poll_seconds
        self._watched: dict[str, _Watched] = {}

    def publish(self, session: Session) -> None:
        """Tells a session's watchers how it stands; what is older than what they know is ignored."""
        watched = self._watched.get(session.session_id)
        if watched is None or (watched.latest is not None and watched.latest.revision >= session.revision):
            return
        watched.latest = session
        watched.wake()

    async def watch(self, session_id: str) -> AsyncIterator[Session]:
        """The session at once and after each change, the newest state only; ends after the state that is over.

        Raises NotFound(SESSION_NOT_FOUND).
        """
        watched = self._watched.setdefault(session_id, _Watched())
        waker = asyncio.Event()
        # Before the first read, so that no change falls between.
        watched.wakers.add(waker)
        try:
            self.publish(found(await read_session(self._store, session_id, self._clock()), self._clock()))
            while True:
                waker.clear()
                if watched.lost or watched.latest is None:
                    raise NotFound("SESSION_NOT_FOUND", "no such session")
                session = watched.latest
                yield session
                if not session.live:
                    return
                await waker.wait()
        finally:
            watched.wakers.discard(waker)
            if not watched.wakers and self._watched.get(session_id) is watched:
                del self._watched[session_id]

    async def run(self) -> None:
        """Polls until cancelled. A store that does not answer is asked again; watchers keep what they have."""
        answered = True
        while True:
            await asyncio.sleep(self._poll_seconds)
            try:
                await self._poll()
            except Unavailable:
                if answered:
                    log.warning("watch_poll_unanswered", sessions=len(self._watched))
                answered = False
            else:
                answered = True

    async def _poll(self) -> None:
        asked = dict(self._watched)
        if not asked:
            return
        sessions = await read_sessions(self._store, asked, self._clock())
        for session_id, watched in asked.items():
            if session_id in sessions:
                self.publish(sessions[session_id])
            elif watched.latest is not None:
                watched.lost = True
                watched.wake()
