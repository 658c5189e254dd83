"""One speaker's recogniser over the length of a session.

Audio is put on a tape; one stream after the other hears it. A stream is opened by the first audio and closed when none
came for a minute. When one is lost, the next one hears again what no final had covered, so that no word is lost, and
the segmenter leaves out what it has committed, so that none is told twice. An engine that was tried three times in a
row, or that only a person can mend, gives way to the next in the list; it takes over again, once it has recovered,
between two sentences. In the same way a stream is replaced before it reaches the age that its engine allows.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from typing import Final, TypeVar

import structlog

from chassis import pcm
from chassis.drive import Inbox
from chassis.errors import LingocastError, Unavailable
from chassis.ranking import Attempt, Ranking, is_fault, is_lasting
from chassis.telemetry import Metric, meter
from transcription_svc.bulletin import RecognitionBulletin, Warn
from transcription_svc.domain.hypothesis import Hypothesis, Word
from transcription_svc.domain.tending import Tending, Tries
from transcription_svc.domain.timeline import Timeline
from transcription_svc.engines import RecognitionStream, Recognizer, StreamOptions
from transcription_svc.listening import Heard, Listening
from transcription_svc.recognizers import Recognizers, fitted

__all__ = ["Heard", "Recognition"]

log = structlog.get_logger()
T = TypeVar("T")

_replayed = meter.create_counter(Metric.REPLAYED, "s")
_unheard = meter.create_counter(Metric.UNHEARD, "s")

# To open a stream: the first of a broadcast, and one that goes on for another, within 5 s with all its tries.
OPEN_SECONDS: Final = 4.0
REOPEN_SECONDS: Final = 1.2
# For an engine to take a piece of audio, and to end a stream that was finished.
SEND_SECONDS: Final = 10.0
FINISH_SECONDS: Final = 30.0


class Recognition:
    """Feeds one speaker's audio to an engine and hands on what it believes, in the session's time."""

    def __init__(
        self,
        engine: Recognizer,
        options: StreamOptions,
        timeline: Timeline,
        believe: Callable[[Hypothesis], Awaitable[None]],
        warn: Warn,
    ) -> None:
        engines = Recognizers.of(engine)
        self._ranking = engines.ranking
        self._offering = engines.offering(options.language)
        self._options = options
        self._timeline = timeline
        self._believe = believe
        self._bulletin = RecognitionBulletin(self._offering, warn)
        self._listening = Listening(timeline, engines.silence_seconds(self._offering) / 3)
        self._tape = self._listening.tape
        self._trying = ""  # The engine that `_tries` are of.
        self._tries = Tries()
        self._spent: set[str] = set()  # Engines tried often enough since anything worked.
        self._refused: set[str] = set()  # Engines that cannot do this broadcast.
        self._streams = 0  # How many took over from another.
        self._opened = False  # Whether any was, so far.
        self._utterance = 0  # The newest of which anything was handed on.
        self._is_final = True  # Whether that was its final.
        self._owed = False  # The last stream left words without a final.

    @property
    def engine(self) -> str:
        """The engine that heard the speaker last, by the name that the settings give it."""
        return self._bulletin.engine

    async def run(self, inbox: Inbox[Heard]) -> None:
        """Until `inbox` ends and all it brought is finalised. Raises the engine's error when trying again is vain."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listening.run(inbox), name="listening")
            successor: Attempt[Recognizer] | None = None
            while await self._listening.wanted(owed=self._owed):
                successor = await self._take_turn(successor or next(self._ranking.attempts(self._left())))
                if successor is not None and not self._tape.is_unheard:
                    self._ranking.abandoned(successor)
                    successor = None

    async def _take_turn(self, attempt: Attempt[Recognizer]) -> Attempt[Recognizer] | None:
        """One stream, from its opening to its end or loss. Returns whose turn is next, where that is known."""
        turn = _Turn(attempt, self._ranking, Tending(_now(), attempt.engine.capabilities.stream_seconds, self._owed))
        lost: LingocastError
        with turn:
            try:
                successor = await self._hear(turn)
                turn.worked()
                return successor
            except* LingocastError as group:
                lost = _first(group)
            await self._after(turn, lost)
        return None

    async def _hear(self, turn: "_Turn") -> Attempt[Recognizer] | None:
        successor: Attempt[Recognizer] | None = None
        try:
            async with AsyncExitStack() as stack:
                stream = await self._open(stack, turn.attempt)
                origin = await self._rewind()
                async with asyncio.TaskGroup() as tasks:
                    reading = tasks.create_task(self._read(stream, turn, origin), name="hypotheses")
                    successor = await self._feed(stream, turn)
                    if successor is None:
                        turn.finishing = True
                        await _within(FINISH_SECONDS, "did not end the stream", self._finish(stream, reading))
                    else:
                        reading.cancel()
        except BaseException:
            # Lost or cancelled while it was being left: its successor, perhaps on trial, gets no turn.
            if successor is not None:
                self._ranking.abandoned(successor)
            raise
        if successor is None:
            self._tape.finished(self._tape.end_seconds)
            self._owed = False
        else:
            if not turn.tending.owed:
                self._tape.settled()
            self._start_over(owed=turn.tending.owed)
        return successor

    async def _open(self, stack: AsyncExitStack, attempt: Attempt[Recognizer]) -> RecognitionStream:
        seconds = REOPEN_SECONDS if self._opened else OPEN_SECONDS
        self._opened = True
        opening = stack.enter_async_context(attempt.engine.open(fitted(attempt, self._options)))
        return await _within(seconds, "did not open a stream in time", opening)

    async def _rewind(self) -> float:
        """Where on the tape a new stream begins, seconds."""
        found = self._tape.rewind()
        _replayed.add(found.again_seconds)
        if found.missing_seconds:
            _unheard.add(found.missing_seconds)
            log.warning("speech_lost", seconds=round(found.missing_seconds, 1))
            await self._bulletin.lost(found.missing_seconds)
        return found.at_seconds

    async def _feed(self, stream: RecognitionStream, turn: "_Turn") -> Attempt[Recognizer] | None:
        """Gives audio until none is to be expected; or until another stream is to take over, whose turn it returns."""
        while True:
            await self._check(turn)
            successor = self._successor(turn)
            if successor is not None:
                return successor
            audio = self._listening.take()
            if audio is not None:
                await _within(SEND_SECONDS, "takes no more audio", stream.send(audio))
                turn.tending.given(len(audio) / pcm.BYTES_PER_SECOND, _now(), again=self._listening.catches_up)
            elif self._listening.rests:
                return None
            else:
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(turn.tending.deadline()):
                        await self._listening.more()

    async def _check(self, turn: "_Turn") -> None:
        now = _now()
        if turn.tending.stalled(now):
            raise Unavailable("RECOGNITION_STALLED", "the recognition engine has stopped answering")
        if turn.tending.steady(now) and not turn.reported:
            turn.worked()
            await self._bulletin.works(turn.attempt.name)

    def _successor(self, turn: "_Turn") -> Attempt[Recognizer] | None:
        now, name = _now(), turn.attempt.name
        # A stream that has still to hear what was said goes on: its successor would have to hear the same.
        if self._listening.catches_up:
            return None
        if turn.tending.is_over(now):
            log.info("recognition_renewed", engine=name)
            return next(self._ranking.attempts(self._left(name)))
        return self._ranking.better(name, self._left(name)) if turn.tending.at_rest(now) else None

    async def _finish(self, stream: RecognitionStream, reading: "asyncio.Task[None]") -> None:
        await stream.finish()
        await asyncio.wait([reading])

    async def _read(self, stream: RecognitionStream, turn: "_Turn", origin: float) -> None:
        before = self._utterance if self._is_final else self._utterance - 1
        async for hypothesis in stream.hypotheses():
            turn.tending.told(hypothesis, _now())
            await self._bulletin.works(turn.attempt.name)
            number = before + hypothesis.utterance_id
            words = tuple(self._placed(word, origin) for word in hypothesis.words)
            await self._believe(Hypothesis(number, words, hypothesis.is_final, self._streams))
            self._is_final = hypothesis.is_final if number >= self._utterance else self._is_final
            self._utterance = max(self._utterance, number)
            if hypothesis.is_final:
                self._worked(turn, origin + max((word.end for word in hypothesis.words), default=0.0))
        if not turn.finishing or (turn.tending.spoke and turn.tending.owed):
            raise Unavailable("RECOGNITION_INTERRUPTED", "the recognition engine ended the stream")

    def _worked(self, turn: "_Turn", final_until: float) -> None:
        self._tape.finished(final_until)
        self._tries.worked()
        self._spent.clear()
        turn.worked()

    async def _after(self, turn: "_Turn", error: LingocastError) -> None:
        """Decides how to go on after a loss, and waits until then. Raises the error when nobody is left to ask."""
        name, tending = turn.attempt.name, turn.tending
        log.warning("recognition_interrupted", engine=name, reason=error.reason, message=error.message)
        # Words that a stream never believed itself are missed but once: they may have been none.
        self._start_over(owed=tending.owed and (tending.spoke or error.reason != "RECOGNITION_STALLED"))
        turn.failed(error)
        wait = self._next_try(name, error, anew=tending.steady(_now()) and not tending.owed)
        if not self._left():
            raise error
        # An engine that was to take over and could not: the one that was at work goes on, and nobody has missed it.
        if turn.attempt.name == self._bulletin.engine or tending.spoke or not self._bulletin.heard:
            await self._bulletin.interrupted()
            await asyncio.sleep(wait)

    def _next_try(self, name: str, error: LingocastError, *, anew: bool) -> float:
        """Seconds to wait before it, whoever's it is."""
        if anew or name != self._trying:
            self._tries.worked()
        self._trying = name
        if not is_fault(error):
            self._refused.add(name)
            return 0.0
        wait = None if is_lasting(error) else self._tries.failed()
        if wait is None:
            self._spent.add(name)
            self._ranking.gave_up(name)
        return wait or 0.0

    def _start_over(self, *, owed: bool) -> None:
        self._owed = owed
        self._streams += 1
        self._listening.start_over()

    def _left(self, always: str = "") -> list[str]:
        """The engines that may still be asked; `always` is among them."""
        out = (self._spent | self._refused) - {always}
        return [name for name in self._offering if name not in out]

    def _placed(self, word: Word, origin: float) -> Word:
        end = self._timeline.offset(origin + word.end)
        # An engine may place a whole word in silence, whose onset is the audio after it.
        return replace(word, start=min(self._timeline.onset(origin + word.start), end), end=end)


class _Turn:
    """One stream of one engine; what came of it is reported once."""

    def __init__(self, attempt: Attempt[Recognizer], ranking: Ranking[Recognizer], tending: Tending) -> None:
        self.attempt = attempt
        self.tending = tending
        self.finishing = False
        self.reported = False
        self._ranking = ranking

    def worked(self) -> None:
        if not self.reported:
            self.reported = True
            self._ranking.succeeded(self.attempt)

    def failed(self, error: LingocastError) -> None:
        if not self.reported:
            self.reported = True
            if is_fault(error):
                self._ranking.failed(self.attempt, error)
            else:
                self._ranking.succeeded(self.attempt)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        # Cancelled, or broken by a defect: nothing is known of the engine.
        if not self.reported:
            self.reported = True
            self._ranking.abandoned(self.attempt)


async def _within(seconds: float, what: str, work: Awaitable[T]) -> T:
    """The result of `work`. Raises Unavailable, saying `what` the engine did not do, when it takes longer."""
    try:
        async with asyncio.timeout(seconds):
            return await work
    except TimeoutError as error:
        raise Unavailable("RECOGNITION_INTERRUPTED", f"the recognition engine {what}") from error


def _first(group: BaseExceptionGroup[LingocastError]) -> LingocastError:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error


def _now() -> float:
    return asyncio.get_running_loop().time()
