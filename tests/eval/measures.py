"""The measures, each computed from what was recorded. Pure; docs/evaluation.md says the same for readers.

Where a measure follows a publication its docstring names it. Percentiles are values that were measured.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import jiwer

from tests.bench.report import percentile
from tests.eval.records import Performance, Shown, TimedWord, Track, Voiced
from tests.recordings import plain

WINDOW = 300.0
"""Drift compares the beginning and the end: so many seconds of each."""


@dataclass(frozen=True)
class Spread:
    """Some values, in seconds unless said otherwise."""

    count: int
    p50: float
    p90: float
    p95: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread | None":
        """None for no values."""
        if not values:
            return None
        return cls(len(values), percentile(values, 0.5), percentile(values, 0.9), percentile(values, 0.95))


def erased(before: Sequence[str], after: Sequence[str]) -> int:
    """How many words of `before` have to be taken away before `after` can be had by adding words at the end."""
    common = 0
    for old, new in zip(before, after, strict=False):
        if old != new:
            break
        common += 1
    return len(before) - common


def normalised_erasure(captions: Iterable[Shown]) -> float | None:
    """Words erased per word of the final text (Arivazhagan et al. 2020, Re-translation versus Streaming).

    Words as white space separates them, case and punctuation included. Each segment is a line of its own: what is
    erased in it erases no other. None without final text.
    """
    shown: dict[int, list[str]] = {}
    finals: dict[int, int] = {}
    total = 0
    for caption in captions:
        words = caption.text.split()
        total += erased(shown.get(caption.segment_id, []), words)
        shown[caption.segment_id] = words
        if caption.is_final:
            finals[caption.segment_id] = len(words)
    length = sum(finals.values())
    return total / length if length else None


def settled(captions: Iterable[Shown]) -> list[tuple[Shown, list[float]]]:
    """For each segment, its final caption and, for each of its words, when it was shown and stayed from then on.

    A word stays while all words up to it read the same, case and punctuation aside.
    """
    return [(history[-1], _stay(history)) for history in _histories(captions)]


def first_shown(captions: Iterable[Shown]) -> list[tuple[Shown, list[float]]]:
    """For each segment, its final caption and, for each of its words, when it was first shown in its place."""
    return [(history[-1], _first(history)) for history in _histories(captions)]


def _histories(captions: Iterable[Shown]) -> list[list[Shown]]:
    """What each segment showed, in the order of time, up to its first final; in the order of the segments."""
    histories: dict[int, list[Shown]] = {}
    for caption in captions:
        history = histories.setdefault(caption.segment_id, [])
        if not history or not history[-1].is_final:
            history.append(caption)
    return [histories[key] for key in sorted(histories) if histories[key][-1].is_final]


def _stay(history: Sequence[Shown]) -> list[float]:
    final = _words(history[-1].text)
    times = [history[-1].at] * len(final)
    for caption in reversed(history[:-1]):
        same = len(final) - erased(final, _words(caption.text))
        times[:same] = [caption.at] * same
        # A word that was not there at this moment did not stay from any earlier one on.
        final = final[:same]
    return times


def _first(history: Sequence[Shown]) -> list[float]:
    final = _words(history[-1].text)
    times: list[float | None] = [None] * len(final)
    for caption in history:
        for index, word in enumerate(_words(caption.text)[: len(final)]):
            if times[index] is None and word == final[index]:
                times[index] = caption.at
    return [history[-1].at if time is None else time for time in times]


def _words(text: str) -> list[str]:
    return [plain(word) for word in text.split()]


def said(performance: Performance) -> dict[tuple[int, int], float]:
    """When the words of the source captions had been said: by segment and place in its final text.

    The captions' words are aligned with the transcript's, whose times are known; words with no counterpart are absent.
    """
    places: list[tuple[int, int]] = []
    heard: list[str] = []
    for final in performance.source.finals():
        for index, word in enumerate(final.text.split()):
            tokens = plain(word).split()
            heard += tokens
            places += [(final.segment_id, index)] * len(tokens)
    times: dict[tuple[int, int], float] = {}
    for expected, got in aligned([word.text for word in performance.words], heard):
        place = places[got]
        times[place] = max(performance.words[expected].said, times.get(place, 0.0))
    return times


def aligned(expected: Sequence[str], heard: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of places that stand for the same word, by smallest number of edits; substitutions count as the same."""
    if not expected or not heard:
        return []
    found = jiwer.process_words(" ".join(expected), " ".join(heard))
    return [
        (chunk.ref_start_idx + step, chunk.hyp_start_idx + step)
        for chunk in found.alignments[0]
        if chunk.type in ("equal", "substitute")
        for step in range(chunk.ref_end_idx - chunk.ref_start_idx)
    ]


def segment_ends(performance: Performance) -> dict[int, float]:
    """When the last word of each segment had been said; by the system's own offset where no word could be aligned."""
    ends = {final.segment_id: final.end for final in performance.source.finals()}
    known: dict[int, float] = {}
    for (segment_id, _), time in said(performance).items():
        known[segment_id] = max(time, known.get(segment_id, 0.0))
    return ends | known


def word_lags(performance: Performance) -> list[float]:
    """Of the speaker's own captions: from the end of each word to the first caption that shows it."""
    times = said(performance)
    return [
        at - times[final.segment_id, index]
        for final, shown in first_shown(performance.source.captions)
        for index, at in enumerate(shown)
        if (final.segment_id, index) in times
    ]


def caption_lags(track: Track, ends: Mapping[int, float]) -> list[float]:
    """From the end of each segment's source words to its first final caption."""
    return [
        history[-1].at - ends[history[-1].segment_id]
        for history in _histories(track.captions)
        if history[-1].segment_id in ends
    ]


def voice_lags(track: Track, ends: Mapping[int, float]) -> list[tuple[float, float]]:
    """For each cue: when the source words of its segment ended, and how much later its audio started playing."""
    return [(ends[cue.segment_id], cue.plays_at - ends[cue.segment_id]) for cue in track.cues if cue.segment_id in ends]


def word_voice_lags(performance: Performance, track: Track) -> list[float]:
    """From the end of each source word to the start of the audio of its segment; of words whose segment was voiced."""
    begins = {cue.segment_id: cue.plays_at for cue in reversed(track.cues)}
    return [begins[segment] - time for (segment, _), time in said(performance).items() if segment in begins]


def drift(lags: Iterable[tuple[float, float]], length: float, window: float = WINDOW) -> tuple[float, float] | None:
    """95th percentile of the lags whose speech ended in the first `window` seconds, and in the last; None without."""
    lags = list(lags)
    window = min(window, length / 2)
    first = [lag for at, lag in lags if at <= window]
    last = [lag for at, lag in lags if at > length - window]
    return (percentile(first, 0.95), percentile(last, 0.95)) if first and last else None


def silence_share(cues: Sequence[Voiced]) -> float | None:
    """Of the time from the first to the last audio, the part in which none played. None without cues."""
    if not cues:
        return None
    whole = cues[-1].plays_at + cues[-1].length - cues[0].plays_at
    return max(1 - sum(cue.length for cue in cues) / whole, 0.0) if whole > 0 else None


def tempo_histogram(cues: Iterable[Voiced], width: float = 0.05) -> dict[float, int]:
    """Cues by tempo: the count of those in `width` from each lower bound on, in ascending order."""
    counted = Counter(round(int(cue.tempo / width + 1e-6) * width, 6) for cue in cues)
    return dict(sorted(counted.items()))


def laal(delays: Sequence[float], source_length: float, reference_words: int) -> float | None:
    """Length-adaptive average lagging (Papi et al. 2022, Over-Generation Cannot Be Rewarded), as SimulEval computes it.

    `delays`: when each word of the translation was there, from the start of the source on, in the unit of
    `source_length`. None without words.
    """
    if not delays or source_length <= 0:
        return None
    if delays[0] > source_length:
        return delays[0]
    pace = source_length / max(len(delays), reference_words)
    total, counted = 0.0, 0
    for index, delay in enumerate(delays):
        total += delay - index * pace
        counted += 1
        if delay >= source_length:
            break
    return total / counted


@dataclass(frozen=True)
class Emission:
    """What was shown in one language for one piece of the recording: each word, and when it was there for good."""

    words: list[str]
    times: list[float]


def by_piece(performance: Performance, track: Track) -> list[Emission]:
    """The final captions parted by the pieces of the recording: a segment belongs where the middle of its speech is."""
    emissions = [Emission([], []) for _ in performance.pieces]
    starts = [piece.start for piece in performance.pieces]
    for final, times in settled(track.captions):
        middle = (final.start + final.end) / 2
        place = max((index for index, start in enumerate(starts) if start <= middle), default=0)
        emissions[place].words.extend(final.text.split())
        emissions[place].times.extend(times)
    return emissions


def stream_laal(performance: Performance, track: Track) -> float | None:
    """LAAL, in seconds, over the pieces of the recording (its sentences, where the references are aligned by sentence),
    mean over those with words; computation included.

    As StreamLAAL (Papi et al. 2024), but parted by the captions' times instead of by aligning texts.
    """
    found = []
    for piece, emission in zip(performance.pieces, by_piece(performance, track), strict=True):
        reference = len(piece.references.get(track.language, "").split())
        # In order, as words go to a reader: one that settled early waits for those before it.
        times = [max(emission.times[: index + 1]) - piece.start for index in range(len(emission.times))]
        value = laal(times, piece.length, reference)
        if value is not None:
            found.append(value)
    return sum(found) / len(found) if found else None


@dataclass(frozen=True)
class Load:
    """Processor seconds per second of speech, of the five services and of the player; of all others on the machine per
    second that passed: cores."""

    services: dict[str, float]
    player: float
    others: float
    memory_bytes: int

    @property
    def system(self) -> float:
        return sum(self.services.values())


def load_of(performance: Performance) -> Load | None:
    """From the first to the last sample of use. None with fewer than two."""
    if len(performance.usage) < 2:
        return None
    first, last = performance.usage[0], performance.usage[-1]
    speech = performance.length
    services = {name: max(last.services[name] - used, 0.0) for name, used in first.services.items()}
    player = last.player - first.player
    others = max(last.busy - first.busy - sum(services.values()) - player, 0.0) / (last.at - first.at)
    shares = {name: used / speech for name, used in services.items()}
    return Load(shares, player / speech, others, max(each.memory_bytes for each in performance.usage))


def sentences(text: str) -> list[str]:
    """Text cut after sentence marks that are followed by a space."""
    return [each for each in re.split(r"(?<=[.!?])\s+", text.strip()) if each]


def timed(tokens: Sequence[str], found: Sequence[tuple[str, float, float]]) -> list[TimedWord]:
    """Times for the words of a transcript from those that a recogniser found: (word, start, end) in seconds.

    Words that it missed lie evenly between their neighbours. Without any found word: none.
    """
    heard = [(token, start, end) for word, start, end in found for token in plain(word).split()]
    pairs = dict(aligned(tokens, [token for token, _, _ in heard]))
    if not pairs:
        return []
    times: list[tuple[float, float] | None] = [
        heard[pairs[index]][1:] if index in pairs else None for index in range(len(tokens))
    ]
    return [TimedWord(token, *pair, said=pair[1]) for token, pair in zip(tokens, _filled(times), strict=True)]


def _filled(times: Sequence[tuple[float, float] | None]) -> list[tuple[float, float]]:
    filled: list[tuple[float, float]] = []
    for index, pair in enumerate(times):
        filled.append(pair if pair is not None else _between(filled[-1][1] if filled else 0.0, times[index:]))
    return filled


def _between(before: float, missing: Sequence[tuple[float, float] | None]) -> tuple[float, float]:
    """A share of the time from `before` to the next known word for the first of those that are missing."""
    for gap, pair in enumerate(missing):
        if pair is not None:
            return before, before + max(pair[0] - before, 0.0) / gap
    return before, before
