"""What goes into a broadcast and what comes out of it, free of the wire. Offsets are seconds of the session."""

from dataclasses import dataclass, field

from chassis.glossary import NONE, Glossary
from transcription_svc.domain.playout import EndCue, PlayAudio, StartCue
from transcription_svc.domain.quality import QualityRecovered, QualityWarning


@dataclass(frozen=True, slots=True)
class Options:
    """What a broadcast knows before its first sample."""

    session_id: str
    language: str
    tier: str = "standard"
    targets: tuple[str, ...] = ()
    final_only: bool = False
    min_stability: float = 0.85
    buffer_seconds: float | None = None
    first_segment_id: int = 1
    glossary: Glossary = NONE


@dataclass(frozen=True, slots=True)
class AudioIn:
    """PCM s16le 16 kHz mono. `received_at`: wall clock, seconds since the epoch, at the edge."""

    audio: bytes
    offset: float
    received_at: float


@dataclass(frozen=True, slots=True)
class TargetsChanged:
    """The languages that somebody listens in now."""

    languages: frozenset[str]


@dataclass(frozen=True, slots=True)
class PausedChanged:
    """Whether the speaker's audio is held back."""

    paused: bool


@dataclass(frozen=True, slots=True)
class GlossaryChanged:
    """The session's terms from now on."""

    glossary: Glossary


Input = AudioIn | TargetsChanged | PausedChanged | GlossaryChanged


@dataclass(frozen=True, slots=True)
class SourceCaption:
    """What the speaker said; a later one of the same segment replaces it."""

    segment_id: int
    text: str
    stable_chars: int
    is_final: bool
    start: float
    end: float
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class Caption:
    """A segment's text in one language."""

    segment_id: int
    language: str
    text: str
    stable_chars: int
    is_final: bool
    start: float
    end: float
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class CuesDropped:
    """Segments of one language that will not be voiced. `seconds` of audio, known or estimated."""

    language: str
    segment_ids: tuple[int, ...]
    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class LanguageStatus:
    """One language began or ceased to fail."""

    language: str
    available: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class LagReport:
    """By language: lag of the cue that began last, and audio made and not yet heard. Seconds."""

    voice_lag: dict[str, float] = field(default_factory=dict)
    queued: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Warned:
    """Something the broadcast survives."""

    reason: str
    message: str


Output = (
    SourceCaption
    | Caption
    | StartCue
    | PlayAudio
    | EndCue
    | CuesDropped
    | LanguageStatus
    | LagReport
    | Warned
    | QualityWarning
    | QualityRecovered
)
