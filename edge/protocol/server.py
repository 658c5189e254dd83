"""Everything the edge says: one model a message, told apart by `type`.

Timestamps: milliseconds since the epoch. `startMs`, `endMs`: milliseconds from the session's first sample.
"""

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

Role = Literal["speaker", "listener"]
UpdateReason = Literal["requested", "periodic", "listenerCountChange", "newLanguage"]


class Message(BaseModel):
    """Absent fields are left out of the JSON."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)

    def to_json(self) -> bytes:
        return self.model_dump_json(by_alias=True, exclude_none=True).encode()


class BroadcastState(Message):
    """The speaker's switches."""

    is_active: bool
    is_paused: bool
    is_muted: bool
    volume: float = Field(ge=0, le=1)
    last_state_change: int


class SessionCreated(Message):
    """The speaker's session is open. `joinUrl` is what listeners open."""

    type: Literal["sessionCreated"] = "sessionCreated"
    session_id: str
    source_language: str
    quality_tier: str
    connection_id: str
    expires_at: int
    join_url: str


class SessionJoined(Message):
    """The listener is in. `targetLanguage` is the offered code that serves the one asked for."""

    type: Literal["sessionJoined"] = "sessionJoined"
    session_id: str
    source_language: str
    target_language: str
    connection_id: str
    listener_count: int
    quality_tier: str
    broadcast_state: BroadcastState


class ConnectionRefreshComplete(Message):
    """This socket has taken the place of another."""

    type: Literal["connectionRefreshComplete"] = "connectionRefreshComplete"
    session_id: str
    new_connection_id: str
    role: Role
    target_language: str | None = None


class StateRestored(Message):
    """The broadcast state as it stands after a refresh."""

    type: Literal["stateRestored"] = "stateRestored"
    broadcast_state: BroadcastState


class AudioReceived(Message):
    """A chunk was taken. Sent to plain speakers that asked with `ack=1`."""

    type: Literal["audioReceived"] = "audioReceived"
    timestamp: int
    seq: int | None = None
    chunk_id: str | None = None


class BroadcastPaused(Message):
    """No audio for now."""

    type: Literal["broadcastPaused"] = "broadcastPaused"
    session_id: str
    timestamp: int


class BroadcastResumed(Message):
    """Audio again."""

    type: Literal["broadcastResumed"] = "broadcastResumed"
    session_id: str
    timestamp: int


class BroadcastMuted(Message):
    """The microphone is off."""

    type: Literal["broadcastMuted"] = "broadcastMuted"
    session_id: str
    timestamp: int


class BroadcastUnmuted(Message):
    """The microphone is on."""

    type: Literal["broadcastUnmuted"] = "broadcastUnmuted"
    session_id: str
    timestamp: int


class VolumeChanged(Message):
    """The amplitude factor before recognition."""

    type: Literal["volumeChanged"] = "volumeChanged"
    session_id: str
    volume_level: float
    timestamp: int


class SpeakerStateChanged(Message):
    """All switches, after several were moved at once."""

    type: Literal["speakerStateChanged"] = "speakerStateChanged"
    session_id: str
    state: BroadcastState
    timestamp: int


class SessionStatus(Message):
    """How the session stands. `sessionDuration`: seconds. `lag`: seconds by language, of the cue that began last."""

    type: Literal["sessionStatus"] = "sessionStatus"
    session_id: str
    listener_count: int
    language_distribution: dict[str, int]
    session_duration: float
    broadcast_state: BroadcastState
    update_reason: UpdateReason
    lag: dict[str, float]


class SessionEnded(Message):
    """Nothing follows; the socket closes. `reason`: speaker, speaker_gone, expired or the speaker's own words."""

    type: Literal["sessionEnded"] = "sessionEnded"
    session_id: str
    reason: str


class GlossaryAccepted(Message):
    """The terms hold from now on."""

    type: Literal["glossaryAccepted"] = "glossaryAccepted"
    version: str
    terms: int


class PlaybackPaused(Message):
    """Noted; the server sends on."""

    type: Literal["playbackPaused"] = "playbackPaused"


class PlaybackResumed(Message):
    """Noted."""

    type: Literal["playbackResumed"] = "playbackResumed"


class LanguageChanged(Message):
    """Captions and cues from now on are in this language."""

    type: Literal["languageChanged"] = "languageChanged"
    target_language: str


class HeartbeatAck(Message):
    """`timestamp`: of the server."""

    type: Literal["heartbeatAck"] = "heartbeatAck"
    timestamp: int


class SourceCaption(Message):
    """What the speaker said; a later one of the same segment replaces the earlier."""

    type: Literal["sourceCaption"] = "sourceCaption"
    segment_id: int
    text: str
    stable_chars: int
    is_final: bool
    start_ms: int
    end_ms: int


class Caption(Message):
    """A segment's text in the listener's language; a later one of the same segment replaces the earlier."""

    type: Literal["caption"] = "caption"
    segment_id: int
    language: str
    text: str
    stable_chars: int
    is_final: bool
    start_ms: int
    end_ms: int


class CueStart(Message):
    """A segment's voice begins: the binary frames until `cueEnd` are s16le mono at `sampleRate`. lingocast.v1 only.

    With `audioFormat` opus each frame is one Opus packet of `packetMs`, mono, of audio that had `sampleRate`; those of
    a cue need nothing of another. `preSkip`: samples at 48 kHz to leave out at the beginning of what is decoded; what
    is beyond `durationMs` of cueEnd is to be left out at its end."""

    type: Literal["cueStart"] = "cueStart"
    cue_id: str
    segment_id: int
    language: str
    sample_rate: int
    start_ms: int
    end_ms: int
    tempo: float
    audio_format: Literal["opus"] | None = None
    packet_ms: int | None = None
    pre_skip: int | None = None


class CueEnd(Message):
    """The cue is over. `durationMs`: of its audio, or of what was sent of it when it was cut short.

    Cut for one who did not read fast enough, it has less audio than that: `audioDropped` says how much."""

    type: Literal["cueEnd"] = "cueEnd"
    cue_id: str
    duration_ms: int


class AudioData(Message):
    """Some audio of a cue, base64. Plain flavour only.

    `sequenceNumber` counts the pieces of the feed, on from a higher number when the speaker moved to another edge; what
    is repeated after a refresh has the number it had. With `format` opus a piece is one Opus packet of `packetMs`, of
    audio that had `sampleRate`, and numbers only grow: by one inside a cue, by more between cues. `skip`, `padding`:
    samples at 48 kHz to leave out at the beginning and the end of what this packet is decoded to."""

    type: Literal["audioData"] = "audioData"
    audio_data: str
    format: Literal["pcm", "opus"] = "pcm"
    sample_rate: int
    channels: Literal[1] = 1
    sequence_number: int
    cue_id: str
    segment_id: int
    language: str
    start_ms: int
    end_ms: int
    timestamp: int
    packet_ms: int | None = None
    skip: int | None = None
    padding: int | None = None


class AudioDropped(Message):
    """Cues that will not be heard here; their captions were or will be sent."""

    type: Literal["audioDropped"] = "audioDropped"
    cues: int
    seconds: float


class AudioQualityWarning(Message):
    """The speaker's sound has a flaw. `issue`: snr_low, clipping, echo, silence. Units of value and threshold: dB, but
    share of samples (0-1) for clipping."""

    type: Literal["audioQualityWarning"] = "audioQualityWarning"
    issue: str
    value: float
    threshold: float
    advice: str


class AudioQualityRecovered(Message):
    """The flaw is gone."""

    type: Literal["audioQualityRecovered"] = "audioQualityRecovered"
    issue: str


class RateLimitWarning(Message):
    """Too many chunks a second; those beyond the limit are dropped."""

    type: Literal["rateLimitWarning"] = "rateLimitWarning"
    code: str
    message: str


class TranscriptionError(Message):
    """To the speaker: something failed, and the broadcast goes on. `code`: SERVICE_UNAVAILABLE, TRANSCRIPTION_FAILED,
    AUDIO_DROPPED, or ENGINE_CHANGED, where a second engine took over and nothing is lost. `message`: for a person."""

    type: Literal["transcriptionError"] = "transcriptionError"
    code: str
    message: str


class SystemRecovered(Message):
    """What failed works again; `code` names what had failed. None follows AUDIO_DROPPED."""

    type: Literal["systemRecovered"] = "systemRecovered"
    code: str
    message: str


class LanguageUnavailable(Message):
    """Captions or audio of this language fail at present; the session goes on."""

    type: Literal["languageUnavailable"] = "languageUnavailable"
    language: str
    reason: str


class ConnectionRefreshRequired(Message):
    """Open another connection with `refreshConnection` before `refreshBy`."""

    type: Literal["connectionRefreshRequired"] = "connectionRefreshRequired"
    refresh_by: int


class ConnectionWarning(Message):
    """This connection closes soon."""

    type: Literal["connectionWarning"] = "connectionWarning"
    remaining_minutes: int


class ConnectionTimeout(Message):
    """Nothing was heard for too long; the socket closes."""

    type: Literal["connectionTimeout"] = "connectionTimeout"
    reason: str


class ErrorMessage(Message):
    """Something was refused. `retryAfter`: seconds. `languages`: those offered, with UNSUPPORTED_LANGUAGE."""

    type: Literal["error"] = "error"
    code: str
    status: int
    message: str
    retry_after: int | None = None
    session_id: str | None = None
    languages: tuple[str, ...] | None = None
    correlation_id: str
    timestamp: int


ServerMessage: TypeAlias = Annotated[
    SessionCreated
    | SessionJoined
    | ConnectionRefreshComplete
    | StateRestored
    | AudioReceived
    | BroadcastPaused
    | BroadcastResumed
    | BroadcastMuted
    | BroadcastUnmuted
    | VolumeChanged
    | SpeakerStateChanged
    | SessionStatus
    | SessionEnded
    | GlossaryAccepted
    | PlaybackPaused
    | PlaybackResumed
    | LanguageChanged
    | HeartbeatAck
    | SourceCaption
    | Caption
    | CueStart
    | CueEnd
    | AudioData
    | AudioDropped
    | AudioQualityWarning
    | AudioQualityRecovered
    | RateLimitWarning
    | TranscriptionError
    | SystemRecovered
    | LanguageUnavailable
    | ConnectionRefreshRequired
    | ConnectionWarning
    | ConnectionTimeout
    | ErrorMessage,
    Field(discriminator="type"),
]
