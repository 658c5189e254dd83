"""What flows from a speaker's edge to all edges with listeners: the events of a feed, and the notices of a session.

Plain data, so that it may cross edges. Times are milliseconds of the session's time unless said otherwise.
"""

from dataclasses import dataclass
from typing import TypeAlias

from edge.domain.speaker import Switches

NOTICES = ""
"""In the place of a language: what concerns everyone in a session."""

SOURCE = "@source"
"""In the place of a language: what the speaker said, as text."""

HANDOVER = "@handover"
"""In the place of a language: what two edges tell each other when a speaker moves from one to the other."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One session in one language: a feed. Or its NOTICES, or its SOURCE."""

    session_id: str
    language: str


@dataclass(frozen=True, slots=True)
class Caption:
    """A segment's text, in the source language or another; replaces earlier ones of the same segment."""

    segment_id: int
    language: str
    text: str
    stable_chars: int
    is_final: bool
    start_ms: int
    end_ms: int
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class CueStarted:
    """`sample_rate` of s16le mono audio."""

    cue_id: str
    segment_id: int
    language: str
    sample_rate: int
    start_ms: int
    end_ms: int
    tempo: float
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class CueAudio:
    """Some audio of the cue begun last in its language. `seconds`: playing time. `number`: counts through the feed."""

    cue_id: str
    language: str
    audio: bytes
    seconds: float
    number: int = 0


@dataclass(frozen=True, slots=True)
class CueEnded:
    """A cue is complete; `duration_ms` of audio."""

    cue_id: str
    language: str
    duration_ms: int


@dataclass(frozen=True, slots=True)
class CuesDropped:
    """Segments that will not be voiced in this language."""

    language: str
    cues: int
    seconds: float


@dataclass(frozen=True, slots=True)
class LanguageStatusChanged:
    """A language began (`available` false) or ceased to fail, its captions or its voice. `reason`: UPPER_SNAKE."""

    language: str
    available: bool
    reason: str


@dataclass(frozen=True, slots=True)
class SwitchesChanged:
    """The speaker moved a switch. `action`: paused, resumed, muted, unmuted, volume or state."""

    action: str
    switches: Switches


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """Nothing follows."""

    reason: str


@dataclass(frozen=True, slots=True)
class HandingOver:
    """From the edge that a speaker left: what was said there is still being played out, and comes first. `by`: names
    that broadcast; a speaker may have left several."""

    by: str


@dataclass(frozen=True, slots=True)
class HandedOver:
    """From the edge that a speaker left: nothing more comes from there. `by`: as in HandingOver."""

    by: str


FeedEvent: TypeAlias = Caption | CueStarted | CueAudio | CueEnded | CuesDropped | LanguageStatusChanged
Notice: TypeAlias = SwitchesChanged | SessionEnded
BusEvent: TypeAlias = FeedEvent | Notice | HandingOver | HandedOver


@dataclass(frozen=True, slots=True)
class QualityChanged:
    """The speaker's sound has a flaw, or (`recovered`) no longer. `issue`: snr_low, clipping, echo, silence."""

    issue: str
    recovered: bool
    value: float = 0.0
    threshold: float = 0.0
    advice: str = ""


@dataclass(frozen=True, slots=True)
class LagReported:
    """Lag of the cue that began last, seconds, by language."""

    voice_lag: dict[str, float]


@dataclass(frozen=True, slots=True)
class Warned:
    """Something that the stream survives. `reason`: UPPER_SNAKE."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class SourceCaptioned:
    """What the speaker said, so far; its language is the source."""

    caption: Caption


SpeakerEvent: TypeAlias = SourceCaptioned | QualityChanged | LagReported | Warned
