"""Turns what flows on the bus into bytes, once per feed and flavour; each listener's socket writes the same ones."""

import base64
import math
import struct
import time
from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple, TypeAlias

from edge.domain.feed import (
    BusEvent,
    Caption,
    CueAudio,
    CueEnded,
    CuesDropped,
    CueStarted,
    LanguageStatusChanged,
    SessionEnded,
    SwitchesChanged,
)
from edge.domain.mailbox import Kind, Parcel
from edge.domain.speaker import Switches
from edge.protocol import server

SUBPROTOCOL: Final = "lingocast.v1"


class Flavour(StrEnum):
    """How a client wants audio: bare frames between cueStart and cueEnd, or base64 in JSON."""

    V1 = SUBPROTOCOL
    PLAIN = "plain"


class Audio(StrEnum):
    """What a client wants to hear."""

    OFF = "off"
    PCM = "pcm"
    OPUS = "opus"


class Rendering(NamedTuple):
    """A way of following a feed: all who share it get the same bytes."""

    flavour: Flavour
    audio: Audio = Audio.PCM


class Frame:
    """One WebSocket frame, header and all, the same bytes for everyone: a server's frames are not masked, and nothing
    is compressed. Empty: nothing is sent (plain clients have no cueStart)."""

    __slots__ = ("receipt", "wire")

    def __init__(self, payload: bytes, binary: bool = False) -> None:
        self.wire = _header(len(payload), binary) + payload if payload else b""
        self.receipt: Receipt | None = None


class Receipt:
    """Learns when a frame was written to a listener, so that a trace can tell. `written_at`: wall clock, the last."""

    __slots__ = ("listeners", "written_at")

    def __init__(self) -> None:
        self.listeners = 0
        self.written_at = 0.0

    def written(self, listeners: int = 1) -> None:
        self.listeners += listeners
        self.written_at = time.time()


Post: TypeAlias = Parcel[Frame]


def _header(size: int, binary: bool) -> bytes:
    """Of a whole frame from a server (RFC 6455, section 5.2)."""
    first = 0x82 if binary else 0x81
    if size < 126:  # From here on the length has a field of its own: 16 bits, then 64.
        return bytes((first, size))
    if size < 1 << 16:
        return struct.pack(">BBH", first, 126, size)
    return struct.pack(">BBQ", first, 127, size)


def message(content: server.Message) -> Post:
    """A message that is never dropped."""
    return Parcel(Kind.MESSAGE, Frame(content.to_json()))


def state_message(switches: Switches) -> server.BroadcastState:
    return server.BroadcastState(
        is_active=switches.active,
        is_paused=switches.paused,
        is_muted=switches.muted,
        volume=round(switches.volume, 4),
        last_state_change=milliseconds(switches.changed_at),
    )


def notice_message(  # noqa: PLR0911 - a table
    session_id: str, event: SwitchesChanged | SessionEnded
) -> server.Message:
    """What the speaker's own acknowledgement and the listeners' notice both say."""
    if isinstance(event, SessionEnded):
        return server.SessionEnded(session_id=session_id, reason=event.reason)
    at = milliseconds(event.switches.changed_at)
    match event.action:
        case "paused":
            return server.BroadcastPaused(session_id=session_id, timestamp=at)
        case "resumed":
            return server.BroadcastResumed(session_id=session_id, timestamp=at)
        case "muted":
            return server.BroadcastMuted(session_id=session_id, timestamp=at)
        case "unmuted":
            return server.BroadcastUnmuted(session_id=session_id, timestamp=at)
        case "volume":
            level = round(event.switches.volume, 4)
            return server.VolumeChanged(session_id=session_id, volume_level=level, timestamp=at)
        case _:
            state = state_message(event.switches)
            return server.SpeakerStateChanged(session_id=session_id, state=state, timestamp=at)


def source_caption(event: Caption) -> Post:
    """What was said; for the speaker, and for listeners who asked."""
    content = server.SourceCaption(
        segment_id=event.segment_id,
        text=event.text,
        stable_chars=event.stable_chars,
        is_final=event.is_final,
        start_ms=event.start_ms,
        end_ms=event.end_ms,
    )
    return Parcel(Kind.SOURCE_CAPTION, Frame(content.to_json()), str(event.segment_id))


class Encoder:
    """Encodes the events of one feed; remembers its cue under way."""

    def __init__(self, session_id: str, source: bool = False) -> None:
        self._session_id = session_id
        self._source = source
        self._cue: CueStarted | None = None

    def open(self, event: BusEvent) -> None:
        """Takes note of an event before it is encoded for any flavour."""
        if isinstance(event, CueStarted):
            self._cue = event

    def encode(self, event: BusEvent, rendering: Rendering) -> Sequence[Post]:
        """What a listener who follows in that way is told."""
        match event:
            case Caption():
                return [source_caption(event) if self._source else self._caption(event)]
            case CueStarted() | CueAudio() | CueEnded():
                return () if rendering.audio is Audio.OFF else self._voice(event, rendering)
            case CuesDropped():
                return [message(server.AudioDropped(cues=event.cues, seconds=round(event.seconds, 3)))]
            case LanguageStatusChanged():
                return [message(_language_status(event))]
            case SwitchesChanged() | SessionEnded():
                return [message(notice_message(self._session_id, event))]
            case _:
                return ()

    def _voice(self, event: CueStarted | CueAudio | CueEnded, rendering: Rendering) -> Sequence[Post]:
        match event:
            case CueStarted():
                return [Parcel(Kind.CUE_START, self._cue_start(event, rendering.flavour), event.cue_id)]
            case CueAudio():
                return self._audio(event, rendering.flavour)
            case CueEnded():
                return [Parcel(Kind.CUE_END, cue_end(event.cue_id, event.duration_ms, rendering.flavour), event.cue_id)]

    def _caption(self, event: Caption) -> Post:
        content = server.Caption(
            segment_id=event.segment_id,
            language=event.language,
            text=event.text,
            stable_chars=event.stable_chars,
            is_final=event.is_final,
            start_ms=event.start_ms,
            end_ms=event.end_ms,
        )
        return Parcel(Kind.CAPTION, Frame(content.to_json()), str(event.segment_id))

    def _cue_start(self, event: CueStarted, flavour: Flavour) -> Frame:
        if flavour is Flavour.PLAIN:
            return Frame(b"")
        content = server.CueStart(
            cue_id=event.cue_id,
            segment_id=event.segment_id,
            language=event.language,
            sample_rate=event.sample_rate,
            start_ms=event.start_ms,
            end_ms=event.end_ms,
            tempo=round(event.tempo, 3),
        )
        return Frame(content.to_json())

    def _audio(self, event: CueAudio, flavour: Flavour) -> Sequence[Post]:
        if self._cue is None or self._cue.cue_id != event.cue_id:
            return ()  # This edge came to the feed in the middle of a cue.
        if flavour is Flavour.V1:
            return [Parcel(Kind.CUE_AUDIO, Frame(event.audio, binary=True), event.cue_id, event.seconds)]
        content = server.AudioData(
            audio_data=base64.b64encode(event.audio).decode(),
            sample_rate=self._cue.sample_rate,
            sequence_number=event.number,
            cue_id=event.cue_id,
            segment_id=self._cue.segment_id,
            language=event.language,
            start_ms=self._cue.start_ms,
            end_ms=self._cue.end_ms,
            timestamp=milliseconds(time.time()),
        )
        return [Parcel(Kind.CUE_AUDIO, Frame(content.to_json()), event.cue_id, event.seconds)]


def cue_end(cue_id: str, duration_ms: int, flavour: Flavour) -> Frame:
    if flavour is Flavour.PLAIN:
        return Frame(b"")
    return Frame(server.CueEnd(cue_id=cue_id, duration_ms=duration_ms).to_json())


def milliseconds(seconds: float) -> int:
    return math.floor(seconds * 1000 + 0.5)


def _language_status(event: LanguageStatusChanged) -> server.Message:
    if not event.available:
        return server.LanguageUnavailable(language=event.language, reason=event.reason)
    return server.SystemRecovered(code=event.reason or "SERVICE_UNAVAILABLE", message=f"{event.language} works again")
