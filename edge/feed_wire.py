"""Events of a feed as what crosses between edges, both ways: protobuf ends here."""

from collections.abc import Callable
from typing import Any, Final

from google.protobuf.duration_pb2 import Duration

from chassis.durations import seconds
from edge.domain.continuity import Position
from edge.domain.feed import (
    BusEvent,
    Caption,
    CueAudio,
    CueEnded,
    CuesDropped,
    CueStarted,
    HandedOver,
    HandingOver,
    LanguageStatusChanged,
    SessionEnded,
    SwitchesChanged,
)
from edge.domain.speaker import Switches
from protos.audio.v1 import audio_pb2
from protos.feed.v1 import feed_pb2 as pb

_PCM: Final = audio_pb2.AUDIO_ENCODING_PCM_S16LE


def to_wire(event: BusEvent) -> pb.FeedEvent:  # noqa: C901, PLR0911 - a table
    """An event as a message."""
    match event:
        case Caption():
            return pb.FeedEvent(caption=_caption_message(event))
        case CueStarted():
            return pb.FeedEvent(cue_start=_cue_start_message(event))
        case CueAudio():
            return pb.FeedEvent(cue_audio=_cue_audio_message(event))
        case CueEnded():
            return pb.FeedEvent(cue_end=_cue_end_message(event))
        case CuesDropped():
            return pb.FeedEvent(cues_dropped=_cues_dropped_message(event))
        case LanguageStatusChanged():
            return pb.FeedEvent(language_status=language_status_message(event))
        case SwitchesChanged():
            return pb.FeedEvent(switches_change=_switches_change_message(event))
        case SessionEnded():
            return pb.FeedEvent(session_end=pb.SessionEnd(reason=event.reason))
        case HandingOver():
            return pb.FeedEvent(handing_over=pb.HandingOver(by=event.by))
        case HandedOver():
            return pb.FeedEvent(handed_over=pb.HandedOver(by=event.by))


def from_wire(message: pb.FeedEvent) -> BusEvent | None:
    """The event that a message stands for; None for one that only a later release knows."""
    kind = message.WhichOneof("event")
    return None if kind is None else _READ[kind](getattr(message, kind))


def to_wire_position(position: Position) -> pb.Position:
    return pb.Position(
        events=position.events,
        cues=position.cues,
        audio_duration=_length(position.seconds),
        cue_id=position.cue_id,
    )


def from_wire_position(message: pb.Position) -> Position:
    return Position(message.events, message.cues, seconds(message.audio_duration), message.cue_id)


def _caption_message(event: Caption) -> pb.Caption:
    return pb.Caption(
        segment_id=event.segment_id,
        language=event.language,
        text=event.text,
        stable_chars=event.stable_chars,
        is_final=event.is_final,
        span=_span(event.start_ms, event.end_ms),
        traceparent=event.traceparent,
    )


def _cue_start_message(event: CueStarted) -> pb.CueStart:
    return pb.CueStart(
        cue_id=event.cue_id,
        segment_id=event.segment_id,
        language=event.language,
        format=audio_pb2.AudioFormat(encoding=_PCM, sample_rate_hertz=event.sample_rate),
        span=_span(event.start_ms, event.end_ms),
        tempo=event.tempo,
        traceparent=event.traceparent,
    )


def _cue_audio_message(event: CueAudio) -> pb.CueAudio:
    return pb.CueAudio(
        cue_id=event.cue_id,
        language=event.language,
        audio=event.audio,
        audio_duration=_length(event.seconds),
        number=event.number,
    )


def _cue_end_message(event: CueEnded) -> pb.CueEnd:
    return pb.CueEnd(cue_id=event.cue_id, language=event.language, audio_duration=_length(event.duration_ms / 1000))


def _cues_dropped_message(event: CuesDropped) -> pb.CuesDropped:
    return pb.CuesDropped(language=event.language, cues=event.cues, audio_duration=_length(event.seconds))


def language_status_message(event: LanguageStatusChanged) -> pb.LanguageStatus:
    return pb.LanguageStatus(language=event.language, available=event.available, reason=event.reason)


def language_status(message: pb.LanguageStatus) -> LanguageStatusChanged:
    return LanguageStatusChanged(message.language, message.available, message.reason)


def _switches_change_message(event: SwitchesChanged) -> pb.SwitchesChange:
    switches = event.switches
    change = pb.SwitchesChange(
        action=event.action,
        active=switches.active,
        paused=switches.paused,
        muted=switches.muted,
        volume=switches.volume,
    )
    # Not multiplied as a whole: a float of nanoseconds since 1970 is exact to a quarter of a microsecond only.
    whole = int(switches.changed_at)
    change.changed_at.FromNanoseconds(whole * 10**9 + round((switches.changed_at - whole) * 1e9))
    return change


def _caption(message: pb.Caption) -> Caption:
    return Caption(
        segment_id=message.segment_id,
        language=message.language,
        text=message.text,
        stable_chars=message.stable_chars,
        is_final=message.is_final,
        start_ms=_milliseconds(message.span.start_offset),
        end_ms=_milliseconds(message.span.end_offset),
        traceparent=message.traceparent,
    )


def _cue_start(message: pb.CueStart) -> CueStarted:
    return CueStarted(
        cue_id=message.cue_id,
        segment_id=message.segment_id,
        language=message.language,
        sample_rate=message.format.sample_rate_hertz,
        start_ms=_milliseconds(message.span.start_offset),
        end_ms=_milliseconds(message.span.end_offset),
        tempo=message.tempo,
        traceparent=message.traceparent,
    )


def _cue_audio(message: pb.CueAudio) -> CueAudio:
    playing = seconds(message.audio_duration)
    return CueAudio(message.cue_id, message.language, message.audio, playing, message.number)


def _switches(message: pb.SwitchesChange) -> SwitchesChanged:
    moved = message.changed_at.seconds + message.changed_at.nanos / 1e9
    switches = Switches(message.active, message.paused, message.muted, message.volume, moved)
    return SwitchesChanged(message.action, switches)


_READ: Final[dict[str, Callable[[Any], BusEvent]]] = {
    "caption": _caption,
    "cue_start": _cue_start,
    "cue_audio": _cue_audio,
    "cue_end": lambda end: CueEnded(end.cue_id, end.language, _milliseconds(end.audio_duration)),
    "cues_dropped": lambda dropped: CuesDropped(dropped.language, dropped.cues, seconds(dropped.audio_duration)),
    "language_status": language_status,
    "switches_change": _switches,
    "session_end": lambda end: SessionEnded(end.reason),
    "handing_over": lambda sign: HandingOver(sign.by),
    "handed_over": lambda sign: HandedOver(sign.by),
}


def _span(start_ms: int, end_ms: int) -> audio_pb2.TimeSpan:
    return audio_pb2.TimeSpan(start_offset=_length(start_ms / 1000), end_offset=_length(end_ms / 1000))


def _length(length: float) -> Duration:
    # To the nanosecond: a sample of 16 kHz is no whole number of microseconds.
    out = Duration()
    out.FromNanoseconds(round(length * 1e9))
    return out


def _milliseconds(length: Duration) -> int:
    return round(length.ToNanoseconds() / 1e6)
