"""How sessions change, as told by session_svc: one watch a session on this edge, shared by its sockets."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeAlias

import structlog

from chassis.errors import LingocastError, NotFound
from edge.sessions import Sessions, SessionView, Watched

log = structlog.get_logger()

RETRY_SECONDS = 0.5

Receiver: TypeAlias = Callable[[Watched], None]


@dataclass(slots=True)
class _Watch:
    last: Watched
    task: asyncio.Task[None] | None = None
    receivers: dict[Receiver, None] = field(default_factory=dict)
    enders: dict[Receiver, None] = field(default_factory=dict)
    """Who is told only that the session is over."""


class Watches:
    """Watches that survive a loss of session_svc. Their tasks belong to `tasks`."""

    def __init__(self, sessions: Sessions, tasks: asyncio.TaskGroup) -> None:
        self._sessions = sessions
        self._tasks = tasks
        self._watches: dict[str, _Watch] = {}

    def subscribe(self, view: SessionView, receive: Receiver, *, only_end: bool = False) -> Callable[[], None]:
        """Calls `receive`, which must not wait, with what is known already and after each change, until what this
        returns is called. A session that is not found any more is told as ended. `only_end`: of changes only that one;
        there is a change for every join, and who joins are thousands."""
        watch = self._watches.get(view.session_id)
        if watch is None:
            watch = self._watches[view.session_id] = _Watch(Watched(view, ""))
            watch.task = self._tasks.create_task(self._follow(view.session_id, watch))
        (watch.enders if only_end else watch.receivers)[receive] = None
        # It may be over by now, and then nothing changes any more.
        receive(watch.last)

        return partial(self._unsubscribe, watch, receive)

    def _unsubscribe(self, watch: _Watch, receive: Receiver) -> None:
        watch.receivers.pop(receive, None)
        watch.enders.pop(receive, None)
        session_id = watch.last.session.session_id
        if not watch.receivers and not watch.enders and self._watches.get(session_id) is watch:
            del self._watches[session_id]
            if watch.task is not None:
                watch.task.cancel()

    async def _follow(self, session_id: str, watch: _Watch) -> None:
        while watch.last.session.live:
            try:
                async for watched in self._sessions.watch(session_id):
                    self._tell(watch, watched)
            except NotFound:
                gone = replace(watch.last.session, live=False, end_reason=watch.last.session.end_reason or "expired")
                self._tell(watch, Watched(gone, ""))
            except LingocastError as error:
                log.warning("watch_lost", session=session_id, reason=error.reason)
            if watch.last.session.live:
                await asyncio.sleep(RETRY_SECONDS)

    def _tell(self, watch: _Watch, watched: Watched) -> None:
        watch.last = watched
        for receive in (*watch.receivers, *(() if watched.session.live else watch.enders)):
            receive(watched)
