"""The voice of one language, as decisions: what is asked of the engine when and how fast, what is given up, what plays.

One cue is made at a time, and not long before it is played, so that a late decision (tempo, giving up) still counts.
A cue that keeps listeners waiting while others wait behind it is asked for once more, of the quick voice; whichever
answers first is heard, and when neither does, it is skipped.
Texts that wait beyond `waiting_seconds` are given up unspoken, oldest first: their captions have been shown.
"""

from collections import deque
from dataclasses import dataclass, field, replace

from transcription_svc.domain.pacing import Hurry, Law, Load, Outlook, VoiceRate, foresight, longest_pause
from transcription_svc.domain.playout import CueBegun, CueGrew, CueMade, EndCue, PlayAudio, Playout, StartCue
from transcription_svc.domain.speaking import (
    LAG_LIMIT,
    SYNTHESIS_FAILED,
    SYNTHESIS_TIMEOUT,
    Action,
    Ask,
    CutShort,
    Event,
    Finished,
    Forget,
    GiveUp,
    NobodyListens,
    Stop,
    TextReady,
    TextsEnded,
    VoiceFailed,
    VoiceGrew,
    VoiceMade,
)


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds. `waiting_seconds`: voice that may wait, made or not. `ahead_seconds`: made before it is played.

    `first_audio_seconds`: how long an engine may take to begin, and how long it may leave listeners in the middle of a
    cue. `missing_seconds`: how long listeners hear nothing of a cue whose turn it is while others wait behind it.
    """

    waiting_seconds: float = 8.0
    ahead_seconds: float = 4.0
    first_audio_seconds: float = 3.0
    missing_seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class _Waiting:
    text: TextReady
    since: float


@dataclass(slots=True)
class _Making:
    waiting: _Waiting
    tempo: float
    longest_pause: float
    hurried: bool
    asked_at: float
    attempts: dict[int, float] = field(default_factory=dict)
    """When those under way were asked for. Once audio has come, only the one that it came from."""
    seconds: float = 0.0
    again: bool = False
    begun: bool = False
    grew_at: float = 0.0


class Voicing:
    """One language's voice."""

    def __init__(self, limits: Limits = Limits(), law: Law = foresight) -> None:
        self._limits = limits
        self._law = law
        self._rate = VoiceRate()
        self._load = Load()
        self._hurry = Hurry()
        self._playout = Playout()
        self._waiting: deque[_Waiting] = deque()
        self._making: _Making | None = None
        self._attempts = 0
        self._tempo = 1.0  # Of the cue that was heard last.
        self._newest_at = float("-inf")
        self._lag: float | None = None
        self._listened = True
        self._ended = False

    def receive(self, event: Event, now: float) -> list[Action]:
        """Takes a text, or what came of the last Ask."""
        out: list[Action] = []
        match event:
            case TextReady():
                out += self._ready(event, now)
            case VoiceGrew() | VoiceMade() | VoiceFailed():
                if self._making is not None and event.attempt in self._making.attempts:
                    out += self._made(self._making, event, now)
            case NobodyListens():
                out += [Forget(waiting.text.cue.segment_id) for waiting in self._waiting]
                self._waiting.clear()
                # Who comes next hears no jump: they heard nothing before.
                self._lag, self._tempo, self._listened = None, 1.0, False
            case TextsEnded():
                self._ended = True
        return [*out, *self._proceed(now)]

    def tick(self, now: float) -> list[Action]:
        """Releases what is due; asks again for what is late."""
        return [*self._seen(self._playout.tick(now)), *self._late(now), *self._proceed(now)]

    def finish(self, now: float) -> list[Action]:
        """Releases everything at once: the clock stops."""
        return list(self._seen(self._playout.finish(now)))

    def deadline(self) -> float | None:
        """When audio is due, a cue is late, or there is room for the next."""
        times = [self._playout.deadline()]
        if self._making is not None:
            times.append(self._patience(self._making))
        elif self._waiting:
            times.append(self._playout.played_at - self._limits.ahead_seconds)
        return min((time for time in times if time is not None), default=None)

    def queued_seconds(self, now: float) -> float:
        """Audio that was made and not yet heard."""
        return self._playout.queued_seconds(now)

    def lag_seconds(self, now: float) -> float | None:
        """How far the voice is behind: of the cue that began last, or of the oldest text that waits, if that is more.

        None before the first cue, and when nobody listens.
        """
        behind = [] if self._lag is None else [self._lag]
        oldest = self._making.waiting if self._making and not self._making.begun else next(iter(self._waiting), None)
        if oldest is not None:
            behind.append(now - oldest.text.cue.speech_end)
        return max(behind, default=None)

    def _ready(self, text: TextReady, now: float) -> list[Action]:
        self._listened = True
        self._waiting.append(_Waiting(text, now))
        self._newest_at = now
        self._load.add(text.cue.start, text.cue.end, self._rate.seconds(text.characters))
        out: list[Action] = []
        while len(self._waiting) > 1 and self._seconds_waiting(now) > self._limits.waiting_seconds:
            lost = self._waiting.popleft().text
            out.append(self._given_up(lost, LAG_LIMIT))
        return out

    def _seconds_waiting(self, now: float) -> float:
        """How long a text that comes now would wait, to be played or to be made, whichever is slower."""
        unspoken = sum(self._rate.seconds(waiting.text.characters) for waiting in self._waiting) / self._tempo
        return self._playout.queued_seconds(now) + unspoken * max(self._rate.slowness, 1.0)

    def _made(self, making: _Making, event: VoiceGrew | VoiceMade | VoiceFailed, now: float) -> list[Action]:
        match event:
            case VoiceGrew():
                out = [] if making.begun else self._begin(making, event, now)
                making.seconds += event.seconds
                making.grew_at = now
                return [*out, *self._seen(self._playout.receive(CueGrew(event.audio, event.seconds), now))]
            case VoiceFailed() if not making.begun and len(making.attempts) > 1:
                del making.attempts[event.attempt]
                return []
        if not making.begun:
            out = self._stop(making, event.attempt)
            text = making.waiting.text
            if isinstance(event, VoiceMade):
                return [*out, Forget(text.cue.segment_id)]
            return [*out, self._given_up(text, SYNTHESIS_FAILED)]
        self._making = None
        if not isinstance(event, VoiceMade):
            return self._cut_short(SYNTHESIS_FAILED, now)
        took = now - making.attempts[event.attempt]
        self._rate.made(making.waiting.text.characters, making.seconds, making.tempo, took)
        return self._seen(self._playout.receive(CueMade(), now))

    def _begin(self, making: _Making, event: VoiceGrew, now: float) -> list[Action]:
        asked_at = making.attempts.pop(event.attempt)
        out: list[Action] = [Stop(attempt) for attempt in making.attempts]
        making.attempts = {event.attempt: asked_at}
        making.begun = True
        if self._listened:
            self._tempo = making.tempo
        self._rate.begun(now - asked_at)
        cue = replace(making.waiting.text.cue, tempo=event.tempo)
        return [*out, *self._seen(self._playout.receive(CueBegun(cue), now))]

    def _stop(self, making: _Making, done: int | None = None) -> list[Action]:
        self._making = None
        return [Stop(attempt) for attempt in making.attempts if attempt != done]

    def _cut_short(self, reason: str, now: float) -> list[Action]:
        """Half a sentence is better than none of it, and it has been heard already."""
        return [CutShort(reason), *self._seen(self._playout.receive(CueMade(), now))]

    def _given_up(self, text: TextReady, reason: str) -> GiveUp:
        return GiveUp(text.cue.segment_id, self._rate.seconds(text.characters) / self._tempo, reason)

    def _patience(self, making: _Making) -> float:
        """When a cue is late: soon, where listeners and other texts wait for it to begin."""
        if making.begun:
            return max(making.grew_at, self._playout.played_at) + self._limits.first_audio_seconds
        patience = making.asked_at + self._limits.first_audio_seconds
        if self._waiting:
            turn = max(making.asked_at, self._playout.played_at)
            # An engine that always takes its time is not missing.
            missing = max(self._limits.missing_seconds, 2 * self._rate.first_audio)
            patience = min(patience, turn + missing)
        return patience

    def _late(self, now: float) -> list[Action]:
        making = self._making
        if making is None or now < self._patience(making):
            return []
        if making.begun:
            return [*self._stop(making), *self._cut_short(SYNTHESIS_TIMEOUT, now)]
        self._rate.missing(now - min(making.attempts.values()))
        if not making.again:
            self._hurry.begin()
            making.again, making.hurried, making.asked_at = True, True, now
            return [self._attempt(making, now)]
        return [*self._stop(making), self._given_up(making.waiting.text, SYNTHESIS_TIMEOUT)]

    def _proceed(self, now: float) -> list[Action]:
        """Asks for the next text when there is room: a second of waiting plays a second of it."""
        if self._ended and not self._waiting and self._making is None and self._playout.idle:
            self._ended = False
            return [Finished()]
        queued = self._playout.queued_seconds(now)
        if self._making is not None or not self._waiting or queued > self._limits.ahead_seconds + 1e-6:
            return []
        waiting = self._waiting.popleft()
        outlook = self._outlook(waiting, queued, now)
        hurried = self._hurry.judge(now - waiting.since, queued)
        self._making = _Making(waiting, self._law(outlook), longest_pause(outlook), hurried, now)
        return [self._attempt(self._making, now)]

    def _attempt(self, making: _Making, now: float) -> Ask:
        self._attempts += 1
        making.attempts[self._attempts] = now
        segment_id = making.waiting.text.cue.segment_id
        return Ask(self._attempts, segment_id, making.tempo, making.longest_pause, making.hurried)

    def _outlook(self, waiting: _Waiting, queued: float, now: float) -> Outlook:
        return Outlook(
            tempo=self._tempo,
            queued=queued,
            length=self._rate.seconds(waiting.text.characters),
            waiting=[self._rate.seconds(other.text.characters) for other in self._waiting],
            gap=self._load.gap,
            age=now - self._newest_at,
            load=self._load.value,
        )

    def _seen(self, actions: list[StartCue | PlayAudio | EndCue]) -> list[Action]:
        for action in actions:
            if isinstance(action, StartCue) and self._listened:
                self._lag = action.lag_seconds
        return [*actions]
