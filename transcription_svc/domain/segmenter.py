"""Cuts what a recogniser believes into segments: the smallest texts that are translated and spoken.

Hypotheses go in; out come the open segment's text as it grows and each segment once it is closed. Committed text is
append-only: whatever later hypotheses say, a word that was closed into a segment is neither repeated nor taken back.

Commit: the longest stable prefix of an utterance (all of it when final). Words that never become stable settle once
`buffer_seconds` of newer speech follow them, and already after `settle_seconds` where the engine marks nothing stable.
Cut: at a sentence mark; at a clause mark once the clause has `clause_chars` and more than a word or two follows in the
sentence ("and" alone makes a poor translation and a poor cue); in a clause of `long_chars` where the next part begins;
before `max_chars`; at the end of an utterance; after `quiet_seconds` without change; never hold longer than
`hold_seconds`, nor more text than `buffer_seconds` of speech.
An engine that sends finals only is served by them; one whose final never comes, by these rules.

Utterances are said in their order, which is that of the audio. One that is `order_seconds` late is not waited for; what
its final has to say comes when it comes. What a new stream of the engine hears again is said on from its `Seam`.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from transcription_svc.domain.commitment import Correction, Utterance, stable_count
from transcription_svc.domain.cutting import Cutter, Phrases
from transcription_svc.domain.hypothesis import Hypothesis, Word
from transcription_svc.domain.seam import MEMORY, Seam

# Utterances that may wait for their turn, and that are remembered because their final did not come.
EARLY: Final = 8
RECENT: Final = 8
# Of the time that a word may be held, after which a clause is closed without waiting for what follows it.
CLAUSE_HOLD: Final = 0.8


@dataclass(frozen=True, slots=True)
class Segmenting:
    """The segmenter's numbers. Characters of text; seconds."""

    clause_chars: int = 20
    # What must follow a clause mark in its sentence. Less stays with the clause.
    rest_chars: int = 8
    # From here on a clause is cut before a word that leads on ("in", "and"), if `long_rest_chars` follow in the
    # sentence. Even segments are what keeps lag small: a short one waits for the whole of a long one before it. On one
    # minute of read English at 60 and 20: simulated voice lag 2.1/3.2 s (p50/p90), chrF of its Portuguese 78.7, of its
    # Spanish 63.2; at 32 and 12: 1.7/2.5 s, 77.1 and 64.7; without: 2.5/4.2 s, 77.3 and 63.6.
    long_chars: int = 32
    long_rest_chars: int = 12
    max_chars: int = 120
    quiet_seconds: float = 2.0
    hold_seconds: float = 5.0
    settle_seconds: float = 3.0
    buffer_seconds: float = 10.0
    # Words that stay in doubt for so long are taken as they are.
    orphan_seconds: float = 15.0
    # The newest of several partials within this time stands for all of them: at most five a second.
    partial_interval: float = 0.2
    # How long a later utterance waits for the final of an earlier one, or for the earlier one itself.
    order_seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class SegmentGrew:
    """The open segment reads like this now; `text` is empty when all of it was taken back. Offsets in seconds.

    The first `stable_chars` of `text` begin every later text of this segment. The first `likely_chars` are what will be
    closed if all of `text` becomes certain and is followed by more; 0 while no end is in sight. The first `shown_chars`
    are worth showing: all but an uncertain last word, which is often half a word, and what likely belongs to the next
    segment.
    """

    segment_id: int
    text: str
    stable_chars: int
    start: float
    end: float
    likely_chars: int = 0
    shown_chars: int = 0


@dataclass(frozen=True, slots=True)
class SegmentClosed:
    """A segment, once and for all. Offsets in seconds."""

    segment_id: int
    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Revised:
    """A final contradicts words that had been committed already; they stand. `words`: how many were contradicted."""

    utterance_id: int
    words: int


@dataclass(frozen=True, slots=True)
class SegmentCorrected:
    """A closed segment, as the final reads it: for the eye; it is not spoken again. Offsets in seconds."""

    segment_id: int
    text: str
    start: float
    end: float


Event = SegmentGrew | SegmentClosed | Revised | SegmentCorrected


class Segmenter:
    """One speaker's cutter. `now` is monotonic seconds; offsets of words are seconds of the session."""

    def __init__(
        self,
        language: str,
        numbers: Segmenting = Segmenting(),
        *,
        first_segment_id: int = 1,
        gives_stability: bool = True,
        final_only: bool = False,
    ) -> None:
        self._numbers = numbers
        self._cutter = Cutter(
            language.split("-", 1)[0],
            clause_chars=numbers.clause_chars,
            rest_chars=numbers.rest_chars,
            long_chars=numbers.long_chars,
            long_rest_chars=numbers.long_rest_chars,
            max_chars=numbers.max_chars,
        )
        self._gives_stability = gives_stability
        self._final_only = final_only
        self._segment_id = first_segment_id
        self._open: list[Word] = []  # Committed, not yet closed.
        self._since: list[float] = []  # When each of them was committed.
        self._carried = 0  # How many of them are of utterances before the present one.
        self._promised = 0  # How many of them were shown as certain to begin the segment.
        self._tail: tuple[Word, ...] = ()  # Believed, not committed.
        self._utterance = Utterance(0)
        self._done = 0  # Utterances up to this one are over.
        self._early: dict[int, Hypothesis] = {}  # The best of each utterance that came before its turn.
        self._early_since: float | None = None
        self._unfinished: dict[int, Utterance] = {}  # Those that are over without their final.
        self._late: list[Sequence[Word]] = []  # What the finals of those brought, and must wait for the open segment.
        self._waiting: Hypothesis | None = None  # The best partial within `partial_interval`.
        self._next_partial = float("-inf")
        self._stream = 0
        self._seam = Seam()
        self._said = deque[Word](maxlen=MEMORY)  # The words committed last.
        self._committed_until = 0.0  # Offset of the last committed word's end.
        self._changed_at: float | None = None
        self._doubtful_since: float | None = None
        self._shown: tuple[int, str, int] = (first_segment_id, "", 0)

    def keep_whole(self, phrases: Iterable[str]) -> None:
        """From now on, no cut falls into one of these (the session's glossary). Replaces those before."""
        self._cutter.phrases = Phrases(phrases)

    def receive(self, event: Hypothesis, now: float) -> list[Event]:
        """Takes what the engine believes now."""
        if not all(word.text for word in event.words):
            event = replace(event, words=tuple(word for word in event.words if word.text))
        if (self._final_only and not event.is_final) or event.stream < self._stream:
            return []
        events = list(self._begin_stream(event, now)) if event.stream > self._stream else []
        if event.utterance_id < self._turn:
            events += self._take_late(event, now)
        elif event.utterance_id > self._turn:
            events += self._set_aside(event, now)
        elif event.is_final:
            events += self._take(event, now)
        elif stable_count(event.words) >= self._stable_before:  # Else it is older than what is known.
            if now >= self._next_partial:
                events += self._take(event, now)
            else:
                self._waiting = event
        return events

    def tick(self, now: float) -> list[Event]:
        """Does what is due."""
        numbers, events = self._numbers, list[Event]()
        if self._waiting is not None and now >= self._next_partial:
            events += self._take(self._waiting, now)
        if _due(self._early_since, numbers.order_seconds, now):
            events += self._end_turn(now)
        if _due(self._changed_at, numbers.quiet_seconds, now) or _due(
            self._doubtful_since, numbers.orphan_seconds, now
        ):
            self._commit(self._tail, now)
            self._tail, self._doubtful_since = (), None
            events += self._close_all(now)
        while (due := self._held_until()) is not None and now >= due:
            events += self._close(self._best_cut(), now)
        return events + list(self._grown())

    def finish(self, now: float) -> list[Event]:
        """Closes everything: nothing follows."""
        events: list[Event] = []
        if self._waiting is not None:
            events += self._take(self._waiting, now)
        while self._is_open or self._early:
            events += self._end_turn(now)
        return events + list(self._close_all(now))

    def deadline(self) -> float | None:
        """When `tick` has something to do."""
        due = [
            self._next_partial if self._waiting is not None else None,
            _after(self._early_since, self._numbers.order_seconds),
            _after(self._changed_at, self._numbers.quiet_seconds),
            _after(self._doubtful_since, self._numbers.orphan_seconds),
            self._held_until(),
        ]
        return min((moment for moment in due if moment is not None), default=None)

    @property
    def _is_open(self) -> bool:
        return self._utterance.id > self._done

    @property
    def _turn(self) -> int:
        """The utterance that may speak now: those before it are over, those after it wait."""
        return self._utterance.id if self._is_open else self._done + 1

    @property
    def _stable_before(self) -> int:
        """How many words of the open utterance were stable already. Fewer now: an old hypothesis."""
        known = stable_count(self._waiting.words) if self._waiting is not None else 0
        return max(known, self._utterance.stable if self._is_open else 0)

    def _begin_stream(self, first: Hypothesis, now: float) -> Iterator[Event]:
        """Forgets what was not final: it is heard again. What is committed stands."""
        while any(each.is_final for each in self._early.values()):
            yield from self._end_turn(now)
        self._stream, self._seam = first.stream, Seam(tuple(self._said))
        self._waiting, self._tail, self._doubtful_since = None, (), None
        self._early, self._early_since = {}, None
        self._unfinished = {}
        self._done = first.utterance_id - 1
        self._begin(first.utterance_id)

    def _begin(self, number: int) -> None:
        self._utterance, self._carried = Utterance(number), len(self._open)

    def _set_aside(self, event: Hypothesis, now: float) -> Iterator[Event]:
        known = self._early.get(event.utterance_id)
        if known is None or event.is_final > known.is_final or _newer(event, known):
            self._early[event.utterance_id] = event
        self._early_since = now if self._early_since is None else self._early_since
        while len(self._early) > EARLY:
            yield from self._end_turn(now)

    def _end_turn(self, now: float) -> Iterator[Event]:
        """Goes on without what never came: the final of the open utterance, or all of one that others overtook."""
        if self._is_open or self._waiting is not None:
            latest = self._waiting or Hypothesis(self._utterance.id, self._utterance.words, True, self._stream)
            if latest.utterance_id != self._utterance.id:
                self._begin(latest.utterance_id)
            self._unfinish(latest.utterance_id)
            yield from self._take(replace(latest, is_final=True), now)
            return
        following = self._early.pop(min(self._early))
        for missing in range(max(self._done + 1, following.utterance_id - RECENT), following.utterance_id):
            self._unfinish(missing)
        self._early_since = now if self._early else None
        yield from self._take(following, now)

    def _unfinish(self, number: int) -> None:
        """Remembers that the final of this utterance may still come."""
        self._unfinished[number] = self._utterance if self._utterance.id == number else Utterance(number)
        while len(self._unfinished) > RECENT:
            del self._unfinished[next(iter(self._unfinished))]

    def _take_late(self, event: Hypothesis, now: float) -> Iterator[Event]:
        """A final of an utterance that is over. Only one that was missed has something to say."""
        if not event.is_final or event.utterance_id not in self._unfinished:
            return
        utterance = self._unfinished.pop(event.utterance_id)
        yield from _revised(utterance, event.words)
        if fresh := utterance.beyond(event.words):
            self._late.append(fresh)
        if not self._open:
            yield from self._close_late()
            yield from self._grown()

    def _close_late(self) -> Iterator[Event]:
        while self._late:
            words = self._late.pop(0)
            while words:
                count = self._cutter.known(_texts(words)) or len(words)
                yield self._segment(words[:count])
                words = words[count:]

    def _take(self, event: Hypothesis, now: float) -> Iterator[Event]:
        self._waiting = None
        if not event.is_final:
            self._next_partial = now + self._numbers.partial_interval
        if event.utterance_id != self._utterance.id:
            self._begin(event.utterance_id)
        goes_on = event.is_final and self._seam.falls_short(event.words)
        event = replace(event, words=self._seam.beyond(event.words, is_final=event.is_final))
        if event.words and (_texts(event.words) != _texts(self._utterance.words) or event.is_final):
            self._changed_at = now
        self._believe(event, now)
        yield from self._cut(now)
        if event.is_final:
            if not goes_on:
                yield from self._close_all(now)
            yield from _revised(self._utterance, event.words)
            yield from self._next_utterance(event.utterance_id, now)
        yield from self._grown()

    def _believe(self, event: Hypothesis, now: float) -> None:
        """Commits what will not change; the rest becomes the tail."""
        utterance = self._utterance
        if self._open and (marked := utterance.marks_gained(event.words)) is not None:
            utterance.committed[-1] = self._open[-1] = self._said[-1] = marked
        fresh = utterance.beyond(event.words)
        stable = len(fresh) if event.is_final else self._settled(fresh)
        self._commit(fresh[:stable], now)
        utterance.words = event.words
        self._tail = tuple(fresh[stable:])
        if not self._tail:
            self._doubtful_since = None
        elif stable or self._doubtful_since is None:
            self._doubtful_since = now

    def _settled(self, words: Sequence[Word]) -> int:
        """How many leading words may be committed."""
        if not words:
            return 0
        numbers = self._numbers
        settles = numbers.buffer_seconds
        if not self._gives_stability:
            settles = min(settles, numbers.settle_seconds)
        horizon = words[-1].end - settles
        unsettled = (
            index
            for index, word in enumerate(words)
            if word.end > horizon and not (self._gives_stability and word.stable)
        )
        return next(unsettled, len(words))

    def _commit(self, words: Sequence[Word], now: float) -> None:
        self._open.extend(words)
        self._said.extend(words)
        self._since.extend([now] * len(words))
        self._utterance.committed.extend(words)
        if words:
            self._committed_until = max(self._committed_until, words[-1].end)

    def _next_utterance(self, done: int, now: float) -> Iterator[Event]:
        self._done = done
        self._tail, self._doubtful_since = (), None
        following = self._early.pop(done + 1, None)
        self._early_since = now if self._early else None
        if following is not None:
            yield from self._take(following, now)

    def _cut(self, now: float) -> Iterator[Event]:
        """Closes every segment whose end is known, and what is more than may wait."""
        while (cut := self._cutter.known(_texts(self._open), _texts(self._tail))) > 0:
            yield from self._close(cut, now)
        while self._open and (*self._open, *self._tail)[-1].end - self._open[0].start > self._numbers.buffer_seconds:
            yield from self._close(self._best_cut(), now)

    def _best_cut(self) -> int:
        return self._cutter.best(_texts(self._open))

    def _held_until(self) -> float | None:
        """When the oldest open word must be closed; earlier if it is in a clause that can be closed by itself."""
        if not self._open:
            return None
        share = CLAUSE_HOLD if self._cutter.clause(_texts(self._open)) else 1.0
        return self._since[0] + self._numbers.hold_seconds * share

    def _close_all(self, now: float) -> Iterator[Event]:
        yield from self._cut(now)
        yield from self._close(len(self._open), now)
        yield from self._close_late()
        self._changed_at = None

    def _close(self, count: int, now: float) -> Iterator[Event]:
        if not self._open:
            return
        count = max(count, self._promised)
        words, self._open, self._since = self._open[:count], self._open[count:], self._since[count:]
        self._utterance.closed(self._segment_id if self._carried == 0 else None, max(0, count - self._carried))
        self._carried = max(0, self._carried - count)
        yield self._segment(words)
        yield from self._close_late()

    def _segment(self, words: Sequence[Word]) -> SegmentClosed:
        self._segment_id += 1
        self._promised = 0
        self._shown = (self._segment_id, "", 0)
        return SegmentClosed(self._segment_id - 1, _text(words), words[0].start, words[-1].end)

    def _grown(self) -> Iterator[Event]:
        """The open segment, if it reads differently from what was told last."""
        words = [*self._open, *self._tail]
        self._promised = max(self._promised, self._cutter.certain(_texts(self._open)) if self._open else 0)
        text, stable = _text(words), len(_text(self._open[: self._promised]))
        if (self._segment_id, text, stable) == self._shown:
            return
        self._shown = (self._segment_id, text, stable)
        start, end = (words[0].start, words[-1].end) if words else (self._committed_until, self._committed_until)
        likely, ends = self._cutter.foreseen(_texts(words)), self._cutter.known(_texts(words))
        shown = max(len(self._open), min(len(words) - bool(self._tail), ends or len(words)))
        yield SegmentGrew(
            self._segment_id, text, stable, start, end, len(_text(words[:likely])), len(_text(words[:shown]))
        )


def _revised(utterance: Utterance, final: Sequence[Word]) -> Iterator[Event]:
    """What the final says against words that stand."""
    if contradicted := utterance.contradicted_by(final):
        yield Revised(utterance.id, contradicted)
        for each in utterance.corrections(final):
            yield _corrected(each)


def _corrected(correction: Correction) -> SegmentCorrected:
    return SegmentCorrected(correction.segment_id, correction.text, correction.start, correction.end)


def _newer(event: Hypothesis, known: Hypothesis) -> bool:
    """Of two partials of an utterance that came in this order, whether the later tells more."""
    return not known.is_final and stable_count(event.words) >= stable_count(known.words)


def _texts(words: Iterable[Word]) -> list[str]:
    return [word.text for word in words]


def _text(words: Iterable[Word]) -> str:
    return " ".join(word.text for word in words)


def _after(moment: float | None, seconds: float) -> float | None:
    return None if moment is None else moment + seconds


def _due(since: float | None, seconds: float, now: float) -> bool:
    return since is not None and now >= since + seconds
