"""What one connection may send besides audio: the pure machines of `edge.domain.limits`, with a clock and the limit
that all edges share."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from chassis.errors import Exhausted
from edge.domain.limits import HeartbeatPace, MessagePace, Verdict
from edge.sessions import connection_hash

EXCESS_PAUSE_SECONDS: Final = 0.005
"""Before the next frame is read after one that came too fast: 200 a second are read and thrown away, and TCP slows the
sender. Without it a socket whose buffer is never empty would let no other have its turn."""


class Gate:
    """Of one socket. `take_heartbeat` takes from the shared limit of a connection, by its hash, and raises
    Exhausted(RATE_LIMIT_EXCEEDED)."""

    __slots__ = ("_connection_id", "_heartbeats", "_pace", "_take_heartbeat")

    def __init__(self, pace: MessagePace, take_heartbeat: Callable[[str], Awaitable[None]], connection_id: str) -> None:
        self._pace = pace
        self._connection_id = connection_id
        self._heartbeats = HeartbeatPace()
        self._take_heartbeat = take_heartbeat

    async def admit(self) -> Verdict:
        """Whether one more message, or frame that is refused, is dealt with. Excess waits for a moment here."""
        verdict = self._pace.take(_now())
        if verdict is not Verdict.ADMIT:
            await asyncio.sleep(EXCESS_PAUSE_SECONDS)
        return verdict

    async def admit_heartbeat(self) -> None:
        """Raises Exhausted(RATE_LIMIT_EXCEEDED) for heartbeats beyond the expected that the shared limit refuses."""
        if self._heartbeats.expected(_now()):
            return
        if wait := self._heartbeats.wait(_now()):
            raise too_fast("too many heartbeats; one in 30 s is enough", wait)
        try:
            await self._take_heartbeat(connection_hash(self._connection_id))
        except Exhausted as refusal:
            wait = 1.0 if refusal.retry_after is None else refusal.retry_after.total_seconds()
            self._heartbeats.refused(_now(), wait)
            raise too_fast("too many heartbeats; one in 30 s is enough", wait) from refusal


def too_fast(sentence: str, wait: float) -> Exhausted:
    """The refusal of what comes too often; `wait`: seconds until it would be taken."""
    return Exhausted("RATE_LIMIT_EXCEEDED", sentence, retry_after=timedelta(seconds=wait))


def _now() -> float:
    return asyncio.get_running_loop().time()
