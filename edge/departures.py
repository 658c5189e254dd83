"""Takes closed connections out of the store, in the background and until it has answered for each."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import structlog

from chassis.errors import LingocastError, NotFound
from edge.sessions import Sessions

log = structlog.get_logger()

RETRY_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class _Departure:
    session_id: str
    due: float


class Departures:
    """Connections that are gone here. Holds one small entry for each socket that closed while the store was down."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._pending: dict[str, _Departure] = {}
        self._wake = asyncio.Event()

    def __bool__(self) -> bool:
        """True while one is due."""
        return bool(self._due())

    def add(self, session_id: str, connection_id: str, wait: float = 0.0) -> None:
        """To be taken out in `wait` seconds. One too many changes nothing."""
        self._pending[connection_id] = _Departure(session_id, asyncio.get_running_loop().time() + wait)
        self._wake.set()

    async def run(self) -> None:
        """Runs for ever."""
        while True:
            answered = True
            for session_id, connection_id in self._due():
                if await self._leave(session_id, connection_id):
                    self._pending.pop(connection_id, None)
                else:
                    answered = False
            if answered:
                await self._until_due()
            else:
                await asyncio.sleep(RETRY_SECONDS)

    def _due(self) -> list[tuple[str, str]]:
        now = asyncio.get_running_loop().time()
        return [(entry.session_id, name) for name, entry in self._pending.items() if entry.due <= now]

    async def _until_due(self) -> None:
        first = min((entry.due for entry in self._pending.values()), default=None)
        self._wake.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout_at(first):
                await self._wake.wait()

    async def _leave(self, session_id: str, connection_id: str) -> bool:
        try:
            await self._sessions.leave(session_id, connection_id)
        except NotFound:
            return True
        except LingocastError as error:
            log.warning("departure_not_stored", session=session_id, reason=error.reason)
            return False
        return True
