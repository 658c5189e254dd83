"""One language of a talk through the real voice machine, with engines that take their time."""

import heapq
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

from tests.sim.talk import Said
from transcription_svc.domain.pacing import LONGEST_PAUSE, Law, foresight
from transcription_svc.domain.playout import Cue, EndCue, PlayAudio, StartCue
from transcription_svc.domain.speaking import (
    Action,
    Ask,
    Event,
    Finished,
    GiveUp,
    Stop,
    TextReady,
    TextsEnded,
    VoiceFailed,
    VoiceGrew,
    VoiceMade,
)
from transcription_svc.domain.voicing import Limits, Voicing

BLOCK_SECONDS = 0.4
SLOWEST, FASTEST = 0.85, 1.5
USUAL = Limits()


@dataclass(frozen=True, slots=True)
class Engines:
    """Seconds, unless said. `caption`: end of a segment's speech to its translation. `first`: voice asked for to its
    first audio. `real_time`: making time for a second of voice. `jitter`: deviation of the logarithm of all delays.
    `stalls`, `failures`: share of the cues whose first audio takes `stall` longer, or never comes.
    `quick`: whether there is a plainer voice for who is in a hurry.
    """

    caption: float = 1.2
    first: float = 0.65
    real_time: float = 0.55
    jitter: float = 0.2
    stalls: float = 0.0
    stall: float = 3.0
    failures: float = 0.0
    quick: bool = True


@dataclass(frozen=True, slots=True)
class Language:
    """`expansion`: its characters for each of the speaker's. `seconds_per_character`: of its voice at tempo 1.

    `spread`: deviation of that from cue to cue. `pauses`: share of its voice that is silence which can be taken out.
    `follows`: whether its voice takes on the speaker's own rate.
    """

    expansion: float = 1.1
    seconds_per_character: float = 0.065
    spread: float = 0.08
    pauses: float = 0.012
    follows: bool = True


@dataclass(frozen=True, slots=True)
class Heard:
    """A cue as a listener heard it. `starts_at` and `spoken_at` (end of its speech): seconds of the simulation.

    `tempo`: of lag control, without the speaker's own rate. `seconds`: what was released; `made`: what the engine made.
    """

    segment_id: int
    spoken_at: float
    starts_at: float
    lag: float
    tempo: float
    hurried: bool
    seconds: float
    made: float


@dataclass(slots=True)
class Run:
    """What came of a talk."""

    heard: list[Heard] = field(default_factory=list)
    dropped: list[GiveUp] = field(default_factory=list)


def simulate(
    said: Sequence[Said],
    engines: Engines = Engines(),
    language: Language = Language(),
    *,
    law: Law = foresight,
    limits: Limits = USUAL,
    seed: int = 0,
) -> Run:
    """Plays the talk; the same seed gives the same run."""
    return _Simulation(said, engines, language, Voicing(limits, law), seed).run()


class _Simulation:
    def __init__(self, said: Sequence[Said], engines: Engines, language: Language, voicing: Voicing, seed: int) -> None:
        self._said = {each.segment_id: each for each in said}
        self._engines = engines
        self._language = language
        self._voicing = voicing
        self._chance = random.Random(seed)
        self._events: list[tuple[float, int, Event]] = []
        self._numbers = count()
        self._asked: dict[int, dict[int, tuple[Ask, float]]] = {}  # By segment and attempt: what it makes, seconds.
        self._started: dict[str, StartCue] = {}
        self._run = Run()
        self._finished = False
        # Drawn before anything runs, so that all laws meet the same luck.
        self._texts = self._ready_times()
        self._luck = {each.segment_id: (self._draw(), self._draw()) for each in said}

    def run(self) -> Run:
        for at, text in self._texts:
            self._schedule(at, text)
        self._schedule(self._texts[-1][0], TextsEnded())
        now = 0.0
        while not self._finished:
            due = self._voicing.deadline()
            if due is not None and (not self._events or due <= self._events[0][0]):
                now = max(now, due)
                self._perform(self._voicing.tick(now), now)
            else:
                now, _, event = heapq.heappop(self._events)
                self._perform(self._voicing.receive(event, now), now)
        return self._run

    def _ready_times(self) -> list[tuple[float, TextReady]]:
        ready, out = 0.0, []
        for each in self._said.values():
            ready = max(ready, each.end + self._delay(self._engines.caption))
            cue = Cue(f"{each.segment_id}", each.segment_id, "xx", each.start, each.end, 1.0, each.end)
            out.append((ready, TextReady(cue, max(round(each.characters * self._language.expansion), 1))))
        return out

    def _draw(self) -> tuple[float, float, bool]:
        """Of one segment: time to first audio, voice seconds at tempo 1, whether it fails."""
        first = self._delay(self._engines.first)
        if self._chance.random() < self._engines.stalls:
            first += self._engines.stall
        rate = self._language.seconds_per_character * max(self._chance.gauss(1.0, self._language.spread), 0.5)
        return first, rate, self._chance.random() < self._engines.failures

    def _delay(self, median: float) -> float:
        return median * self._chance.lognormvariate(0.0, self._engines.jitter)

    def _perform(self, actions: Sequence[Action], now: float) -> None:
        for action in actions:
            match action:
                case Ask():
                    self._make(action, now)
                case Stop(attempt):
                    for attempts in self._asked.values():
                        attempts.pop(attempt, None)
                case GiveUp():
                    self._run.dropped.append(action)
                case StartCue():
                    self._started[action.cue.cue_id] = action
                case EndCue():
                    self._end(action)
                case Finished():
                    self._finished = True
                case _:
                    # Nothing is forgotten while somebody listens, and these engines end what they begin.
                    assert isinstance(action, PlayAudio)

    def _end(self, action: EndCue) -> None:
        cue = action.cue
        start = self._started.pop(cue.cue_id)
        (heard,) = (attempt for attempt in self._asked.pop(cue.segment_id).values() if attempt[1])
        ask, made = heard
        self._run.heard.append(
            Heard(
                cue.segment_id,
                cue.speech_end,
                start.starts_at,
                start.lag_seconds,
                ask.tempo,
                ask.hurried,
                action.seconds,
                made,
            )
        )

    def _make(self, ask: Ask, now: float) -> None:
        """Schedules the engine's answer."""
        attempts = self._asked.setdefault(ask.segment_id, {})
        first, per_character, fails = self._luck[ask.segment_id][min(len(attempts), 1)]
        real_time = self._engines.real_time
        if ask.hurried and self._engines.quick:
            first, real_time, fails = 0.05, 0.01, False
        if fails:
            attempts[ask.attempt] = ask, 0.0
            self._schedule(now + first, VoiceFailed(ask.attempt))
            return
        seconds = self._seconds(ask, per_character)
        attempts[ask.attempt] = ask, seconds
        at, left = now + first, seconds
        while left > 1e-9:
            block = min(BLOCK_SECONDS, left)
            self._schedule(at, VoiceGrew(ask.attempt, self._granted(ask), b"", block))
            at += block * real_time
            left -= block
        self._schedule(at, VoiceMade(ask.attempt))

    def _granted(self, ask: Ask) -> float:
        own = own_rate(self._said[ask.segment_id]) if self._language.follows else 1.0
        return min(max(own * ask.tempo, SLOWEST), FASTEST)

    def _seconds(self, ask: Ask, per_character: float) -> float:
        characters = max(round(self._said[ask.segment_id].characters * self._language.expansion), 1)
        taken_out = self._language.pauses * (LONGEST_PAUSE - ask.longest_pause) / LONGEST_PAUSE
        return characters * per_character * (1 - taken_out) / self._granted(ask)

    def _schedule(self, at: float, event: Event) -> None:
        heapq.heappush(self._events, (at, next(self._numbers), event))


def own_rate(said: Said) -> float:
    """How much faster the voice speaks because the speaker does; as synthesis_svc has it."""
    wpm = said.characters / 6.0 / (said.end - said.start) * 60
    for most, factor in ((100, 0.85), (130, 0.92), (160, 1.0), (190, 1.12)):
        if wpm < most:
            return factor
    return 1.25
