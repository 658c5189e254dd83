"""From Amazon Transcribe's results to hypotheses. Pure.

Amazon tells each stretch of speech again and again, whole, under one result id, with flags at what it will not change.
The port promises more: utterances one after the other, and stable words that stay to the letter. So results take
turns; a word counts as stable only when nothing can be attached to it any more; and once told, it stands, whatever a
later result says.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any, Final

from transcription_svc.domain.hypothesis import Hypothesis, Word

# A result that was overtaken by so many seconds of newer speech has no final; Amazon's come within two.
ABANDONED_SECONDS: Final = 5.0
_OPENING: Final = frozenset("¿¡«“„‘([{")


@dataclass(frozen=True, slots=True)
class Item:
    """A word, or a mark that belongs to the word before it (an opening one: after it). Seconds of the stream."""

    content: str
    start: float
    end: float
    is_mark: bool
    stable: bool


@dataclass(frozen=True, slots=True)
class Result:
    """All of one stretch of speech, as Amazon believes now. `channel`: empty for a stream with one channel."""

    id: str
    items: tuple[Item, ...]
    start: float
    end: float
    is_partial: bool
    channel: str = ""


class MalformedTranscript(ValueError):
    """An event that does not have the shape that Amazon describes."""


def results_of(event: Mapping[str, Any]) -> list[Result]:
    """What a TranscriptEvent's JSON says: the first alternative of each result. Raises MalformedTranscript."""
    try:
        return [_result(result) for result in event["Transcript"]["Results"]]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MalformedTranscript("an event of Amazon Transcribe has another shape than described") from error


def _result(result: Mapping[str, Any]) -> Result:
    alternatives = result.get("Alternatives") or [{}]
    items = tuple(_item(item) for item in alternatives[0].get("Items") or ())
    start, end = float(result.get("StartTime") or 0.0), float(result.get("EndTime") or 0.0)
    return Result(
        str(result["ResultId"]), items, start, end, bool(result.get("IsPartial")), result.get("ChannelId") or ""
    )


def _item(item: Mapping[str, Any]) -> Item:
    start = float(item.get("StartTime") or 0.0)
    end = max(start, float(item.get("EndTime") or start))
    is_mark = item.get("Type") == "punctuation"
    return Item(str(item.get("Content") or "").strip(), start, end, is_mark, bool(item.get("Stable")))


class Transcript:
    """One stream. Holds the results that are not final; their number is bounded by time (`ABANDONED_SECONDS`)."""

    def __init__(self) -> None:
        self._open: dict[str, Result] = {}  # Newest of each that is not told to its end, in the order they began.
        self._done: set[str] = set()  # The last ids told to their end: Amazon may repeat one.
        self._channel: str | None = None
        self._number = 1
        self._told: tuple[Word, ...] | None = None  # Of the utterance whose turn it is.
        self._final_end = 0.0

    @property
    def has_open(self) -> bool:
        """Whether something was told whose final is still to come."""
        return bool(self._open)

    def receive(self, results: Sequence[Result]) -> list[Hypothesis]:
        """Takes one event's results; the hypotheses that follow, in order."""
        told: list[Hypothesis] = []
        for result in results:
            # Audio is sent as one channel; what speaks of a second one repeats the first.
            if self._channel is None:
                self._channel = result.channel
            if result.channel == self._channel and result.id not in self._done:
                self._open[result.id] = result
                told += self._settle(result)
                told += self._tell_turn()
        return told

    def finish(self) -> list[Hypothesis]:
        """Nothing follows: what is open is final as it was believed last."""
        self._open = {key: replace(result, is_partial=False) for key, result in self._open.items()}
        return self._tell_turn()

    def _settle(self, newest: Result) -> list[Hypothesis]:
        """Closes the results before one that is final, or far behind one: their own finals will not come."""
        before = list(takewhile(lambda result: result.id != newest.id, self._open.values()))
        for result in before:
            if not newest.is_partial or newest.end - result.end > ABANDONED_SECONDS:
                self._open[result.id] = replace(result, is_partial=False)
        return self._tell_turn()

    def _tell_turn(self) -> list[Hypothesis]:
        """What is known of the first open result, and of those after it while they are final."""
        told: list[Hypothesis] = []
        while self._open:
            result = next(iter(self._open.values()))
            words = self._words(result)
            if result.is_partial:
                if words and words != self._told:
                    told.append(Hypothesis(self._number, words, is_final=False))
                    self._told = words
                break
            del self._open[result.id]
            if len(self._done) > 100:
                self._done.clear()
            self._done.add(result.id)
            if words or self._told is not None:
                told.append(Hypothesis(self._number, words, is_final=True))
                self._number += 1
                self._told = None
                self._final_end = words[-1].end if words else self._final_end
        return told

    def _words(self, result: Result) -> tuple[Word, ...]:
        """The result's words after those that were told as stable, which stand."""
        standing = tuple(takewhile(lambda word: word.stable, self._told or ()))
        words = _written(result.items)
        if not result.is_partial:
            words = [replace(word, stable=True) for word in words]
        rest = _beyond(standing, words)
        return standing + tuple(_in_order(rest, standing[-1].end if standing else self._final_end))


def _written(items: Sequence[Item]) -> list[Word]:
    """Marks attached to their words. A word is stable when the item after it is too: until then a mark may come."""
    items = [item for item in items if item.content]
    stable = len(list(takewhile(lambda item: item.stable, items)))
    prefix, words = "", list[Word]()
    for index, item in enumerate(items):
        if not item.is_mark:
            words += _split(prefix + item.content, item, stable=index + 1 < stable)
            prefix = ""
        elif item.content in _OPENING:
            prefix += item.content
        elif words:
            words[-1] = replace(words[-1], text=words[-1].text + item.content)
    return words


def _split(content: str, item: Item, *, stable: bool) -> list[Word]:
    """An item may be several words (a phrase of a custom vocabulary): they share its time by their letters."""
    texts = content.split()
    letters, position, words = sum(map(len, texts)), item.start, list[Word]()
    for text in texts:
        end = item.end if text is texts[-1] else position + (item.end - item.start) * len(text) / letters
        words.append(Word(text, position, end, stable))
        position = end
    return words


def _beyond(standing: Sequence[Word], words: Sequence[Word]) -> Sequence[Word]:
    """The words after the standing ones; judged by time where the result tells those in another way."""
    if all(_key(ours.text) == _key(theirs.text) for ours, theirs in zip(standing, words, strict=False)):
        return words[len(standing) :]
    until = standing[-1].end
    return [word for word in words if (word.start + word.end) / 2 > until]


def _in_order(words: Sequence[Word], since: float) -> Iterator[Word]:
    """Times never go back, within an utterance and between two."""
    for word in words:
        start = max(word.start, since)
        since = max(word.end, start)
        yield replace(word, start=start, end=since)


def _key(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())
