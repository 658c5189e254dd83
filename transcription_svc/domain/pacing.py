"""How fast the next cue is spoken, and what is known of this language's voice. Pure.

Most lag in continuous speech is audio that waits for audio. Two things make it wait: a language that takes longer than
the speaker (load), and a long segment before a short one (burst). Load is met by a steady tempo, found from the texts
alone, before any lag has grown; bursts and what was misjudged by a term that follows the wait foreseen for the text
after this one, which is the first that this cue's tempo can help.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

MAX_TEMPO = 1.25
"""While that keeps up and nothing is about to be given up."""
PRESSED_TEMPO = 1.4
"""Hasty, but better than sentences that are left out."""
MAX_STEP = 0.05


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is known when a cue is about to be asked for. Seconds; lengths are at tempo 1.

    `tempo`: of the cue before it. `queued`: audio that was made and is not heard yet. `length`: of this cue, expected.
    `waiting`: of the texts behind it. `gap`: usual time from one text to the next. `age`: since the newest text came.
    `load`: see `Load`.
    """

    tempo: float

    queued: float
    length: float
    waiting: Sequence[float]
    gap: float
    age: float
    load: float


Law = Callable[[Outlook], float]
"""The tempo of the next cue: 1.0 to PRESSED_TEMPO, at most MAX_STEP from the one before it."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """The law's numbers.

    `utilisation`: share of the time that the voice may fill when nothing waits; a fuller queue grows long by chance
    alone. `wanted`: wait that costs no tempo, seconds. `gain`: tempo for a second of wait beyond it. `fall`: at most
    so much slower from one cue to the next. `deadband`: smaller changes are not made, so that the voice stays steady.
    `pressed`: the wait at which MAX_TEMPO may be passed, and the one at which PRESSED_TEMPO is reached.
    """

    # Twenty minutes of segments as they are cut now, read at 170 wpm into Portuguese: 0.85 has lags of 2.29/2.97 s (p50
    # and p90) and a quarter of the cues at the fastest that voices go, the speaker's own rate included; 0.9 has
    # 2.33/3.08 s and a tenth of them; 0.95 2.37/3.15 s and 4 %. At 190 wpm p90 is 3.31, 3.42 and 3.55 s.
    utilisation: float = 0.9
    wanted: float = 0.5
    gain: float = 0.1
    fall: float = 0.02
    deadband: float = 0.02
    pressed: tuple[float, float] = (4.0, 6.0)


def foresight(outlook: Outlook, numbers: Tuning = Tuning()) -> float:
    """The law in use."""
    steady = min(max(outlook.load / numbers.utilisation, 1.0), MAX_TEMPO)
    wait = _wait_foreseen(outlook)
    wanted = min(steady + numbers.gain * max(wait - numbers.wanted, 0.0), _most(wait, outlook.load, numbers))
    if abs(wanted - outlook.tempo) <= numbers.deadband:
        return outlook.tempo
    return min(max(wanted, outlook.tempo - numbers.fall), outlook.tempo + MAX_STEP)


LONGEST_PAUSE = 1.0


def longest_pause(outlook: Outlook, numbers: Tuning = Tuning()) -> float:
    """Seconds of silence that the next cue may hold in one piece. Pauses go before anybody has to speak faster."""
    wait = _wait_foreseen(outlook)
    if wait <= 0 and outlook.load <= numbers.utilisation:
        return LONGEST_PAUSE
    return min(max(0.3 - 0.12 * wait, 0.12), 0.3)


def _wait_foreseen(outlook: Outlook) -> float:
    """How long the text after the waiting ones will wait for them to be played, when it comes after the usual gap."""
    ahead = outlook.queued + (outlook.length + sum(outlook.waiting)) / outlook.tempo
    return ahead - max(outlook.gap - outlook.age, 0.0)


def _most(wait: float, load: float, numbers: Tuning) -> float:
    """MAX_TEMPO, unless that falls behind for good, or sentences are about to be left out."""
    low, high = numbers.pressed
    pressed = MAX_TEMPO + (PRESSED_TEMPO - MAX_TEMPO) * (wait - low) / (high - low)
    return min(max(MAX_TEMPO, pressed, load), PRESSED_TEMPO)


class VoiceRate:
    """What is learned of this language's voice from the cues made.

    The speaker's own rate is in it: the voice follows it by itself.
    """

    # Seconds a character in the languages of Europe. Where it is far off (Chinese, Japanese) the first cue corrects it.
    FIRST = 0.065
    NEWEST = 0.1

    def __init__(self) -> None:
        self._seconds = self.FIRST
        self._weight = 0.1
        self.first_audio = 0.5
        """Seconds that it usually takes to begin."""
        self.slowness = 0.0
        """Making time of a second of voice. Above 1 making holds up, not playing."""

    def begun(self, after: float) -> None:
        """The first audio came `after` so many seconds."""
        self.first_audio += 0.2 * (after - self.first_audio)

    def missing(self, since: float) -> None:
        """It has not come for so many seconds; who always takes that long is to be given the time."""
        self.first_audio += 0.5 * max(since - self.first_audio, 0.0)

    def made(self, characters: int, seconds: float, tempo: float, took: float) -> None:
        """A cue of so many characters, asked for at that tempo, lasts `seconds` and took that long to make."""
        if characters <= 0 or seconds <= 0:
            return
        # The newest counts most at first, then a tenth.
        self._weight = self._weight * (1 - self.NEWEST) + 1
        self._seconds += (seconds * tempo / characters - self._seconds) / self._weight
        self.slowness += 0.2 * (took / seconds - self.slowness)

    def seconds(self, characters: int) -> float:
        """How long a text will sound at tempo 1."""
        return characters * self._seconds


class Load:
    """Seconds of voice at tempo 1 for each second of speech, pauses included; of the last minute or so.

    Before anything is known it is KNOWN_BEFORE; a minute of silence is not believed to be a slow speaker.
    """

    KNOWN_BEFORE = 0.85
    MEMORY_SECONDS = 45.0
    LONGEST_SECONDS = 8.0

    def __init__(self) -> None:
        self._speech = 10.0
        self._voice = 10.0 * self.KNOWN_BEFORE
        self._until: float | None = None
        self._gap = 3.0

    def add(self, start: float, end: float, seconds: float) -> None:
        """A segment, offsets of its speech, and its voice at tempo 1."""
        since = self._until if self._until is not None else start
        taken = min(max(end - since, 0.1), self.LONGEST_SECONDS)
        kept = math.exp(-taken / self.MEMORY_SECONDS)
        self._speech = self._speech * kept + taken
        self._voice = self._voice * kept + seconds
        self._gap += 0.1 * (taken - self._gap)
        self._until = end

    @property
    def value(self) -> float:
        """Above 1 the language takes longer than the speaker."""
        return self._voice / self._speech

    @property
    def gap(self) -> float:
        """Usual seconds from one segment's end to the next."""
        return self._gap


class Hurry:
    """Whether a voice is made too slowly, so that a plainer and quicker one should speak.

    It is when a text had to wait long for its turn although nothing was left to play: then making is what holds up. It
    ends after some cues in a row that did not have to wait, for a voice that changes at every sentence is unpleasant;
    each time that this was too soon it takes twice as many.
    """

    LATE_SECONDS = 2.0
    LEFT_SECONDS = 0.5
    CALM_SECONDS = 0.5
    CALM_CUES = 5
    MOST_CALM_CUES = 40
    SOON_CUES = 20

    def __init__(self) -> None:
        self._calm: int | None = None  # Cues in a row that did not wait; None while there is no hurry.
        self._needed = self.CALM_CUES
        self._since = self.SOON_CUES  # Cues since the last hurry.

    def judge(self, waited: float, queued: float) -> bool:
        """For the next cue: `waited` seconds after its text was there, with `queued` seconds of voice left to play."""
        if waited > self.LATE_SECONDS and queued < self.LEFT_SECONDS:
            self.begin()
        elif self._calm is None:
            self._since += 1
        else:
            self._calm = self._calm + 1 if waited < self.CALM_SECONDS else 0
            if self._calm >= self._needed:
                self._calm, self._since = None, 0
        return self._calm is not None

    def begin(self) -> None:
        """A voice did not come in time: the next ones hurry."""
        if self._calm is None:
            soon = self._since < self.SOON_CUES
            self._needed = min(2 * self._needed, self.MOST_CALM_CUES) if soon else self.CALM_CUES
        self._calm = 0
