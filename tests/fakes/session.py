"""A session_svc by hand: keeps sessions in memory, obeys session.proto, and can be told to misbehave."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeAlias

import grpc

from chassis.errors import Denied, Exhausted, LingocastError, NotFound, Unavailable
from protos.session.v1 import session_pb2 as pb
from protos.session.v1.session_pb2_grpc import SessionServiceServicer

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


@dataclass(slots=True)
class Kept:
    """One session and who is connected to it."""

    session: pb.Session
    user_id: str
    speaker: str
    pin: str
    listeners: dict[str, str] = field(default_factory=dict)


class FakeSessions(SessionServiceServicer):
    """`fail_with`: every call raises it. `limited`: limits that say no. `full`: sessions take no listeners.
    `lose_answers`: creations, joins and refreshes are written and yet fail. `may_answer`: cleared, refreshes are
    written and not answered yet. `subjects`: who was counted, by limit. `successors`: each connection that was to take
    another's place, as often as it was asked for."""

    def __init__(self) -> None:
        self.kept: dict[str, Kept] = {}
        self.left: list[str] = []
        self.successors: list[str] = []
        self.released: list[str] = []
        self.limited: set[int] = set()
        self.subjects: dict[int, list[str]] = {}
        self.fail_with: LingocastError | None = None
        self.limits_fail = False
        self.full = False
        self.lapsed = False
        self.given_up: set[str] = set()
        self.denied = 0
        self.lose_answers = False
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.max_sessions = 100
        self._changed = asyncio.Condition()
        self._next = 100

    async def change(self) -> None:
        """Tells all watches."""
        async with self._changed:
            self._changed.notify_all()

    async def end_by_itself(self, session_id: str, reason: str) -> None:
        self._close(self.kept[session_id], reason)
        await self.change()

    async def until(self, condition: Callable[[], object], seconds: float = 30.0) -> None:
        """Waits for `condition()` after each change. Raises TimeoutError, with what is kept, after `seconds`."""
        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(condition)
        except TimeoutError:
            raise TimeoutError(f"left: {self.left}; kept: {self.kept}") from None

    async def CreateSession(self, request: pb.CreateSessionRequest, context: Context) -> pb.CreateSessionResponse:
        self._check()
        for kept in self.kept.values():
            if kept.speaker == request.connection_id:
                self._answer()
                return pb.CreateSessionResponse(session=kept.session)
        if sum(kept.session.state == pb.SESSION_STATE_LIVE for kept in self.kept.values()) >= self.max_sessions:
            raise Exhausted("MAX_SESSIONS_EXCEEDED", "one session at a time")
        session = pb.Session(
            session_id=f"patient-ark-{self._next}",
            state=pb.SESSION_STATE_LIVE,
            source_language=request.source_language,
            quality_tier=request.quality_tier,
            options=request.options,
            has_pin=bool(request.pin),
            broadcast_state=pb.BroadcastState(active=True, volume=1.0),
        )
        self._next += 1
        session.created_at.FromNanoseconds(time.time_ns())
        session.expires_at.FromNanoseconds(time.time_ns() + 7_200 * 10**9)
        self.kept[session.session_id] = Kept(session, request.user_id, request.connection_id, request.pin)
        await self.change()
        self._answer()
        return pb.CreateSessionResponse(session=session)

    async def GetSession(self, request: pb.GetSessionRequest, context: Context) -> pb.GetSessionResponse:
        return pb.GetSessionResponse(session=self._find(request.session_id).session)

    async def EndSession(self, request: pb.EndSessionRequest, context: Context) -> pb.EndSessionResponse:
        kept = self._of_speaker(request.session_id, request.connection_id)
        self._close(kept, request.reason or "speaker")
        await self.change()
        return pb.EndSessionResponse(session=kept.session)

    async def JoinSession(self, request: pb.JoinSessionRequest, context: Context) -> pb.JoinSessionResponse:
        kept = self._find(request.session_id)
        if kept.session.state != pb.SESSION_STATE_LIVE:
            raise NotFound("SESSION_NOT_FOUND", "there is no such session")
        if kept.pin != request.pin:
            raise Denied("WRONG_PIN", "the PIN is another")
        if self.full:
            raise Exhausted("SESSION_FULL", "the session is full")
        kept.listeners[request.connection_id] = request.target_language
        await self._count(kept)
        self._answer()
        return pb.JoinSessionResponse(session=kept.session)

    async def LeaveSession(self, request: pb.LeaveSessionRequest, context: Context) -> pb.LeaveSessionResponse:
        self._check()
        kept = self.kept.get(request.session_id)
        self.left.append(request.connection_id)
        removed = False
        if kept is not None:
            removed = kept.listeners.pop(request.connection_id, None) is not None
            if kept.speaker == request.connection_id:
                kept.speaker, removed = "", True
            await self._count(kept)
        return pb.LeaveSessionResponse(removed=removed)

    async def ChangeLanguage(self, request: pb.ChangeLanguageRequest, context: Context) -> pb.ChangeLanguageResponse:
        kept = self._find(request.session_id)
        if request.connection_id not in kept.listeners:
            raise NotFound("CONNECTION_NOT_FOUND", "that connection is gone")
        kept.listeners[request.connection_id] = request.target_language
        await self._count(kept)
        return pb.ChangeLanguageResponse(session=kept.session)

    async def RefreshConnection(
        self, request: pb.RefreshConnectionRequest, context: Context
    ) -> pb.RefreshConnectionResponse:
        self.successors.append(request.new_connection_id)
        kept = self._find(request.session_id)
        if request.role == pb.ROLE_SPEAKER:
            if request.user_id != kept.user_id:
                raise Denied("NOT_THE_SPEAKER", "this is another speaker's session")
            if kept.speaker and request.old_connection_id not in ("", kept.speaker):
                raise NotFound("CONNECTION_NOT_FOUND", "another connection has taken the speaker's place")
            kept.speaker = request.new_connection_id
            kept.session.expires_at.FromNanoseconds(time.time_ns() + 7_200 * 10**9)
        else:
            gone = kept.listeners.pop(request.old_connection_id, None) is None
            if gone and request.new_connection_id not in kept.listeners:  # Repeated, it changes nothing.
                raise NotFound("CONNECTION_NOT_FOUND", "that connection is gone; join again")
            kept.listeners[request.new_connection_id] = request.target_language
        response = pb.RefreshConnectionResponse(session=kept.session)
        await self._count(kept)
        await self.may_answer.wait()
        self._answer()
        return response

    async def UpdateBroadcastState(
        self, request: pb.UpdateBroadcastStateRequest, context: Context
    ) -> pb.UpdateBroadcastStateResponse:
        kept = self._of_speaker(request.session_id, request.connection_id)
        state = kept.session.broadcast_state
        for name in ("active", "paused", "muted", "volume"):
            if request.HasField(name):
                setattr(state, name, getattr(request, name))
        state.changed_at.FromNanoseconds(time.time_ns())
        await self.change()
        return pb.UpdateBroadcastStateResponse(broadcast_state=state)

    async def GetStatus(self, request: pb.GetStatusRequest, context: Context) -> pb.GetStatusResponse:
        return pb.GetStatusResponse(session=self._find(request.session_id).session)

    async def WatchSession(
        self, request: pb.WatchSessionRequest, context: Context
    ) -> AsyncIterator[pb.WatchSessionResponse]:
        told = b""
        while True:
            kept = self._find(request.session_id)
            digest = hashlib.sha256(kept.speaker.encode()).hexdigest()[:16] if kept.speaker else ""
            response = pb.WatchSessionResponse(
                session=kept.session, speaker_connected=bool(kept.speaker), speaker_connection_hash=digest
            )
            if response.SerializeToString() != told:
                told = response.SerializeToString()
                yield response
            if kept.session.state == pb.SESSION_STATE_ENDED:
                return
            async with self._changed:
                await self._changed.wait()

    async def RenewEdgeLease(self, request: pb.RenewEdgeLeaseRequest, context: Context) -> pb.RenewEdgeLeaseResponse:
        self._check()
        if request.release:
            self.released.append(request.edge_id)
        response = pb.RenewEdgeLeaseResponse(lapsed=self.lapsed)
        response.renew_every.FromTimedelta(timedelta(seconds=10))
        return response

    async def RestoreConnections(
        self, request: pb.RestoreConnectionsRequest, context: Context
    ) -> pb.RestoreConnectionsResponse:
        self._check()
        lost = []
        for held in request.connections:
            kept = self.kept[held.session_id]
            if held.connection_id in self.given_up:
                lost.append(pb.LostConnection(connection_id=held.connection_id, reason="CONNECTION_NOT_FOUND"))
            elif held.role == pb.ROLE_SPEAKER:
                kept.speaker = held.connection_id
            else:
                kept.listeners[held.connection_id] = held.target_language
                await self._count(kept)
        self.lapsed = self.lapsed and request.more
        await self.change()
        return pb.RestoreConnectionsResponse(lost=lost)

    async def TakeRateLimit(self, request: pb.TakeRateLimitRequest, context: Context) -> pb.TakeRateLimitResponse:
        if self.limits_fail:
            raise Unavailable("STORE_UNAVAILABLE", "the store does not answer")
        self.subjects.setdefault(request.limit, []).append(request.subject)
        response = pb.TakeRateLimitResponse(allowed=request.limit not in self.limited, enforced=True)
        response.retry_after.FromTimedelta(timedelta(seconds=7))
        return response

    def _check(self) -> None:
        if self.fail_with is not None:
            raise self.fail_with

    def _answer(self) -> None:
        if self.lose_answers:
            raise Unavailable("STORE_UNAVAILABLE", "written, but who knows")

    def _find(self, session_id: str) -> Kept:
        self._check()
        if session_id not in self.kept:
            raise NotFound("SESSION_NOT_FOUND", "there is no such session")
        return self.kept[session_id]

    def _of_speaker(self, session_id: str, connection_id: str) -> Kept:
        kept = self._find(session_id)
        if kept.speaker != connection_id:
            self.denied += 1
            raise Denied("NOT_THE_SPEAKER", "only the speaker may do this")
        return kept

    async def _count(self, kept: Kept) -> None:
        kept.session.listener_count = len(kept.listeners)
        kept.session.language_counts.clear()
        for language in kept.listeners.values():
            kept.session.language_counts[language] += 1
        await self.change()

    def _close(self, kept: Kept, reason: str) -> None:
        kept.session.state = pb.SESSION_STATE_ENDED
        kept.session.end_reason = reason
        kept.listeners.clear()
        kept.speaker = ""
