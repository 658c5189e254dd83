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
from edge.opus import PACKET_MS, PRE_SKIP, OpusCues, OpusVoice, Packet
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


_NUMBERS_A_CHUNK: Final = 1_000
"""Opus packets are numbered from their cue's first chunk on; no chunk holds a minute of voice."""


class Encoder:
    """Encodes the events of one feed; remembers its cue under way. `opus`: what is shared by all who encode this feed
    here, so that no cue is encoded twice."""

    def __init__(self, session_id: str, source: bool = False, opus: OpusCues | None = None) -> None:
        self._session_id = session_id
        self._source = source
        self._cue: CueStarted | None = None
        self._opus = OpusVoice(opus or OpusCues())
        self._first_number: int | None = None  # Of the chunks of the cue under way.

    def open(self, event: BusEvent) -> None:
        """Takes note of an event before it is encoded for any flavour."""
        self._opus.open(event)
        match event:
            case CueStarted():
                self._cue, self._first_number = event, None
            case CueAudio() if self._first_number is None:
                self._first_number = event.number

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
                return [Parcel(Kind.CUE_START, self._cue_start(event, rendering), event.cue_id)]
            case CueAudio():
                return self._audio(event, rendering)
            case CueEnded():
                end = Parcel(Kind.CUE_END, cue_end(event.cue_id, event.duration_ms, rendering.flavour), event.cue_id)
                return [*self._packets(event, rendering.flavour), end] if rendering.audio is Audio.OPUS else [end]

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

    def _cue_start(self, event: CueStarted, rendering: Rendering) -> Frame:
        if rendering.flavour is Flavour.PLAIN:
            return Frame(b"")
        opus = rendering.audio is Audio.OPUS
        content = server.CueStart(
            cue_id=event.cue_id,
            segment_id=event.segment_id,
            language=event.language,
            sample_rate=event.sample_rate,
            start_ms=event.start_ms,
            end_ms=event.end_ms,
            tempo=round(event.tempo, 3),
            audio_format="opus" if opus else None,
            packet_ms=PACKET_MS if opus else None,
            pre_skip=PRE_SKIP if opus else None,
        )
        return Frame(content.to_json())

    def _audio(self, event: CueAudio, rendering: Rendering) -> Sequence[Post]:
        if self._cue is None or self._cue.cue_id != event.cue_id:
            return ()  # This edge came to the feed in the middle of a cue.
        if rendering.audio is Audio.OPUS:
            return self._packets(event, rendering.flavour)
        if rendering.flavour is Flavour.V1:
            return [Parcel(Kind.CUE_AUDIO, Frame(event.audio, binary=True), event.cue_id, event.seconds)]
        content = self._audio_data(self._cue, event.audio, event.number)
        return [Parcel(Kind.CUE_AUDIO, Frame(content.to_json()), event.cue_id, event.seconds)]

    def _packets(self, event: CueAudio | CueEnded, flavour: Flavour) -> list[Post]:
        cue = self._cue
        if cue is None or cue.cue_id != event.cue_id:
            return []
        return [
            Parcel(Kind.CUE_AUDIO, self._packet(packet, cue, flavour), event.cue_id, packet.seconds)
            for packet in self._opus.packets(event)
        ]

    def _packet(self, packet: Packet, cue: CueStarted, flavour: Flavour) -> Frame:
        if flavour is Flavour.V1:
            return Frame(packet.data, binary=True)
        number = (self._first_number or 0) * _NUMBERS_A_CHUNK + packet.number
        content = self._audio_data(cue, packet.data, number)
        opus = {
            "format": "opus",
            "packet_ms": PACKET_MS,
            "skip": packet.skip or None,
            "padding": packet.padding or None,
        }
        return Frame(content.model_copy(update=opus).to_json())

    @staticmethod
    def _audio_data(cue: CueStarted, audio: bytes, number: int) -> server.AudioData:
        return server.AudioData(
            audio_data=base64.b64encode(audio).decode(),
            sample_rate=cue.sample_rate,
            sequence_number=number,
            cue_id=cue.cue_id,
            segment_id=cue.segment_id,
            language=cue.language,
            start_ms=cue.start_ms,
            end_ms=cue.end_ms,
            timestamp=milliseconds(time.time()),
        )


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
