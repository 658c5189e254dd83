"""How far behind the speaker captions and voice are: from what was sent and heard, and when. Pure.

Caption lag: end of a segment's source speech → its first final caption arrives. Voice lag: the same end → its
first audio plays, which is when it has arrived and the cue before is over. Times are seconds of one monotonic clock.
"""

import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from edge.client.messages import AudioDropped, Caption, Event, SourceCaption
from edge.client.playback import Playback, PlayedCue


class SendLog:
    """When which part of the talk was spoken, so that offsets of the session become points in time.

    It counts samples, as the session does while audio flows. After a pause or a lost connection the session's offsets
    also count the gap: lags of what was spoken later are then too small by its length.
    """

    def __init__(self, sample_rate: int = 16_000) -> None:
        self._sample_rate = sample_rate
        # Samples, not seconds: sums of tenths would miss the ends of chunks, and with them the moment after a stall.
        self._ends: list[int] = []
        self._times: list[float] = []

    def sent(self, pcm: bytes, now: float) -> None:
        """`pcm` (s16le mono) was handed over at `now`, when the last of it had just been spoken."""
        self._ends.append((self._ends[-1] if self._ends else 0) + len(pcm) // 2)
        self._times.append(now)

    @property
    def seconds(self) -> float:
        """The length of all audio sent."""
        return self._ends[-1] / self._sample_rate if self._ends else 0.0

    @property
    def began(self) -> float:
        """When the first sample was spoken. Raises ValueError when nothing was sent."""
        return self.spoken_at(0.0)

    def spoken_at(self, offset: float) -> float:
        """When the sample at `offset` seconds was spoken; for offsets beyond the end, when it would have been."""
        if not self._ends:
            raise ValueError("nothing was sent")
        sample = round(offset * self._sample_rate)
        # After a stall several chunks go at once: each sample counts from the chunk that it went with.
        index = min(bisect.bisect_left(self._ends, sample), len(self._ends) - 1)
        return self._times[index] - (self._ends[index] - sample) / self._sample_rate


@dataclass(frozen=True, slots=True)
class HeardCaption:
    """A segment's last final text, and when its first final arrived."""

    segment_id: int
    text: str
    start_ms: int
    end_ms: int
    arrived_at: float


class Heard:
    """All that one listener (or, for source captions, the speaker) was told."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.captions: dict[int, HeardCaption] = {}
        self.playback = Playback()
        self.dropped_cues = 0
        self.dropped_seconds = 0.0

    def receive(self, event: Event, now: float) -> None:
        """Takes note of an event that arrived at `now`."""
        self.playback.receive(event, now)
        match event:
            case Caption(is_final=True) | SourceCaption(is_final=True):
                before = self.captions.get(event.segment_id)
                first = before.arrived_at if before else now
                self.captions[event.segment_id] = HeardCaption(
                    event.segment_id, event.text, event.start_ms, event.end_ms, first
                )
            case AudioDropped(cues, seconds):
                self.dropped_cues += cues
                self.dropped_seconds += seconds

    def words(self) -> int:
        """Words of all final captions, as white space separates them."""
        return sum(len(caption.text.split()) for caption in self.captions.values())


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle and the bad end of some lags, in seconds."""

    count: int
    p50: float
    p90: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread | None":
        """None for no values."""
        return cls(len(values), quantile(values, 0.5), quantile(values, 0.9)) if values else None


@dataclass(frozen=True, slots=True)
class Drift:
    """Median voice lag, in seconds, of the cues in the first and the last third of the talk."""

    first: float
    last: float


@dataclass(frozen=True, slots=True)
class LanguageReport:
    """One language. `silence_share` is the part of the time from the first to the last audio in which none played."""

    language: str
    captions: int
    words: int
    cues: int
    incomplete_cues: int
    dropped_cues: int
    audio_seconds: float
    silence_share: float | None
    caption_lag: Spread | None
    voice_lag: Spread | None
    drift: Drift | None


@dataclass(frozen=True, slots=True)
class Report:
    """A whole broadcast as its listeners had it. `seconds` is the talk's length."""

    seconds: float
    source_caption_lag: Spread | None
    source_words: int
    languages: tuple[LanguageReport, ...] = field(default=())

    def to_markdown(self) -> str:
        """A table, one line a language; lags in seconds, p50/p90."""
        lines = [
            "| language | caption lag | voice lag | drift | captions | words | cues | dropped | audio |",
            "|---|---|---|---|---|---|---|---|---|",
        ]
        lines += ["| " + " | ".join(row) + " |" for row in self.rows()]
        return "\n".join(lines)

    def rows(self) -> list[tuple[str, ...]]:
        """The table's cells: source first, then each language."""
        source = ("source", _pair(self.source_caption_lag), "", "", "", str(self.source_words), "", "")
        rows: list[tuple[str, ...]] = [(*source, f"{self.seconds:.1f} s")]
        for one in self.languages:
            drift = f"{one.drift.first:.2f}→{one.drift.last:.2f}" if one.drift else "–"
            cues = f"{one.cues}" + (f" ({one.incomplete_cues} cut)" if one.incomplete_cues else "")
            lags = (_pair(one.caption_lag), _pair(one.voice_lag), drift)
            counts = (str(one.captions), str(one.words), cues, str(one.dropped_cues))
            rows.append((one.language, *lags, *counts, f"{one.audio_seconds:.1f} s"))
        return rows


COLUMNS = ("language", "caption lag", "voice lag", "drift", "captions", "words", "cues", "dropped", "audio")


def measure(log: SendLog, source: Heard, heard: Mapping[str, Heard] | Sequence[Heard]) -> Report:
    """The report of a broadcast: what the speaker sent and was told, and what each listener heard."""
    listeners = list(heard.values()) if isinstance(heard, Mapping) else list(heard)
    return Report(
        seconds=log.seconds,
        source_caption_lag=Spread.of(_caption_lags(log, source)),
        source_words=source.words(),
        languages=tuple(_language(log, one) for one in listeners),
    )


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of `values` lie, linear between neighbours. Raises ValueError for no values."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    position = share * (len(ordered) - 1)
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def _language(log: SendLog, heard: Heard) -> LanguageReport:
    cues = heard.playback.cues
    return LanguageReport(
        language=heard.language,
        captions=len(heard.captions),
        words=heard.words(),
        cues=len(cues),
        incomplete_cues=sum(not cue.complete for cue in cues),
        dropped_cues=heard.dropped_cues,
        audio_seconds=sum(cue.seconds for cue in cues),
        silence_share=_silence_share(cues),
        caption_lag=Spread.of(_caption_lags(log, heard)),
        voice_lag=Spread.of([voice_lag(log, cue) for cue in cues]),
        drift=_drift(log, cues),
    )


def voice_lag(log: SendLog, cue: PlayedCue) -> float:
    """Seconds from the end of a cue's source speech to when its first audio plays."""
    return cue.plays_at - log.spoken_at(cue.end_ms / 1000)


def _caption_lags(log: SendLog, heard: Heard) -> list[float]:
    if not log.seconds:
        return []
    return [caption.arrived_at - log.spoken_at(caption.end_ms / 1000) for caption in heard.captions.values()]


def _drift(log: SendLog, cues: Sequence[PlayedCue]) -> Drift | None:
    first = [voice_lag(log, cue) for cue in cues if cue.end_ms / 1000 <= log.seconds / 3]
    last = [voice_lag(log, cue) for cue in cues if cue.end_ms / 1000 > log.seconds * 2 / 3]
    return Drift(quantile(first, 0.5), quantile(last, 0.5)) if first and last else None


def _silence_share(cues: Sequence[PlayedCue]) -> float | None:
    if not cues:
        return None
    whole = cues[-1].plays_at + cues[-1].seconds - cues[0].plays_at
    return max(1 - sum(cue.seconds for cue in cues) / whole, 0.0) if whole > 0 else None


def _pair(spread: Spread | None) -> str:
    return f"{spread.p50:.2f}/{spread.p90:.2f}" if spread else "–"
