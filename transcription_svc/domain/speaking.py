"""What the voice of one language is told, and what it decides: the events and actions of `Voicing`."""

from dataclasses import dataclass

from transcription_svc.domain.playout import Cue, EndCue, PlayAudio, StartCue


@dataclass(frozen=True, slots=True)
class TextReady:
    """A text to be spoken; texts come in the order of speech. `cue`: as it would be at tempo 1."""

    cue: Cue
    characters: int


@dataclass(frozen=True, slots=True)
class VoiceGrew:
    """Some audio of what was asked for in `attempt`. `tempo`: at which the voice speaks. `seconds`: playing time."""

    attempt: int
    tempo: float
    audio: bytes
    seconds: float


@dataclass(frozen=True, slots=True)
class VoiceMade:
    """That is all the audio of an attempt; maybe none."""

    attempt: int


@dataclass(frozen=True, slots=True)
class VoiceFailed:
    """No more audio of an attempt will come."""

    attempt: int


@dataclass(frozen=True, slots=True)
class NobodyListens:
    """What waits is forgotten; the cue under way goes on."""


@dataclass(frozen=True, slots=True)
class TextsEnded:
    """No more texts."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the engine for a segment's voice. An attempt asked for before goes on until it is stopped.

    `longest_pause`: seconds; what is silent for longer is to be shortened to this.
    """

    attempt: int
    segment_id: int
    tempo: float
    longest_pause: float
    hurried: bool


@dataclass(frozen=True, slots=True)
class Stop:
    """Nobody wants any more of an attempt."""

    attempt: int


@dataclass(frozen=True, slots=True)
class GiveUp:
    """A segment that will not be spoken. `seconds` of audio, expected."""

    segment_id: int
    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class CutShort:
    """Of a cue that has begun no more will come; what there is of it is played."""

    reason: str


@dataclass(frozen=True, slots=True)
class Forget:
    """A segment that needs no voice."""

    segment_id: int


@dataclass(frozen=True, slots=True)
class Finished:
    """All texts came, and all of their audio is released."""


Event = TextReady | VoiceGrew | VoiceMade | VoiceFailed | NobodyListens | TextsEnded
Action = Ask | Stop | GiveUp | CutShort | Forget | Finished | StartCue | PlayAudio | EndCue

LAG_LIMIT = "LAG_LIMIT"
SYNTHESIS_FAILED = "SYNTHESIS_FAILED"
SYNTHESIS_TIMEOUT = "SYNTHESIS_TIMEOUT"
