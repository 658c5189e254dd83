"""Cuts what a recogniser believes into segments: the smallest texts that are translated and spoken.

Hypotheses go in; out come the open segment's text as it grows and each segment once it is closed. Committed text is
append-only: whatever later hypotheses say, a word that was closed into a segment is neither repeated nor taken back.

Commit: the longest stable prefix of an utterance (all of it when final). Words that never become stable settle once
`buffer_seconds` of newer speech follow them, and already after `settle_seconds` where the engine marks nothing stable.
Cut: at a sentence mark; at a clause mark once the clause has `clause_chars` and more than a word or two follows in the
sentence ("and" alone makes a poor translation and a poor cue); before `max_chars`; at the end of an utterance; after
`quiet_seconds` without change; never hold longer than `hold_seconds`. A partial whose final never comes is closed by
these rules long before it is 15 s old.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from transcription_svc.domain.boundaries import ends_clause, ends_sentence
from transcription_svc.domain.hypothesis import Hypothesis, Word


@dataclass(frozen=True, slots=True)
class Segmenting:
    """The segmenter's numbers. Characters of text; seconds."""

    clause_chars: int = 20
    # What must follow a clause mark in its sentence. Less stays with the clause.
    rest_chars: int = 8
    max_chars: int = 120
    quiet_seconds: float = 2.0
    hold_seconds: float = 5.0
    settle_seconds: float = 3.0
    buffer_seconds: float = 10.0
    # The newest of several partials within this time stands for all of them: at most five a second.
    partial_interval: float = 0.2
    # How long a later utterance waits for the final of an earlier one, or for the earlier one itself.
    order_seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class SegmentGrew:
    """The open segment reads like this now; `text` is empty when all of it was taken back. Offsets in seconds.

    The first `stable_chars` of `text` begin every later text of this segment.
    """

    segment_id: int
    text: str
    stable_chars: int
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class SegmentClosed:
    """A segment, once and for all. Offsets in seconds."""

    segment_id: int
    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Revised:
    """A final contradicts words that had been closed already; they stand. `words`: how many were contradicted."""

    utterance_id: int
    words: int


Event = SegmentGrew | SegmentClosed | Revised


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
        self._language = language.split("-", 1)[0]
        self._numbers = numbers
        self._gives_stability = gives_stability
        self._final_only = final_only
        self._segment_id = first_segment_id
        self._open: list[Word] = []  # Committed, not yet closed.
        self._tail: tuple[Word, ...] = ()  # Believed, not committed.
        self._utterance = _Utterance(0)
        self._early: dict[int, Hypothesis] = {}  # Newest of each utterance that came before its turn.
        self._early_since: float | None = None
        self._waiting: Hypothesis | None = None  # Newest partial within `partial_interval`.
        self._next_partial = float("-inf")
        self._committed_until = 0.0  # Offset of the last committed word's end.
        self._open_since: float | None = None
        self._changed_at: float | None = None
        self._shown: tuple[int, str, int] = (first_segment_id, "", 0)

    def receive(self, event: Hypothesis, now: float) -> list[Event]:
        """Takes what the engine believes now."""
        if event.utterance_id < self._turn or (self._final_only and not event.is_final):
            return []
        if not all(word.text for word in event.words):
            event = replace(event, words=tuple(word for word in event.words if word.text))
        if event.utterance_id > self._turn:
            self._set_aside(event, now)
            return []
        if not event.is_final and now < self._next_partial:
            self._waiting = event
            return []
        return list(self._take(event, now))

    def tick(self, now: float) -> list[Event]:
        """Does what is due."""
        events: list[Event] = []
        if self._waiting is not None and now >= self._next_partial:
            events += self._take(self._waiting, now)
        if self._early_since is not None and now >= self._early_since + self._numbers.order_seconds:
            events += self._end_turn(now)
        if self._changed_at is not None and now >= self._changed_at + self._numbers.quiet_seconds:
            self._commit(self._tail)
            self._tail = ()
            events += self._close_all(now)
        if self._open_since is not None and now >= self._open_since + self._numbers.hold_seconds:
            events += self._close(self._best_cut(), now)
        return events + list(self._grown())

    def finish(self, now: float) -> list[Event]:
        """Closes everything: nothing follows."""
        events: list[Event] = []
        if self._waiting is not None:
            events += self._take(self._waiting, now)
        while self._utterance.is_open or self._early:
            events += self._end_turn(now)
        return events + list(self._close_all(now))

    def deadline(self) -> float | None:
        """When `tick` has something to do."""
        due = [
            self._next_partial if self._waiting is not None else None,
            _after(self._early_since, self._numbers.order_seconds),
            _after(self._changed_at, self._numbers.quiet_seconds),
            _after(self._open_since, self._numbers.hold_seconds),
        ]
        return min((moment for moment in due if moment is not None), default=None)

    @property
    def _turn(self) -> int:
        """The utterance that may speak now: those before it are over, those after it wait."""
        return self._utterance.id if self._utterance.is_open else self._utterance.done_until + 1

    def _set_aside(self, event: Hypothesis, now: float) -> None:
        known = self._early.get(event.utterance_id)
        if known is None or not known.is_final:
            self._early[event.utterance_id] = event
        self._early_since = now if self._early_since is None else self._early_since

    def _end_turn(self, now: float) -> Iterator[Event]:
        """Goes on without what never came: the final of the open utterance, or all of one that others overtook."""
        if self._utterance.is_open:
            yield from self._take(Hypothesis(self._utterance.id, self._utterance.words, is_final=True), now)
            return
        following = self._early.pop(min(self._early))
        self._early_since = now if self._early else None
        yield from self._take(following, now)

    def _take(self, event: Hypothesis, now: float) -> Iterator[Event]:
        self._waiting = None
        if not event.is_final:
            self._next_partial = now + self._numbers.partial_interval
        if event.words != self._utterance.words or event.is_final:
            self._changed_at = now if event.words else self._changed_at
        yield from self._believe(event, now)
        yield from self._cut(now)
        if event.is_final:
            yield from self._close_all(now)
            yield from self._next_utterance(event.utterance_id, now)
        yield from self._grown()

    def _believe(self, event: Hypothesis, now: float) -> Iterator[Event]:
        """Commits what will not change; the rest becomes the tail."""
        if event.utterance_id != self._utterance.id:
            self._utterance = _Utterance(event.utterance_id, done_until=self._utterance.done_until)
        contradicted = self._utterance.contradicted_by(event.words)
        if contradicted and event.is_final:
            yield Revised(event.utterance_id, contradicted)
        fresh = self._utterance.beyond(event.words)
        stable = len(fresh) if event.is_final else self._stable(fresh)
        if fresh[:stable] and not self._open:
            self._open_since = now
        self._commit(fresh[:stable])
        self._utterance.words = event.words
        self._tail = tuple(fresh[stable:])

    def _stable(self, words: Sequence[Word]) -> int:
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

    def _commit(self, words: Sequence[Word]) -> None:
        self._open.extend(words)
        self._utterance.committed.extend(words)
        if words:
            self._committed_until = max(self._committed_until, words[-1].end)

    def _next_utterance(self, done: int, now: float) -> Iterator[Event]:
        self._utterance = _Utterance(done, done_until=done)
        self._tail = ()
        following = self._early.pop(done + 1, None)
        self._early_since = now if self._early else None
        if following is not None:
            yield from self._take(following, now)

    def _cut(self, now: float) -> Iterator[Event]:
        """Closes every segment whose end is known."""
        while (cut := self._known_cut()) > 0:
            yield from self._close(cut, now)

    def _known_cut(self) -> int:
        """How many open words make a segment already; 0 for none."""
        known = [*self._open, *self._tail]
        length = 0
        for index, word in enumerate(self._open):
            length += len(word.text) + (index > 0)
            following = known[index + 1].text if index + 1 < len(known) else None
            if length > self._numbers.max_chars and index > 0:
                return self._clause_end(index) or index
            if ends_sentence(word.text, following, self._language):
                return index + 1
            if length >= self._numbers.clause_chars and ends_clause(word.text) and self._goes_on(known[index + 1 :]):
                return index + 1
        return 0

    def _goes_on(self, words: Sequence[Word]) -> bool:
        """Whether what follows a clause mark is enough, within its sentence, to stand alone."""
        length = 0
        for index, word in enumerate(words):
            length += len(word.text) + (index > 0)
            if length >= self._numbers.rest_chars:
                return True
            following = words[index + 1].text if index + 1 < len(words) else None
            if ends_sentence(word.text, following, self._language):
                return False
        return False

    def _clause_end(self, limit: int) -> int:
        """How many of the first `limit` open words make the clause that waits for more to follow; 0 for none."""
        ends = (index + 1 for index in range(limit) if ends_clause(self._open[index].text))
        return next((end for end in ends if len(_text(self._open[:end])) >= self._numbers.clause_chars), 0)

    def _best_cut(self) -> int:
        """Where a cut may still fall, or must when it can wait no longer: at the clause mark, else after all."""
        return self._clause_end(len(self._open)) or len(self._open)

    def _close_all(self, now: float) -> Iterator[Event]:
        yield from self._cut(now)
        yield from self._close(len(self._open), now)
        self._changed_at = None

    def _close(self, count: int, now: float) -> Iterator[Event]:
        words, self._open = self._open[:count], self._open[count:]
        self._open_since = now if self._open else None
        if not words:
            return
        yield SegmentClosed(self._segment_id, _text(words), words[0].start, words[-1].end)
        self._segment_id += 1
        self._shown = (self._segment_id, "", 0)

    def _grown(self) -> Iterator[Event]:
        """The open segment, if it reads differently from what was told last."""
        words = [*self._open, *self._tail]
        text, stable = _text(words), len(_text(self._open[: self._best_cut()]))
        if (self._segment_id, text, stable) == self._shown:
            return
        self._shown = (self._segment_id, text, stable)
        start, end = (words[0].start, words[-1].end) if words else (self._committed_until, self._committed_until)
        yield SegmentGrew(self._segment_id, text, stable, start, end)


class _Utterance:
    """What is known of the utterance whose turn it is."""

    def __init__(self, number: int, *, done_until: int = 0) -> None:
        self.id = number
        self.done_until = done_until
        self.words: tuple[Word, ...] = ()
        self.committed: list[Word] = []

    @property
    def is_open(self) -> bool:
        return self.id > self.done_until

    def beyond(self, words: Sequence[Word]) -> Sequence[Word]:
        """The words after those committed; judged by time where the engine rewrote committed ones."""
        if self.contradicted_by(words) == 0:
            return words[len(self.committed) :]
        until = self.committed[-1].end
        return [word for word in words if _middle(word) > until]

    def contradicted_by(self, words: Sequence[Word]) -> int:
        """How many committed words read differently in `words`, punctuation and case aside."""
        pairs = zip(self.committed, words, strict=False)
        different = sum(_key(ours.text) != _key(theirs.text) for ours, theirs in pairs)
        return different + max(len(self.committed) - len(words), 0)


def _key(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def _middle(word: Word) -> float:
    return (word.start + word.end) / 2


def _text(words: Sequence[Word]) -> str:
    return " ".join(word.text for word in words)


def _after(moment: float | None, seconds: float) -> float | None:
    return None if moment is None else moment + seconds
