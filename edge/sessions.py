"""session_svc as the edge sees it: protobuf ends here."""

import hashlib
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, TypeAlias

import grpc
import structlog
from google.protobuf import timestamp_pb2

from chassis.durations import seconds
from chassis.errors import Exhausted, LingocastError, rpc_errors
from edge.domain.speaker import Switches
from protos.session.v1 import session_pb2 as pb
from protos.session.v1.session_pb2_grpc import SessionServiceStub

log = structlog.get_logger()

Limit: TypeAlias = pb.RateLimit.ValueType
CONNECT = pb.RATE_LIMIT_CONNECT
JOIN = pb.RATE_LIMIT_JOIN
CREATE = pb.RATE_LIMIT_SESSION_CREATE

RESTORED_AT_ONCE: Final = 100
HEARTBEAT = pb.RATE_LIMIT_HEARTBEAT
_WORD = re.compile(r"[a-z][a-z_]{0,31}")


@dataclass(frozen=True, slots=True)
class SessionView:
    """A session as stored. Times: wall clock, seconds."""

    session_id: str
    live: bool
    source_language: str
    quality_tier: str
    switches: Switches
    has_pin: bool
    created_at: float
    expires_at: float
    end_reason: str = ""
    listener_count: int = 0
    language_counts: dict[str, int] = field(default_factory=dict)
    final_only: bool = False
    min_stability: float = 0.0
    max_buffer_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Watched:
    """A session after a change. `speaker_hash`: of the speaker's connection id; empty when there is none."""

    session: SessionView
    speaker_hash: str


@dataclass(frozen=True, slots=True)
class LeaseView:
    """How this edge stands. `renew_in`: seconds. `lapsed`: its connections may have been taken out of the store."""

    renew_in: float
    lapsed: bool


@dataclass(frozen=True, slots=True)
class Held:
    """A connection on this edge. `target_language`: empty for a speaker. `joined_at`: wall clock, seconds."""

    session_id: str
    connection_id: str
    target_language: str
    joined_at: float


@dataclass(frozen=True, slots=True)
class NewSession:
    """What a speaker wants. Zeros stand for defaults."""

    source_language: str
    quality_tier: str
    final_only: bool
    min_stability: float
    max_buffer_seconds: float
    pin: str


def connection_hash(connection_id: str) -> str:
    """How a connection is named where its id, a secret, must not be: logs and watches."""
    return hashlib.sha256(connection_id.encode()).hexdigest()[:16]


class Sessions:
    """The calls of this edge process. All raise LingocastError with the reasons that session.proto names."""

    def __init__(self, channel: grpc.aio.Channel, edge_id: str) -> None:
        self._stub = SessionServiceStub(channel)
        self._edge_id = edge_id
        self._limits_warned = False

    async def create(self, connection_id: str, user_id: str, wanted: NewSession) -> SessionView:
        options = pb.SessionOptions(final_only=wanted.final_only, min_stability=wanted.min_stability)
        if wanted.max_buffer_seconds:
            options.max_buffer.FromTimedelta(timedelta(seconds=wanted.max_buffer_seconds))
        request = pb.CreateSessionRequest(
            connection_id=connection_id,
            user_id=user_id,
            edge_id=self._edge_id,
            source_language=wanted.source_language,
            quality_tier=wanted.quality_tier,
            options=options,
            pin=wanted.pin,
        )
        with rpc_errors():
            return _view((await self._stub.CreateSession(request)).session)

    async def get(self, session_id: str) -> SessionView:
        with rpc_errors():
            return _view((await self._stub.GetSession(pb.GetSessionRequest(session_id=session_id))).session)

    async def end(self, session_id: str, connection_id: str, reason: str) -> None:
        # The store keeps a word. A speaker's own sentence goes to the listeners and is not kept.
        kept = reason if _WORD.fullmatch(reason) and reason != "expired" else "speaker"
        request = pb.EndSessionRequest(session_id=session_id, connection_id=connection_id, reason=kept)
        with rpc_errors():
            await self._stub.EndSession(request)

    async def join(self, session_id: str, connection_id: str, language: str, pin: str) -> SessionView:
        request = pb.JoinSessionRequest(
            session_id=session_id,
            connection_id=connection_id,
            edge_id=self._edge_id,
            target_language=language,
            pin=pin,
        )
        with rpc_errors():
            return _view((await self._stub.JoinSession(request)).session)

    async def leave(self, session_id: str, connection_id: str) -> None:
        with rpc_errors():
            await self._stub.LeaveSession(pb.LeaveSessionRequest(session_id=session_id, connection_id=connection_id))

    async def change_language(self, session_id: str, connection_id: str, language: str) -> None:
        request = pb.ChangeLanguageRequest(session_id=session_id, connection_id=connection_id, target_language=language)
        with rpc_errors():
            await self._stub.ChangeLanguage(request)

    async def refresh_speaker(self, session_id: str, old: str, new: str, user_id: str) -> SessionView:
        request = pb.RefreshConnectionRequest(
            session_id=session_id,
            role=pb.ROLE_SPEAKER,
            old_connection_id=old,
            new_connection_id=new,
            edge_id=self._edge_id,
            user_id=user_id,
        )
        with rpc_errors():
            return _view((await self._stub.RefreshConnection(request)).session)

    async def refresh_listener(self, session_id: str, old: str, new: str, language: str) -> SessionView:
        request = pb.RefreshConnectionRequest(
            session_id=session_id,
            role=pb.ROLE_LISTENER,
            old_connection_id=old,
            new_connection_id=new,
            edge_id=self._edge_id,
            target_language=language,
        )
        with rpc_errors():
            return _view((await self._stub.RefreshConnection(request)).session)

    async def save(self, session_id: str, connection_id: str, switches: Switches) -> None:
        request = pb.UpdateBroadcastStateRequest(
            session_id=session_id,
            connection_id=connection_id,
            paused=switches.paused,
            muted=switches.muted,
            volume=switches.volume,
        )
        with rpc_errors():
            await self._stub.UpdateBroadcastState(request)

    async def status(self, session_id: str) -> SessionView:
        with rpc_errors():
            return _view((await self._stub.GetStatus(pb.GetStatusRequest(session_id=session_id))).session)

    async def watch(self, session_id: str) -> AsyncIterator[Watched]:
        """How the session stands, at once and after each change; ends after it has ended."""
        request = pb.WatchSessionRequest(session_id=session_id, edge_id=self._edge_id)
        with rpc_errors():
            async for response in self._stub.WatchSession(request):
                yield Watched(_view(response.session), response.speaker_connection_hash)

    async def renew_lease(self) -> LeaseView:
        """Says that this process lives."""
        with rpc_errors():
            response = await self._stub.RenewEdgeLease(pb.RenewEdgeLeaseRequest(edge_id=self._edge_id))
        return LeaseView(max(0.1, seconds(response.renew_every) or 10.0), response.lapsed)

    async def restore(self, held: Sequence[Held]) -> dict[str, str]:
        """Writes back all connections that this process holds, after its lease had lapsed. Returns the ids of those
        that are over, each with the reason."""
        lost: dict[str, str] = {}
        for start in range(0, max(1, len(held)), RESTORED_AT_ONCE):
            batch = held[start : start + RESTORED_AT_ONCE]
            request = pb.RestoreConnectionsRequest(
                edge_id=self._edge_id,
                connections=[_held(connection) for connection in batch],
                more=start + RESTORED_AT_ONCE < len(held),
            )
            with rpc_errors():
                response = await self._stub.RestoreConnections(request)
            lost |= {connection.connection_id: connection.reason for connection in response.lost}
        return lost

    async def release_lease(self) -> None:
        with rpc_errors():
            await self._stub.RenewEdgeLease(pb.RenewEdgeLeaseRequest(edge_id=self._edge_id, release=True))

    async def take(self, limit: Limit, subject: str) -> None:
        """Takes from a shared limit. Raises Exhausted(RATE_LIMIT_EXCEEDED); allows everything when nobody answers."""
        try:
            with rpc_errors():
                answer = await self._stub.TakeRateLimit(pb.TakeRateLimitRequest(limit=limit, subject=subject))
        except LingocastError as error:
            self._warn_once(error)
            return
        self._limits_warned = self._limits_warned and not answer.enforced
        if not answer.allowed:
            wait = timedelta(seconds=max(1.0, seconds(answer.retry_after)))
            raise Exhausted("RATE_LIMIT_EXCEEDED", "too many of these; try again later", retry_after=wait)

    def _warn_once(self, error: LingocastError) -> None:
        if not self._limits_warned:
            self._limits_warned = True
            log.warning("rate_limits_off", reason=error.reason)


def _held(connection: Held) -> pb.HeldConnection:
    held = pb.HeldConnection(
        session_id=connection.session_id,
        connection_id=connection.connection_id,
        role=pb.ROLE_LISTENER if connection.target_language else pb.ROLE_SPEAKER,
        target_language=connection.target_language,
    )
    held.joined_at.FromNanoseconds(round(connection.joined_at * 1e9))
    return held


def _view(session: pb.Session) -> SessionView:
    state = session.broadcast_state
    return SessionView(
        session_id=session.session_id,
        live=session.state == pb.SESSION_STATE_LIVE,
        source_language=session.source_language,
        quality_tier=session.quality_tier,
        switches=Switches(state.active, state.paused, state.muted, state.volume, _wall(state.changed_at)),
        has_pin=session.has_pin,
        created_at=_wall(session.created_at),
        expires_at=_wall(session.expires_at),
        end_reason=session.end_reason,
        listener_count=session.listener_count,
        language_counts=dict(session.language_counts),
        final_only=session.options.final_only,
        min_stability=session.options.min_stability,
        max_buffer_seconds=seconds(session.options.max_buffer),
    )


def _wall(moment: timestamp_pb2.Timestamp) -> float:
    return moment.seconds + moment.nanos / 1e9
