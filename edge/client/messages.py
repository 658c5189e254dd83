"""The messages of the `lingocast.v1` protocol as a client sees them: frozen events, parsed from JSON.

Hides the spelling of the wire. Nothing here waits or connects. Fields that a client does not know are passed over;
types that it does not know, or that are not as they should be, come as `Unknown`: a newer server breaks no client.
Offsets are milliseconds from the session's first sample; timestamps are milliseconds since the epoch.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from types import UnionType
from typing import Final, TypeVar, get_args, get_origin

T = TypeVar("T")

SUBPROTOCOL: Final = "lingocast.v1"


class ClientError(Exception):
    """A refusal or failure, as the server names it (`code`, HTTP-like `status`, a sentence) or as the client found it.

    The client's own codes: `UNREACHABLE`, `CONNECTION_LOST`, `NO_ANSWER`, `UNEXPECTED_ANSWER`, `CLOSED`.
    `retry_after` is in seconds, None where not known; `languages` are those on offer, with `UNSUPPORTED_LANGUAGE`.
    """

    def __init__(
        self,
        code: str,
        status: int,
        message: str,
        retry_after: float | None = None,
        languages: tuple[str, ...] = (),
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.languages = languages
        self.code = code
        self.status = status
        self.message = message
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Event:
    """What a speaker or a listener is told."""


@dataclass(frozen=True, slots=True)
class BroadcastState:
    """The speaker's switches. `volume` 0.0 to 1.0."""

    is_active: bool = True
    is_paused: bool = False
    is_muted: bool = False
    volume: float = 1.0


# ---------------------------------------------------------------------- answers to connecting


@dataclass(frozen=True, slots=True)
class SessionCreated(Event):
    session_id: str
    source_language: str
    quality_tier: str
    connection_id: str
    join_url: str = ""
    expires_at: int = 0


@dataclass(frozen=True, slots=True)
class SessionJoined(Event):
    session_id: str
    source_language: str
    target_language: str
    connection_id: str
    listener_count: int = 0
    quality_tier: str = ""
    broadcast_state: BroadcastState = field(default_factory=BroadcastState)


@dataclass(frozen=True, slots=True)
class ConnectionRefreshComplete(Event):
    session_id: str
    new_connection_id: str
    role: str = ""
    target_language: str = ""


# ---------------------------------------------------------------------- speech


@dataclass(frozen=True, slots=True)
class SourceCaption(Event):
    """What was said. The first `stable_chars` characters will not change; a later one of the segment replaces it."""

    segment_id: int
    text: str
    is_final: bool
    stable_chars: int = 0
    start_ms: int = 0
    end_ms: int = 0


@dataclass(frozen=True, slots=True)
class Caption(Event):
    """A segment's text in the listener's language. A later one of the same segment replaces it."""

    segment_id: int
    language: str
    text: str
    is_final: bool
    stable_chars: int = 0
    start_ms: int = 0
    end_ms: int = 0


@dataclass(frozen=True, slots=True)
class CueStart(Event):
    """A segment's voice begins; its audio follows. `sample_rate` per second; `tempo` 1.0 is the voice's own.

    `audio_format`: in which it is sent (pcm, opus); the client hands out PCM. `pre_skip`: samples at 48 kHz."""

    cue_id: str
    segment_id: int
    language: str
    sample_rate: int
    start_ms: int = 0
    end_ms: int = 0
    tempo: float = 1.0
    audio_format: str = "pcm"
    packet_ms: int = 0
    pre_skip: int = 0


@dataclass(frozen=True, slots=True)
class CueAudio(Event):
    """Audio of a cue: PCM s16le mono."""

    cue_id: str
    pcm: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class CueEnd(Event):
    """A cue is over. Not `complete`: its rest was lost with a connection."""

    cue_id: str
    duration_ms: int = 0
    complete: bool = True


@dataclass(frozen=True, slots=True)
class AudioDropped(Event):
    """Cues that this listener will not hear, because it read too slowly or the voice fell too far behind."""

    cues: int
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class LanguageUnavailable(Event):
    language: str
    reason: str = ""


# ---------------------------------------------------------------------- the broadcast's state


@dataclass(frozen=True, slots=True)
class BroadcastPaused(Event):
    session_id: str = ""
    timestamp: int = 0


@dataclass(frozen=True, slots=True)
class BroadcastResumed(Event):
    session_id: str = ""
    timestamp: int = 0


@dataclass(frozen=True, slots=True)
class BroadcastMuted(Event):
    session_id: str = ""
    timestamp: int = 0


@dataclass(frozen=True, slots=True)
class BroadcastUnmuted(Event):
    session_id: str = ""
    timestamp: int = 0


@dataclass(frozen=True, slots=True)
class VolumeChanged(Event):
    volume_level: float


@dataclass(frozen=True, slots=True)
class SpeakerStateChanged(Event):
    state: BroadcastState


@dataclass(frozen=True, slots=True)
class StateRestored(Event):
    broadcast_state: BroadcastState


@dataclass(frozen=True, slots=True)
class SessionStatus(Event):
    """Counts and state. `session_duration` in seconds; `lag` in seconds by language."""

    listener_count: int
    language_distribution: Mapping[str, int] = field(default_factory=dict)
    session_duration: float = 0.0
    broadcast_state: BroadcastState = field(default_factory=BroadcastState)
    update_reason: str = ""
    lag: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GlossaryAccepted(Event):
    version: str = ""
    terms: int = 0


@dataclass(frozen=True, slots=True)
class PlaybackPaused(Event):
    pass


@dataclass(frozen=True, slots=True)
class PlaybackResumed(Event):
    pass


@dataclass(frozen=True, slots=True)
class LanguageChanged(Event):
    target_language: str


# ---------------------------------------------------------------------- warnings and the connection


@dataclass(frozen=True, slots=True)
class QualityWarning(Event):
    """The speaker's audio is poor: `issue` is snr_low, clipping, echo or silence; `advice` says what to do."""

    issue: str
    value: float = 0.0
    threshold: float = 0.0
    advice: str = ""


@dataclass(frozen=True, slots=True)
class QualityRecovered(Event):
    issue: str


@dataclass(frozen=True, slots=True)
class RateLimitWarning(Event):
    code: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class TranscriptionError(Event):
    code: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class SystemRecovered(Event):
    code: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class RefreshRequired(Event):
    """The client handles this by itself; it is told for information."""

    refresh_by: int = 0


@dataclass(frozen=True, slots=True)
class ConnectionWarning(Event):
    remaining_minutes: float = 0.0


@dataclass(frozen=True, slots=True)
class ConnectionTimeout(Event):
    reason: str = ""


@dataclass(frozen=True, slots=True)
class HeartbeatAck(Event):
    """Answers the client's own heartbeat; never handed out."""

    timestamp: int = 0


@dataclass(frozen=True, slots=True)
class SessionEnded(Event):
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ErrorEvent(Event):
    """Something was refused or failed; the connection lives. `retry_after` in seconds."""

    code: str
    status: int = 0
    message: str = ""
    retry_after: float | None = None
    languages: tuple[str, ...] = ()
    correlation_id: str = ""

    def as_exception(self) -> ClientError:
        return ClientError(self.code, self.status, self.message, self.retry_after, self.languages)


@dataclass(frozen=True, slots=True)
class Unknown(Event):
    """A message that this client does not know or cannot read. `body` is the JSON object, without promises."""

    type: str
    body: Mapping[str, object] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Disconnected(Event):
    """Made by the client: the connection was lost; the first try to mend it follows in `retry_in` seconds."""

    retry_in: float


@dataclass(frozen=True, slots=True)
class Reconnected(Event):
    """Made by the client: connected again, and what was missed follows as far as the server keeps it. Not `resumed`: as
    a new listener who has heard nothing before."""

    resumed: bool


_TYPES: Final[Mapping[str, type[Event]]] = {
    "sessionCreated": SessionCreated,
    "sessionJoined": SessionJoined,
    "connectionRefreshComplete": ConnectionRefreshComplete,
    "stateRestored": StateRestored,
    "sourceCaption": SourceCaption,
    "caption": Caption,
    "cueStart": CueStart,
    "cueEnd": CueEnd,
    "audioDropped": AudioDropped,
    "languageUnavailable": LanguageUnavailable,
    "broadcastPaused": BroadcastPaused,
    "broadcastResumed": BroadcastResumed,
    "broadcastMuted": BroadcastMuted,
    "broadcastUnmuted": BroadcastUnmuted,
    "volumeChanged": VolumeChanged,
    "speakerStateChanged": SpeakerStateChanged,
    "sessionStatus": SessionStatus,
    "glossaryAccepted": GlossaryAccepted,
    "playbackPaused": PlaybackPaused,
    "playbackResumed": PlaybackResumed,
    "languageChanged": LanguageChanged,
    "audioQualityWarning": QualityWarning,
    "audioQualityRecovered": QualityRecovered,
    "rateLimitWarning": RateLimitWarning,
    "transcriptionError": TranscriptionError,
    "systemRecovered": SystemRecovered,
    "connectionRefreshRequired": RefreshRequired,
    "connectionWarning": ConnectionWarning,
    "connectionTimeout": ConnectionTimeout,
    "heartbeatAck": HeartbeatAck,
    "sessionEnded": SessionEnded,
    "error": ErrorEvent,
}


def parse(text: str) -> Event:
    """The event that a text frame tells. Never raises: what cannot be read is `Unknown`."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return Unknown("")
    if not isinstance(body, dict):
        return Unknown("")
    name = str(body.get("type", ""))
    kind = _TYPES.get(name)
    if kind is None:
        return Unknown(name, body)
    try:
        return _read(kind, body)
    except (TypeError, ValueError, OverflowError):
        return Unknown(name, body)


def _read(kind: type[T], body: Mapping[str, object]) -> T:
    values = {}
    for name, wire, convert, required in _plan(kind):  # type: ignore[arg-type]  # A class is hashable; mypy forgets it for type[T].
        value = body.get(wire)
        # null stands for left out: servers differ in whether they write it.
        if value is not None:
            values[name] = convert(value)
        elif required:
            raise ValueError(f"{wire} is missing")
    return kind(**values)


@cache
def _plan(kind: type) -> list[tuple[str, str, Callable[[object], object], bool]]:
    """For each field: its name, its name on the wire, how to read it, and whether it must be there."""
    return [
        (
            item.name,
            _wire_name(item.name),
            _reader(item.type),
            item.default is MISSING and item.default_factory is MISSING,
        )
        for item in fields(kind)
    ]


def _wire_name(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


def _reader(kind: object) -> Callable[[object], object]:
    if isinstance(kind, UnionType):
        return _reader(next(part for part in get_args(kind) if part is not type(None)))
    if get_origin(kind) is Mapping:
        return _table(_reader(get_args(kind)[1]))
    if get_origin(kind) is tuple:
        return _texts
    if kind is BroadcastState:
        return _state
    return {str: _text, int: _whole, float: _number, bool: _flag, bytes: _no_bytes}[kind]  # type: ignore[index]


def _table(reader: Callable[[object], object]) -> Callable[[object], object]:
    def read(value: object) -> object:
        if not isinstance(value, dict):
            raise TypeError("not an object")
        return {str(key): reader(item) for key, item in value.items()}

    return read


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError("not a list")
    return tuple(_text(item) for item in value)


def _state(value: object) -> BroadcastState:
    if not isinstance(value, dict):
        raise TypeError("not an object")
    return _read(BroadcastState, value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("not a number")
    return float(value)


def _whole(value: object) -> int:
    return round(_number(value))


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError("not true or false")
    return value


def _no_bytes(value: object) -> bytes:
    raise TypeError("audio does not come as JSON")
