"""Other sample rates to the 16 kHz of everything behind the edge, while they stream."""

import numpy as np
import soxr

from chassis.pcm import SAMPLE_RATE


class Resampler:
    """s16le mono at `rate` Hz to 16 kHz. Keeps a few milliseconds inside; 16 kHz itself passes untouched."""

    def __init__(self, rate: int) -> None:
        self._stream = None if rate == SAMPLE_RATE else soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="int16")

    def process(self, audio: bytes) -> bytes:
        """Whole samples in, whole samples out; perhaps none at first."""
        if self._stream is None:
            return audio
        made: bytes = self._stream.resample_chunk(np.frombuffer(audio, dtype="<i2")).astype("<i2").tobytes()
        return made
