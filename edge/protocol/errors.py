"""What goes wrong, told to a client: code, HTTP status, close code."""

import math
import secrets
import time
from datetime import timedelta
from typing import Final

from chassis.errors import Conflict, Denied, Exhausted, Invalid, LingocastError, NotFound, Unavailable
from edge.protocol.server import ErrorMessage


class Close:
    """WebSocket close codes."""

    NORMAL: Final = 1000
    GOING_AWAY: Final = 1001
    POLICY: Final = 1008
    TOO_LARGE: Final = 1009
    INTERNAL: Final = 1011
    SESSION_ENDED: Final = 4000
    AUTHENTICATION: Final = 4001
    SESSION_NOT_FOUND: Final = 4004
    TIMEOUT: Final = 4008
    RATE_LIMITED: Final = 4029
    SESSION_FULL: Final = 4503


CODES: Final[dict[str, tuple[int, int]]] = {
    "INVALID_TOKEN": (401, Close.AUTHENTICATION),
    "TOKEN_EXPIRED": (401, Close.AUTHENTICATION),
    "MISSING_TOKEN": (401, Close.AUTHENTICATION),
    "UNAUTHORIZED_ACTION": (403, Close.POLICY),
    "WRONG_PIN": (403, Close.POLICY),
    "SESSION_NOT_FOUND": (404, Close.SESSION_NOT_FOUND),
    "CONFLICT": (409, Close.POLICY),
    "MESSAGE_TOO_LARGE": (413, Close.TOO_LARGE),
    "AUDIO_CHUNK_TOO_LARGE": (413, Close.TOO_LARGE),
    "CONTROL_MESSAGE_TOO_LARGE": (413, Close.TOO_LARGE),
    "AUDIO_CHUNK_TOO_SMALL": (400, Close.POLICY),
    "INVALID_AUDIO_FORMAT": (400, Close.POLICY),
    "INVALID_LANGUAGE": (400, Close.POLICY),
    "UNSUPPORTED_LANGUAGE": (400, Close.POLICY),
    "INVALID_SESSION_ID": (400, Close.POLICY),
    "INVALID_PARAMETER": (400, Close.POLICY),
    "MISSING_PARAMETER": (400, Close.POLICY),
    "INVALID_ACTION": (400, Close.POLICY),
    "INVALID_MESSAGE": (400, Close.POLICY),
    "RATE_LIMIT_EXCEEDED": (429, Close.RATE_LIMITED),
    "MAX_SESSIONS_EXCEEDED": (429, Close.RATE_LIMITED),
    "SESSION_FULL": (503, Close.SESSION_FULL),
    "SERVICE_UNAVAILABLE": (503, Close.INTERNAL),
    "TRANSCRIPTION_FAILED": (502, Close.INTERNAL),
    "TRANSLATION_FAILED": (502, Close.INTERNAL),
    "SYNTHESIS_FAILED": (502, Close.INTERNAL),
    "INTERNAL": (500, Close.INTERNAL),
}
"""Every error code: HTTP status, and the close code when it ends a connection."""

_RETRY_AFTER: Final = {
    # A session whose speaker is gone without a word is over after so long at most.
    "MAX_SESSIONS_EXCEEDED": 60,
    # A guess at when somebody leaves; what matters is that nobody knocks every second.
    "SESSION_FULL": 30,
}
"""Seconds, for codes whose errors do not know better themselves."""

_RENAMED: Final = {
    "NOT_THE_SPEAKER": "UNAUTHORIZED_ACTION",
    "CONNECTION_NOT_FOUND": "CONFLICT",
}
"""Reasons of services that clients know by another code; the sentence stays."""

_BY_CLASS: Final[tuple[tuple[type[LingocastError], str, str], ...]] = (
    (Invalid, "INVALID_PARAMETER", "the request was not understood"),
    (Denied, "UNAUTHORIZED_ACTION", "this is not allowed"),
    (NotFound, "SESSION_NOT_FOUND", "there is no such session"),
    (Conflict, "CONFLICT", "the session does not allow this now"),
    (Exhausted, "SERVICE_UNAVAILABLE", "no room at present; try again"),
    (Unavailable, "SERVICE_UNAVAILABLE", "a part of the service does not answer; try again"),
)
"""For any other reason. Its sentence may name our insides (gRPC's do), so clients get ours."""


class NotOffered(Invalid):
    """UNSUPPORTED_LANGUAGE; knows which languages there are."""

    def __init__(self, code: str, offered: tuple[str, ...]) -> None:
        listed = ", ".join(offered) or "none at present"
        super().__init__("UNSUPPORTED_LANGUAGE", f"{code} is not offered; these are: {listed}")
        self.offered = offered


class GoingAway(Unavailable):
    """SERVICE_UNAVAILABLE, of an edge that drains: another one is there, or this one again in a moment."""

    def __init__(self) -> None:
        sentence = "this edge is going away; connect again"
        super().__init__("SERVICE_UNAVAILABLE", sentence, retry_after=timedelta(seconds=1))


class Internal(Unavailable):
    """INTERNAL, a mistake of ours. Made where that is caught, so that the log and the client name it alike."""

    def __init__(self) -> None:
        super().__init__("INTERNAL", "this failed on our side")
        self.correlation_id = secrets.token_hex(8)


def code_of(error: LingocastError) -> str:
    """The client's code for an error of any service."""
    if error.reason in CODES:
        return error.reason
    if error.reason in _RENAMED:
        return _RENAMED[error.reason]
    return next(code for kind, code, _ in _BY_CLASS if isinstance(error, kind))


def error_message(error: LingocastError, session_id: str | None = None) -> ErrorMessage:
    """The message that tells a client, under a fresh correlation id for the log."""
    code = code_of(error)
    known = error.reason in CODES or error.reason in _RENAMED
    sentence = error.message if known else next(text for kind, _, text in _BY_CLASS if isinstance(error, kind))
    return ErrorMessage(
        code=code,
        status=CODES[code][0],
        message=sentence,
        retry_after=_retry_after(error, code),
        session_id=session_id,
        languages=error.offered if isinstance(error, NotOffered) else None,
        correlation_id=error.correlation_id if isinstance(error, Internal) else secrets.token_hex(8),
        timestamp=round(time.time() * 1000),
    )


def close_code(error: LingocastError) -> int:
    """How a connection ends that ends because of this error."""
    return Close.GOING_AWAY if isinstance(error, GoingAway) else CODES[code_of(error)][1]


def _retry_after(error: LingocastError, code: str) -> int | None:
    """Whole seconds, rounded up: who comes a moment too early is refused again."""
    if error.retry_after is None:
        return _RETRY_AFTER.get(code)
    return max(1, math.ceil(error.retry_after.total_seconds()))
