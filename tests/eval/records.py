"""What one broadcast left behind, as data: enough to compute every measure later, without playing it again.

All times are seconds from the moment at which the recording's first sample was played, on one clock, unless a name
says `offset`, which is a place in the recording. Audio itself is not kept here.
"""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter


@dataclass(frozen=True)
class TimedWord:
    """One word of the transcript, without case and punctuation. Offsets in seconds; `said`: when its end was played."""

    text: str
    start: float
    end: float
    said: float


@dataclass(frozen=True)
class Piece:
    """A sentence or file of the recording: from `start` on for `length` seconds, with its references by language."""

    start: float
    length: float
    text: str
    references: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Shown:
    """A caption as it appeared on the screen at `at`. Offsets are the system's own."""

    segment_id: int
    text: str
    is_final: bool
    at: float
    start: float
    end: float


@dataclass(frozen=True)
class Voiced:
    """A cue as it was heard: it began at `plays_at` and lasted `length` seconds."""

    segment_id: int
    tempo: float
    arrived_at: float
    plays_at: float
    length: float
    complete: bool
    start: float
    end: float


@dataclass(frozen=True)
class Track:
    """One language of a broadcast, or, without cues, what the speaker was shown. `gold`: what the same engine makes of
    the true transcript, sentence by sentence; `heard_back`: what Whisper understands of the voice."""

    language: str
    captions: list[Shown] = field(default_factory=list)
    cues: list[Voiced] = field(default_factory=list)
    dropped_cues: int = 0
    dropped_seconds: float = 0.0
    failures: list[str] = field(default_factory=list)
    gold: str = ""
    heard_back: str = ""

    def finals(self) -> list[Shown]:
        """The last final of each segment, in the order of the segments."""
        last = {shown.segment_id: shown for shown in self.captions if shown.is_final}
        return [last[segment_id] for segment_id in sorted(last)]

    def text(self) -> str:
        """All final captions."""
        return " ".join(shown.text for shown in self.finals())

    def spoken_text(self) -> str:
        """What the voice said: of the segments that were voiced the first final, for corrections are only shown."""
        voiced = {cue.segment_id for cue in self.cues}
        first = {shown.segment_id: shown for shown in reversed(self.captions) if shown.is_final}
        return " ".join(first[segment_id].text for segment_id in sorted(first) if segment_id in voiced)

    def shortfall(self) -> dict[str, int]:
        """What a listener did not get beside the cues that were dropped, and how often; failures by their code."""
        voiced = {cue.segment_id for cue in self.cues}
        silent = sum(bool(shown.text) and shown.segment_id not in voiced for shown in self.finals())
        counts = {
            "without voice": max(silent - self.dropped_cues, 0),
            "broken off": sum(not cue.complete for cue in self.cues),
            **Counter(self.failures),
        }
        return {what: count for what, count in counts.items() if count}


@dataclass(frozen=True)
class Usage:
    """Processor seconds by service used so far at `at`, the machine's all in all (`busy`), and our own player's."""

    at: float
    services: dict[str, float]
    busy: float
    player: float
    memory_bytes: int


@dataclass(frozen=True)
class Performance:
    """One recording played once. `late`: the longest that the player was behind the microphone it stands for."""

    name: str
    recording: str
    language: str
    length: float
    final_only: bool
    pieces: list[Piece]
    words: list[TimedWord]
    source: Track
    tracks: dict[str, Track]
    usage: list[Usage]
    late: float = 0.0

    @property
    def transcript(self) -> str:
        return " ".join(piece.text for piece in self.pieces if piece.text)

    def reference(self, language: str) -> str:
        """The whole translation; empty when a piece has none."""
        found = [piece.references.get(language, "") for piece in self.pieces]
        return " ".join(found) if all(found) else ""


@dataclass(frozen=True)
class Journey:
    """One short phrase through the system with engines that answer at once. Seconds from handing over the audio chunk
    that completes it; None where it did not come. `waited`: the voice had to wait for the one before."""

    caption: float | None
    cue: float | None
    translation: float | None
    waited: bool


@dataclass(frozen=True)
class Part:
    """The results of one part of the evaluation, and where they come from. `quick`: a trial that measures nothing."""

    name: str
    made_at: str
    machine: str
    commit: str
    engines: str
    settings: dict[str, str]
    versions: dict[str, str]
    quick: bool
    seconds: float = 0.0
    performances: list[Performance] = field(default_factory=list)
    journeys: list[Journey] = field(default_factory=list)

    def save(self, folder: Path) -> None:
        """Writes `<name>.json`."""
        (folder / f"{self.name}.json").write_bytes(_PART.dump_json(self))

    def performance(self, name: str) -> Performance | None:
        """The one of that name."""
        return next((each for each in self.performances if each.name == name), None)


def load(file: Path) -> Part:
    """What `save` wrote. Raises ValueError when it is something else."""
    return _PART.validate_json(file.read_bytes())


_PART: TypeAdapter[Part] = TypeAdapter(Part)
