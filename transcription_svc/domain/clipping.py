"""Whether a microphone, or something behind it, is overdriven.

A block of 100 ms is clipped when more than 1 % of its samples are at 98 % of full scale or more, or lie in flat tops:
three and more neighbours at the very extreme of the last 5 s. The latter finds what was clipped first and made softer
afterwards, by a mixer or the speaker's own volume, as long as nothing has rounded the tops since: filters, resampling
and lossy codecs do.
"""

from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

from chassis.pcm import FULL_SCALE, Samples
from transcription_svc.domain.frames import BLOCK, BLOCKS_PER_SECOND, Block

THRESHOLD: Final = 0.01
_FULL: Final = 0.98
# Below a peak of -20 dBFS a slow hum's crests look flat, too.
_LEAST_CEILING: Final = 0.1
_SAME: Final = 0.5 / FULL_SCALE
_REPEATED: Final = 3  # Clipped blocks in 5 s: a plosive into the microphone makes one or two.
_BLOCKS: Final = 5 * BLOCKS_PER_SECOND


class ClippingMeter:
    """Follows one speaker by blocks."""

    def __init__(self) -> None:
        self._tops: deque[tuple[float, float]] = deque(maxlen=_BLOCKS)
        self._shares: deque[float] = deque(maxlen=_BLOCKS)
        self.newest = 0.0
        """Share of the newest block's samples that are clipped, 0.0 to 1.0."""

    def add(self, block: Block) -> None:
        """Takes the next block."""
        high, low = float(block.wave.max()), float(block.wave.min())
        self._tops.append((high, -low))
        above = self._clipped(block.wave, high, max(top for top, _ in self._tops))
        below = self._clipped(-block.wave, -low, max(bottom for _, bottom in self._tops))
        self.newest = (above + below) / BLOCK
        self._shares.append(self.newest)

    @property
    def repeated(self) -> bool:
        """Whether clipping is more than a mishap."""
        return len(self._clipped_shares()) >= _REPEATED

    @property
    def over(self) -> bool:
        """Whether none of the last 5 s was clipped."""
        return not self._clipped_shares()

    @property
    def share(self) -> float:
        """Mean share of clipped samples in the clipped blocks of the last 5 s, else of the newest block."""
        shares = self._clipped_shares()
        return sum(shares) / len(shares) if shares else self.newest

    def _clipped_shares(self) -> list[float]:
        return [share for share in self._shares if share > THRESHOLD]

    def _clipped(self, wave: Samples, top: float, ceiling: float) -> int:
        """Clipped samples of the upper side."""
        full = int(np.count_nonzero(wave >= _FULL)) if top >= _FULL else 0
        if ceiling < _LEAST_CEILING or top < ceiling - _SAME:
            return full
        return max(full, _in_rows(wave >= ceiling - _SAME))


def _in_rows(at: NDArray[np.bool_]) -> int:
    """How many are set in rows of three and more."""
    threes = at[2:] & at[1:-1] & at[:-2]
    rows = np.zeros(len(at), np.bool_)
    for start in range(3):
        rows[start : start + len(threes)] |= threes
    return int(np.count_nonzero(rows))
