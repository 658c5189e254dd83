"""A Lingocast client for Python: speak in a session, or listen to one. Needs aiohttp only; PyAV to listen in Opus.

async with Speaker.open(url, token, source_language="en") as speaker:
    print(speaker.session_id)
    async for chunk in pace(decode("talk.flac")):
        await speaker.send(chunk)

async with Listener.open(url, session_id, "es") as listener:
    async for event in listener:
        match event:
            case Caption(text=text, is_final=True): print(text)
            case CueAudio(pcm=pcm): play(pcm)
"""

from edge.client.listener import Listener
from edge.client.messages import (
    AudioDropped,
    BroadcastMuted,
    BroadcastPaused,
    BroadcastResumed,
    BroadcastState,
    BroadcastUnmuted,
    Caption,
    ClientError,
    ConnectionTimeout,
    ConnectionWarning,
    CueAudio,
    CueEnd,
    CueStart,
    Disconnected,
    ErrorEvent,
    Event,
    GlossaryAccepted,
    LanguageChanged,
    LanguageUnavailable,
    PlaybackPaused,
    PlaybackResumed,
    QualityRecovered,
    QualityWarning,
    RateLimitWarning,
    Reconnected,
    RefreshRequired,
    SessionCreated,
    SessionEnded,
    SessionJoined,
    SessionStatus,
    SourceCaption,
    SpeakerStateChanged,
    StateRestored,
    SystemRecovered,
    TranscriptionError,
    Unknown,
    VolumeChanged,
)
from edge.client.pacing import decode, pace
from edge.client.recovery import Timing
from edge.client.speaker import Speaker, Term, TokenSource

__all__ = [
    "AudioDropped",
    "BroadcastMuted",
    "BroadcastPaused",
    "BroadcastResumed",
    "BroadcastState",
    "BroadcastUnmuted",
    "Caption",
    "ClientError",
    "ConnectionTimeout",
    "ConnectionWarning",
    "CueAudio",
    "CueEnd",
    "CueStart",
    "Disconnected",
    "ErrorEvent",
    "Event",
    "GlossaryAccepted",
    "LanguageChanged",
    "LanguageUnavailable",
    "Listener",
    "PlaybackPaused",
    "PlaybackResumed",
    "QualityRecovered",
    "QualityWarning",
    "RateLimitWarning",
    "Reconnected",
    "RefreshRequired",
    "SessionCreated",
    "SessionEnded",
    "SessionJoined",
    "SessionStatus",
    "SourceCaption",
    "Speaker",
    "SpeakerStateChanged",
    "StateRestored",
    "SystemRecovered",
    "Term",
    "Timing",
    "TokenSource",
    "TranscriptionError",
    "Unknown",
    "VolumeChanged",
    "decode",
    "pace",
]
