"""What is heard of one speaker besides the words: dynamics for the voice, flaws of the sound for the speaker.

Neither is worth a broadcast: whatever fails here is counted and logged, the voice then sounds neutral, the speaker is
told nothing, and the words go on.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from opentelemetry.metrics import Counter

from chassis import pcm
from chassis.telemetry import Attribute, Metric, meter
from transcription_svc.domain.dynamics import NEUTRAL, Dynamics, DynamicsMeter
from transcription_svc.domain.frames import Block, Blocks
from transcription_svc.domain.quality import Change, QualityMonitor, QualityWarning

log = structlog.get_logger()

_dynamics_failures = meter.create_counter(Metric.DYNAMICS_FAILURES)
_quality_failures = meter.create_counter(Metric.QUALITY_FAILURES)
_warnings = meter.create_counter(Metric.QUALITY_WARNINGS)


class Ear:
    """One speaker. `snr_db`: signal-to-noise ratio below which the speaker is told of noise."""

    def __init__(self, language: str, snr_db: float) -> None:
        self._blocks = Blocks()
        self._dynamics = DynamicsMeter(language)
        self._quality = QualityMonitor(snr_db)

    def hear(self, audio: bytes, offset: float) -> list[Change]:
        """Takes some audio, s16le, whose first sample lies at `offset` seconds, and says what to tell the speaker."""
        blocks: list[Block] = []
        changes: list[Change] = []
        with _spared("dynamics_failed", _dynamics_failures):
            blocks = self._blocks.add(pcm.samples(audio), offset)
        for block in blocks:
            with _spared("dynamics_failed", _dynamics_failures):
                self._dynamics.add(block)
            with _spared("quality_failed", _quality_failures):
                changes += self._quality.add(block)
        for change in changes:
            _record(change)
        return changes

    def dynamics(self, start: float, end: float, words: int = 0) -> Dynamics:
        """How the speech between two offsets, `words` long, sounded; neutral where that cannot be told."""
        with _spared("dynamics_failed", _dynamics_failures):
            return self._dynamics.measure(start, end, words)
        return NEUTRAL


@contextmanager
def _spared(event: str, failures: Counter) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not cost the words
        log.warning(event, error=type(error).__name__)
        failures.add(1)


def _record(change: Change) -> None:
    warning = isinstance(change, QualityWarning)
    log.info("quality_changed", issue=change.issue.name, warning=warning)
    if warning:
        _warnings.add(1, {Attribute.REASON: change.issue.name})
