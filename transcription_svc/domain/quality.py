"""What a speaker should be told about the sound: four flaws, and when each is told.

A flaw is told when it begins, again at most once a minute while it lasts, and when it is over; between the limit that
begins it and the one that ends it nothing changes. Time is the audio's own: where none comes, because the speaker has
paused or muted, nothing is judged and nothing begins.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from chassis.pcm import SILENCE_DBFS
from transcription_svc.domain import clipping, echo
from transcription_svc.domain.clipping import ClippingMeter
from transcription_svc.domain.echo import EchoMeter
from transcription_svc.domain.frames import BLOCK_SECONDS, GAP_SECONDS, Block, dbfs
from transcription_svc.domain.noise import NoiseMeter

REPEAT_SECONDS: Final = 60.0
SNR_DB: Final = 20.0
_SNR_CLEAR_DB: Final = 2.0
_ECHO_CLEAR_DB: Final = 3.0
_SILENT_DBFS: Final = -50.0
_HEARD_DBFS: Final = -40.0
_SILENT_SECONDS: Final = 5.0


class Issue(Enum):
    """The flaws."""

    SNR_LOW = 1
    CLIPPING = 2
    ECHO = 3
    SILENCE = 4


ADVICE: Final = {
    Issue.SNR_LOW: "There is much noise behind your voice: come closer to the microphone, or find a quieter place.",
    Issue.CLIPPING: "Your microphone is overdriven: lower its input level, or move away from it a little.",
    Issue.ECHO: "Your voice comes back with an echo: use headphones, or turn the loudspeakers down.",
    Issue.SILENCE: "Nothing is heard: check that the right microphone is chosen and switched on.",
}


@dataclass(frozen=True, slots=True)
class QualityWarning:
    """A flaw. Value and threshold: dB; for clipping the share of a block's samples; for silence dBFS."""

    issue: Issue
    value: float
    threshold: float
    advice: str


@dataclass(frozen=True, slots=True)
class QualityRecovered:
    """A flaw that was told is over."""

    issue: Issue


Change = QualityWarning | QualityRecovered


class QualityMonitor:
    """One speaker's sound. Feed it all blocks. `snr_db`: the ratio below which noise is told, 10 to 40 dB."""

    def __init__(self, snr_db: float = SNR_DB) -> None:
        self._snr_db = snr_db
        self._noise = NoiseMeter()
        self._clipping = ClippingMeter()
        self._echo = EchoMeter()
        self._silence = _Silence()
        self._alarms = {issue: _Alarm(issue) for issue in Issue}
        self._checks: tuple[Callable[[Block], Iterator[Change]], ...] = (
            self._check_noise,
            self._check_clipping,
            self._check_echo,
            self._check_silence,
        )

    @property
    def snr(self) -> float | None:
        """Mean signal-to-noise ratio of 5 s of speech, dB; None until so much was heard."""
        return self._noise.ratio

    def add(self, block: Block) -> list[Change]:
        """Takes the next block, and says what changed."""
        return [change for check in self._checks for change in check(block)]

    def _check_noise(self, block: Block) -> Iterator[Change]:
        if self._noise.add(block) and (ratio := self._noise.ratio) is not None:
            alarm = self._alarms[Issue.SNR_LOW]
            yield from alarm.judge(
                ratio < self._snr_db, ratio >= self._snr_db + _SNR_CLEAR_DB, ratio, self._snr_db, block.end
            )

    def _check_clipping(self, block: Block) -> Iterator[Change]:
        self._clipping.add(block)
        found = self._clipping
        yield from self._alarms[Issue.CLIPPING].judge(
            found.repeated, found.over, found.share, clipping.THRESHOLD, block.end
        )

    def _check_echo(self, block: Block) -> Iterator[Change]:
        if self._echo.add(block) and (level := self._echo.level) is not None:
            clear = not self._echo.certain and level < echo.THRESHOLD_DB - _ECHO_CLEAR_DB
            yield from self._alarms[Issue.ECHO].judge(self._echo.certain, clear, level, echo.THRESHOLD_DB, block.end)

    def _check_silence(self, block: Block) -> Iterator[Change]:
        self._silence.add(block)
        found = self._silence
        yield from self._alarms[Issue.SILENCE].judge(found.long, found.heard, found.level, _SILENT_DBFS, block.end)


class _Silence:
    """How long nothing is heard: counted below -50 dBFS, held up to -40, over above."""

    def __init__(self) -> None:
        self.level = SILENCE_DBFS
        self.heard = False
        self._seconds = 0.0
        self._end = 0.0

    @property
    def long(self) -> bool:
        # Half a block for the sum's rounding.
        return self._seconds >= _SILENT_SECONDS - BLOCK_SECONDS / 2

    def add(self, block: Block) -> None:
        self.level = float(dbfs((block.wave**2).mean()))
        self.heard = self.level > _HEARD_DBFS
        # Behind a pause of the speaker's, nothing was heard only from now on.
        if self.heard or block.offset - self._end > GAP_SECONDS:
            self._seconds = 0.0
        if self.level < _SILENT_DBFS:
            self._seconds += BLOCK_SECONDS
        self._end = block.end


class _Alarm:
    """When one flaw is told."""

    def __init__(self, issue: Issue) -> None:
        self._issue = issue
        self._told_at = float("-inf")
        self._standing = False

    def judge(self, bad: bool, clear: bool, value: float, threshold: float, now: float) -> Iterator[Change]:
        """`bad` tells it, `clear` ends it, neither changes nothing. `now`: seconds of the audio's time."""
        if bad and now - self._told_at >= REPEAT_SECONDS - 1e-6:
            self._told_at, self._standing = now, True
            yield QualityWarning(self._issue, value, threshold, ADVICE[self._issue])
        elif clear and self._standing:
            self._standing = False
            yield QualityRecovered(self._issue)
