"""A closed segment on its way through the lanes."""

from dataclasses import dataclass

from transcription_svc.domain.dynamics import Dynamics
from transcription_svc.tracing import SegmentTrace


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment, in the speaker's words. `speech_end`: monotonic time at which its last sample arrived."""

    segment_id: int
    text: str
    start: float
    end: float
    speech_end: float
    dynamics: Dynamics
    trace: SegmentTrace
