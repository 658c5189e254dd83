"""How a voice should sound: from the speaker's measured dynamics and the tempo of lag control to one delivery.

The numbers are what every engine can be asked for: a factor of speed, decibels, seconds of pause. The keywords are
those of SSML 1.1 for engines that want them. Tempo and the speaker's own rate are multiplied and clamped together,
so that neither the speaker nor lag control alone makes a voice unintelligible.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

SLOWEST: Final = 0.85
FASTEST: Final = 1.5


class Volume(StrEnum):
    """How loud; the value is the keyword of SSML."""

    LOUD = "x-loud"
    MEDIUM = "medium"
    SOFT = "soft"
    WHISPER = "x-soft"


class Rate(StrEnum):
    """How fast; the value is the keyword of SSML."""

    VERY_SLOW = "x-slow"
    SLOW = "slow"
    MEDIUM = "medium"
    FAST = "fast"
    VERY_FAST = "x-fast"


class Emotion(StrEnum):
    """The colour of the voice."""

    NEUTRAL = "neutral"
    CALM = "calm"
    EXCITED = "excited"
    SAD = "sad"
    ANGRY = "angry"
    SURPRISED = "surprised"
    FEARFUL = "fearful"


class Emphasis(StrEnum):
    """The stress on the whole text; the value is the level of SSML."""

    NONE = "none"
    MODERATE = "moderate"
    STRONG = "strong"


@dataclass(frozen=True, slots=True)
class Dynamics:
    """How the speaker sounded. `intensity`: 0.0 to 1.0."""

    volume: Volume = Volume.MEDIUM
    rate: Rate = Rate.MEDIUM
    emotion: Emotion = Emotion.NEUTRAL
    intensity: float = 0.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is asked of a voice.

    `tempo`: factor of the voice's normal speed, SLOWEST to FASTEST. `pause_seconds`: silence at the ends of clauses and
    sentences, beyond what the voice makes by itself, at this tempo.
    """

    tempo: float = 1.0
    volume: Volume = Volume.MEDIUM
    emphasis: Emphasis = Emphasis.NONE
    pause_seconds: float = 0.0

    @property
    def volume_db(self) -> float:
        """The volume, in dB against medium."""
        return VOLUME_DB[self.volume]

    @property
    def gain_db(self) -> float:
        """Volume and emphasis in one, in dB, for engines that know neither."""
        return self.volume_db + EMPHASIS_DB[self.emphasis]

    @property
    def rate(self) -> Rate:
        """The keyword nearest to the tempo, for engines that take no number."""
        return min(RATE_FACTOR, key=lambda rate: abs(RATE_FACTOR[rate] - self.tempo))


# Listeners hear 6 dB as clearly louder or softer; a whisper still has to be understood in a noisy room.
VOLUME_DB: Final = {Volume.LOUD: 6.0, Volume.MEDIUM: 0.0, Volume.SOFT: -6.0, Volume.WHISPER: -12.0}
EMPHASIS_DB: Final = {Emphasis.NONE: 0.0, Emphasis.MODERATE: 1.5, Emphasis.STRONG: 3.0}
# The middles of the classes (under 100, 115, 145, 175, 190 and more words a minute) against the 145 of medium, drawn
# towards 1: a translated voice carries the speaker's haste, it does not need to copy it.
RATE_FACTOR: Final = {
    Rate.VERY_SLOW: 0.85,
    Rate.SLOW: 0.92,
    Rate.MEDIUM: 1.0,
    Rate.FAST: 1.12,
    Rate.VERY_FAST: 1.25,
}
EMOTION_FACTOR: Final = {Emotion.SAD: 0.92, Emotion.FEARFUL: 0.94}
EMOTION_PAUSE_SECONDS: Final = {Emotion.SAD: 0.3, Emotion.FEARFUL: 0.2}
_STRESSED: Final = frozenset({Emotion.ANGRY, Emotion.EXCITED, Emotion.SURPRISED})


def deliver(dynamics: Dynamics, tempo: float = 1.0) -> Delivery:
    """The delivery for one cue. `tempo`: what lag control asks for, positive."""
    own_rate = RATE_FACTOR[dynamics.rate] * EMOTION_FACTOR.get(dynamics.emotion, 1.0)
    joint = min(max(own_rate * tempo, SLOWEST), FASTEST)
    return Delivery(
        tempo=joint,
        volume=dynamics.volume,
        emphasis=_emphasis(dynamics),
        # Lag control shortens pauses first: at a high tempo little of them is left.
        pause_seconds=EMOTION_PAUSE_SECONDS.get(dynamics.emotion, 0.0) / max(tempo, 1.0),
    )


def _emphasis(dynamics: Dynamics) -> Emphasis:
    if dynamics.emotion not in _STRESSED or dynamics.intensity < 0.4:
        return Emphasis.NONE
    return Emphasis.STRONG if dynamics.intensity > 0.7 else Emphasis.MODERATE
