"""The border to protobuf: requests checked and turned into our words, sessions into messages."""

import math
import re

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from chassis import language
from chassis.errors import Invalid
from protos.session.v1 import session_pb2 as pb
from session_svc.domain import ids
from session_svc.domain.ids import fingerprint
from session_svc.domain.session import ENDED_BY_SPEAKER, ENDED_EXPIRED, Role, Session
from session_svc.restoring import Held
from session_svc.sessions import Opening, Steering

_QUALITY_TIERS = ("standard", "premium")
_LONGEST = 256
_LONGEST_PIN = 64
_MOST_HELD = 100
_REASON = re.compile(r"[a-z][a-z_]{0,31}")
_ROLES = {pb.ROLE_SPEAKER: Role.SPEAKER, pb.ROLE_LISTENER: Role.LISTENER}
_LIMITS = {
    pb.RATE_LIMIT_SESSION_CREATE: "create",
    pb.RATE_LIMIT_JOIN: "join",
    pb.RATE_LIMIT_CONNECT: "connect",
    pb.RATE_LIMIT_HEARTBEAT: "heartbeat",
}


def needed(value: str, name: str) -> str:
    """A text that must be there. Raises Invalid(MISSING_PARAMETER, INVALID_PARAMETER)."""
    if not value:
        raise Invalid("MISSING_PARAMETER", f"{name} is missing")
    if len(value) > _LONGEST:
        raise Invalid("INVALID_PARAMETER", f"{name} is too long")
    return value


def secret(value: str, name: str) -> str:
    """The fingerprint of a connection id or a user."""
    return fingerprint(needed(value, name))


def spoken(value: str, name: str) -> str:
    """A language code in its canonical spelling. Raises Invalid(MISSING_PARAMETER, INVALID_LANGUAGE)."""
    return language.parse(needed(value, name))


def pin(value: str) -> str:
    """A PIN or none. Raises Invalid(INVALID_PARAMETER)."""
    if len(value) > _LONGEST_PIN:
        raise Invalid("INVALID_PARAMETER", "the PIN is too long")
    return value


def opening_of(request: pb.CreateSessionRequest, pin_hash: str) -> Opening:
    """What a speaker asks for. Raises Invalid(MISSING_PARAMETER, INVALID_PARAMETER, INVALID_LANGUAGE)."""
    tier = request.quality_tier or "standard"
    if tier not in _QUALITY_TIERS:
        raise Invalid("INVALID_PARAMETER", "quality_tier is standard or premium")
    return Opening(
        connection=secret(request.connection_id, "connection_id"),
        speaker=secret(request.user_id, "user_id"),
        edge_id=needed(request.edge_id, "edge_id"),
        source_language=spoken(request.source_language, "source_language"),
        quality_tier=tier,
        final_only=request.options.final_only,
        min_stability=_zero_or(request.options.min_stability, 0.70, 0.95, "min_stability"),
        max_buffer_seconds=_zero_or(
            request.options.max_buffer.ToTimedelta().total_seconds(), 2.0, 10.0, "max_buffer, in seconds,"
        ),
        pin_hash=pin_hash,
    )


def steering_of(request: pb.UpdateBroadcastStateRequest) -> Steering:
    """The switches that are named. Raises Invalid(INVALID_PARAMETER)."""
    return Steering(
        active=request.active if request.HasField("active") else None,
        paused=request.paused if request.HasField("paused") else None,
        muted=request.muted if request.HasField("muted") else None,
        volume=_between(request.volume, 0.0, 1.0, "volume") if request.HasField("volume") else None,
    )


def end_reason(value: str) -> str:
    """Why a session is ended. Raises Invalid(INVALID_PARAMETER)."""
    reason = value or ENDED_BY_SPEAKER
    # `expired` is what only the clock may say.
    if not _REASON.fullmatch(reason) or reason == ENDED_EXPIRED:
        raise Invalid("INVALID_PARAMETER", "reason is a word in lower case")
    return reason


def role_of(value: pb.Role.ValueType) -> Role:
    """Raises Invalid(INVALID_PARAMETER)."""
    if value not in _ROLES:
        raise Invalid("INVALID_PARAMETER", "role is speaker or listener")
    return _ROLES[value]


def limit_of(value: pb.RateLimit.ValueType) -> str:
    """The limit's name in the settings. Raises Invalid(INVALID_PARAMETER)."""
    if value not in _LIMITS:
        raise Invalid("INVALID_PARAMETER", "unknown limit")
    return _LIMITS[value]


def held_of(request: pb.RestoreConnectionsRequest) -> list[Held]:
    """What an edge holds, in its order.

    Raises Invalid(MISSING_PARAMETER, INVALID_PARAMETER, INVALID_SESSION_ID, INVALID_LANGUAGE).
    """
    if len(request.connections) > _MOST_HELD:
        raise Invalid("INVALID_PARAMETER", f"at most {_MOST_HELD} connections go into one call")
    return [
        Held(
            session_id=ids.parse(one.session_id),
            key=secret(one.connection_id, "connection_id"),
            role=(role := role_of(one.role)),
            target_language=spoken(one.target_language, "target_language") if role is Role.LISTENER else "",
            joined_at=one.joined_at.seconds + one.joined_at.nanos / 1e9 if one.HasField("joined_at") else 0.0,
        )
        for one in request.connections
    ]


def message(session: Session) -> pb.Session:
    """The session as others see it."""
    shown = pb.Session(
        session_id=session.session_id,
        state=pb.SESSION_STATE_LIVE if session.live else pb.SESSION_STATE_ENDED,
        source_language=session.source_language,
        quality_tier=session.quality_tier,
        options=pb.SessionOptions(final_only=session.final_only, min_stability=session.min_stability),
        broadcast_state=broadcast_state(session),
        has_pin=bool(session.pin_hash),
        created_at=timestamp(session.created_at),
        expires_at=timestamp(session.expires_at),
        end_reason=session.end_reason,
        listener_count=session.listener_count,
        language_counts=session.language_counts,
    )
    if session.max_buffer_seconds:
        shown.options.max_buffer.CopyFrom(duration(session.max_buffer_seconds))
    if session.ended_at:
        shown.ended_at.CopyFrom(timestamp(session.ended_at))
    return shown


def broadcast_state(session: Session) -> pb.BroadcastState:
    """The switches as others see them."""
    return pb.BroadcastState(
        active=session.active,
        paused=session.paused,
        muted=session.muted,
        volume=session.volume,
        changed_at=timestamp(session.changed_at),
    )


def timestamp(seconds: float) -> Timestamp:
    """Wall-clock seconds since the epoch, to the microsecond."""
    whole = math.floor(seconds)
    return Timestamp(seconds=whole, nanos=int((seconds - whole) * 1e6) * 1000)


def duration(seconds: float) -> Duration:
    """Seconds, to the microsecond, rounded up: a wait must not end too early."""
    micros = math.ceil(round(seconds * 1e6, 3))
    return Duration(seconds=micros // 1_000_000, nanos=micros % 1_000_000 * 1000)


def _zero_or(value: float, low: float, high: float, name: str) -> float:
    return _between(value, low, high, name) if value else 0.0


def _between(value: float, low: float, high: float, name: str) -> float:
    # The wire's float has seven digits: 0.7 arrives as 0.69999999.
    value = round(value, 5)
    # Said this way round, NaN is refused.
    if not low <= value <= high:
        raise Invalid("INVALID_PARAMETER", f"{name} is between {low} and {high}")
    return value
