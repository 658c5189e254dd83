"""What the evaluation is measured against: goals as data, and how each is read from the results."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from tests.bench.report import percentile
from tests.eval.measures import (
    WINDOW,
    caption_lags,
    drift,
    normalised_erasure,
    segment_ends,
    voice_lags,
)
from tests.eval.records import Journey, Part, Performance
from tests.recordings import chrf, word_error_rate

ONE = "one language"
FINAL_ONLY = "one language, final-only"
TWO = "two languages"
FIVE = "five languages"
LONG = "drift"
AMAZON = "Amazon's pace"

Parts = Mapping[str, Part]


@dataclass(frozen=True)
class Goal:
    """`limit` must not be passed; `least`: must be reached. `measure` answers None where nothing was measured."""

    text: str
    part: str
    limit: float
    unit: str
    measure: Callable[[Parts], float | None]
    least: bool = False

    def met(self, value: float) -> bool:
        return value >= self.limit if self.least else value <= self.limit


def voice(part: str, name: str, share: float) -> Callable[[Parts], float | None]:
    """Voice lag of the language that is worst off."""

    def measure(parts: Parts) -> float | None:
        def of(performance: Performance) -> Iterable[list[float]]:
            ends = segment_ends(performance)
            return ([lag for _, lag in voice_lags(track, ends)] for track in performance.tracks.values())

        return _worst(_performance(parts, part, name), of, share)

    return measure


def captions(part: str, name: str, share: float) -> Callable[[Parts], float | None]:
    """Caption lag of the language that is worst off."""

    def measure(parts: Parts) -> float | None:
        def of(performance: Performance) -> Iterable[list[float]]:
            ends = segment_ends(performance)
            return (caption_lags(track, ends) for track in performance.tracks.values())

        return _worst(_performance(parts, part, name), of, share)

    return measure


def wer(parts: Parts) -> float | None:
    """Of the source captions of the clean talk."""
    found = _performance(parts, "clean", ONE)
    return word_error_rate(found.transcript, found.source.text()) if found and found.transcript else None


def source_erasure(parts: Parts) -> float | None:
    found = _performance(parts, "clean", ONE)
    return normalised_erasure(found.source.captions) if found else None


def target_erasure(parts: Parts) -> float | None:
    found = _performance(parts, "clean", ONE)
    values = [normalised_erasure(track.captions) for track in found.tracks.values()] if found else []
    return max((value for value in values if value is not None), default=None)


def ahead(parts: Parts) -> float | None:
    """Median voice lag of final-only minus that of partials, in the same run."""
    partial, final = voice("clean", ONE, 0.5)(parts), voice("clean", FINAL_ONLY, 0.5)(parts)
    return final - partial if partial is not None and final is not None else None


def kept_quality(parts: Parts) -> float | None:
    """chrF of what the voice said from partials over that of final-only."""
    scores = []
    for name in (ONE, FINAL_ONLY):
        found = _performance(parts, "clean", name)
        track = next(iter(found.tracks.values()), None) if found else None
        if found is None or track is None or not found.reference(track.language):
            return None
        scores.append(chrf(found.reference(track.language), track.spoken_text()))
    return scores[0] / scores[1] if scores[1] else None


def drifted(parts: Parts) -> float | None:
    """95th percentile of voice lag in the last five minutes over that in the first five; of ten minutes and more."""
    found = _performance(parts, "drift", LONG)
    if found is None or found.length < 2 * WINDOW:
        return None
    ends = segment_ends(found)
    ratios = []
    for track in found.tracks.values():
        pair = drift(voice_lags(track, ends), found.length)
        if pair and pair[0] > 0:
            ratios.append(pair[1] / pair[0])
    return max(ratios, default=None)


def journey(what: Callable[[Journey], float | None], part: str = "share") -> Callable[[Parts], float | None]:
    """95th percentile of our own share, milliseconds."""

    def measure(parts: Parts) -> float | None:
        found = [value for each in parts[part].journeys if (value := what(each)) is not None] if part in parts else []
        return percentile(found, 0.95) * 1000 if found else None

    return measure


def caption_time(each: Journey) -> float | None:
    """Until the final caption; never, where none came. None for a phrase that was traced."""
    return each.caption if each.caption is not None else None if each.translation is not None else math.inf


def cue_time(each: Journey) -> float | None:
    """Until the first audio, unless it had to wait for the voice before it to end; as `caption_time`."""
    if each.waited or each.translation is not None:
        return None
    return math.inf if each.cue is None else each.cue


def call_time(each: Journey) -> float | None:
    """Until translation was called; never, where nothing at all is known of a phrase."""
    if each.translation is None and each.caption is None and each.cue is None:
        return math.inf
    return each.translation


GOALS = (
    Goal("source WER of clean read speech", "clean", 0.10, "", wer),
    Goal("caption lag p50, one language", "clean", 1.2, "s", captions("clean", ONE, 0.5)),
    Goal("voice lag p50, one language", "clean", 2.5, "s", voice("clean", ONE, 0.5)),
    Goal("voice lag p90, one language", "clean", 4.0, "s", voice("clean", ONE, 0.9)),
    Goal("partials' voice ahead of final-only, p50", "clean", 1.0, "s", ahead, least=True),
    Goal("partials' chrF over final-only's", "clean", 0.95, "", kept_quality, least=True),
    Goal("normalised erasure, source captions", "clean", 0.2, "", source_erasure),
    Goal("normalised erasure, translated captions", "clean", 0.2, "", target_erasure),
    Goal("drift: voice lag p95, last five minutes / first five", "drift", 1.2, "", drifted),
    Goal("Amazon's pace: voice lag p50", "amazon", 2.0, "s", voice("amazon", AMAZON, 0.5)),
    Goal("our share: audio chunk in → cue frame out, p95", "share", 60.0, "ms", journey(cue_time)),
    Goal("our share: transcript → translation called, p95", "share", 100.0, "ms", journey(call_time)),
    Goal("five languages: caption lag p50, the worst", "five", 1.2, "s", captions("five", FIVE, 0.5)),
    Goal("five languages: voice lag p50, the worst", "five", 2.5, "s", voice("five", FIVE, 0.5)),
    Goal("five languages: voice lag p90, the worst", "five", 4.0, "s", voice("five", FIVE, 0.9)),
)


def _performance(parts: Parts, part: str, name: str) -> Performance | None:
    return parts[part].performance(name) if part in parts else None


def _worst(
    performance: Performance | None, of: Callable[[Performance], Iterable[list[float]]], share: float
) -> float | None:
    if performance is None:
        return None
    return max((percentile(values, share) for values in of(performance) if values), default=None)
