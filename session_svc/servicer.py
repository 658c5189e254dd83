"""Answers the session API: checks the request, lets the rest of the service act, answers in protobuf."""

from collections.abc import AsyncIterator, Callable

from protos.session.v1 import session_pb2 as pb
from protos.session.v1 import session_pb2_grpc
from session_svc import wire
from session_svc.connections import Connections, Joining
from session_svc.domain import ids
from session_svc.domain.session import Role
from session_svc.leases import Leases
from session_svc.limiting import Limiting
from session_svc.pins import Pins
from session_svc.refreshes import Refreshes, Refreshing
from session_svc.restoring import Restoring
from session_svc.sessions import Sessions
from session_svc.watching import Watching

SERVICE = pb.DESCRIPTOR.services_by_name["SessionService"].full_name


class SessionServicer(session_pb2_grpc.SessionServiceServicer):
    """SessionService, as its proto says."""

    def __init__(
        self,
        *,
        sessions: Sessions,
        connections: Connections,
        refreshes: Refreshes,
        restoring: Restoring,
        pins: Pins,
        watching: Watching,
        leases: Leases,
        limiting: Limiting,
        clock: Callable[[], float],
    ) -> None:
        self._sessions, self._connections, self._refreshes = sessions, connections, refreshes
        self._restoring, self._pins, self._watching = restoring, pins, watching
        self._leases, self._limiting, self._clock = leases, limiting, clock

    async def CreateSession(self, request: pb.CreateSessionRequest, context: object) -> pb.CreateSessionResponse:
        opening = wire.opening_of(request, await self._pins.hashed(wire.pin(request.pin)))
        return pb.CreateSessionResponse(session=wire.message(await self._sessions.open(opening)))

    async def GetSession(self, request: pb.GetSessionRequest, context: object) -> pb.GetSessionResponse:
        session = await self._sessions.get(ids.parse(request.session_id))
        return pb.GetSessionResponse(session=wire.message(session))

    async def EndSession(self, request: pb.EndSessionRequest, context: object) -> pb.EndSessionResponse:
        session = await self._sessions.end(
            ids.parse(request.session_id),
            wire.secret(request.connection_id, "connection_id"),
            wire.end_reason(request.reason),
        )
        return pb.EndSessionResponse(session=wire.message(session))

    async def JoinSession(self, request: pb.JoinSessionRequest, context: object) -> pb.JoinSessionResponse:
        joining = Joining(
            session_id=ids.parse(request.session_id),
            connection=wire.secret(request.connection_id, "connection_id"),
            edge_id=wire.needed(request.edge_id, "edge_id"),
            target_language=wire.spoken(request.target_language, "target_language"),
            pin=wire.pin(request.pin),
        )
        return pb.JoinSessionResponse(session=wire.message(await self._connections.join(joining)))

    async def LeaveSession(self, request: pb.LeaveSessionRequest, context: object) -> pb.LeaveSessionResponse:
        key = wire.secret(request.connection_id, "connection_id")
        return pb.LeaveSessionResponse(removed=await self._connections.leave(ids.parse(request.session_id), key))

    async def ChangeLanguage(self, request: pb.ChangeLanguageRequest, context: object) -> pb.ChangeLanguageResponse:
        session = await self._connections.change_language(
            ids.parse(request.session_id),
            wire.secret(request.connection_id, "connection_id"),
            wire.spoken(request.target_language, "target_language"),
        )
        return pb.ChangeLanguageResponse(session=wire.message(session))

    async def RefreshConnection(
        self,
        request: pb.RefreshConnectionRequest,
        context: object,
    ) -> pb.RefreshConnectionResponse:
        session = await self._refreshes.refresh(_refreshing_of(request))
        return pb.RefreshConnectionResponse(session=wire.message(session))

    async def UpdateBroadcastState(
        self,
        request: pb.UpdateBroadcastStateRequest,
        context: object,
    ) -> pb.UpdateBroadcastStateResponse:
        session = await self._sessions.steer(
            ids.parse(request.session_id),
            wire.secret(request.connection_id, "connection_id"),
            wire.steering_of(request),
        )
        return pb.UpdateBroadcastStateResponse(broadcast_state=wire.broadcast_state(session))

    async def GetStatus(self, request: pb.GetStatusRequest, context: object) -> pb.GetStatusResponse:
        session = await self._sessions.get(ids.parse(request.session_id))
        until = self._clock() if session.live else session.ended_at
        return pb.GetStatusResponse(
            session=wire.message(session), session_duration=wire.duration(max(0.0, until - session.created_at))
        )

    async def WatchSession(
        self, request: pb.WatchSessionRequest, context: object
    ) -> AsyncIterator[pb.WatchSessionResponse]:
        async for session in self._watching.watch(ids.parse(request.session_id)):
            speaks = session.speaker_connected
            yield pb.WatchSessionResponse(
                session=wire.message(session),
                speaker_connected=speaks,
                speaker_connection_hash=ids.short(session.speaker_connection) if speaks else "",
            )

    async def RenewEdgeLease(self, request: pb.RenewEdgeLeaseRequest, context: object) -> pb.RenewEdgeLeaseResponse:
        edge_id = wire.needed(request.edge_id, "edge_id")
        lease = await (self._leases.release(edge_id) if request.release else self._leases.renew(edge_id))
        return pb.RenewEdgeLeaseResponse(
            expires_at=wire.timestamp(lease.expires_at),
            renew_every=wire.duration(self._leases.renew_every),
            lapsed=lease.unrestored,
        )

    async def RestoreConnections(
        self, request: pb.RestoreConnectionsRequest, context: object
    ) -> pb.RestoreConnectionsResponse:
        edge_id, held = wire.needed(request.edge_id, "edge_id"), wire.held_of(request)
        lost = await self._restoring.restore(edge_id, held, more=request.more)
        return pb.RestoreConnectionsResponse(
            lost=[
                pb.LostConnection(session_id=asked.session_id, connection_id=asked.connection_id, reason=lost[one.key])
                for asked, one in zip(request.connections, held, strict=True)
                if one.key in lost
            ]
        )

    async def TakeRateLimit(self, request: pb.TakeRateLimitRequest, context: object) -> pb.TakeRateLimitResponse:
        subject = wire.needed(request.subject, "subject")
        taken = await self._limiting.take(wire.limit_of(request.limit), subject)
        if taken is None:
            return pb.TakeRateLimitResponse(allowed=True, enforced=False)
        if taken.allowed:
            return pb.TakeRateLimitResponse(allowed=True, enforced=True)
        return pb.TakeRateLimitResponse(allowed=False, enforced=True, retry_after=wire.duration(taken.retry_after))


def _refreshing_of(request: pb.RefreshConnectionRequest) -> Refreshing:
    role = wire.role_of(request.role)
    speaks = role is Role.SPEAKER
    old = request.old_connection_id
    return Refreshing(
        session_id=ids.parse(request.session_id),
        role=role,
        old="" if speaks and not old else wire.secret(old, "old_connection_id"),
        new=wire.secret(request.new_connection_id, "new_connection_id"),
        edge_id=wire.needed(request.edge_id, "edge_id"),
        speaker=wire.secret(request.user_id, "user_id") if speaks else "",
        target_language=wire.spoken(request.target_language, "target_language")
        if request.target_language and not speaks
        else "",
    )
