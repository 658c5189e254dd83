"""PCM s16le mono, the one audio format between services: bytes, samples, seconds, levels."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE: Final = 16_000
"""Samples per second of all audio between services."""

BYTES_PER_SAMPLE: Final = 2
BYTES_PER_SECOND: Final = SAMPLE_RATE * BYTES_PER_SAMPLE
FULL_SCALE: Final = 32_768.0
SILENCE_DBFS: Final = -120.0
"""The level given to digital silence, whose logarithm does not exist."""

Samples = NDArray[np.float32]
"""Mono samples, shape (n,), -1.0 to 1.0."""


def samples(audio: bytes) -> Samples:
    """Bytes of s16le to floats, shape (n,). Raises ValueError on an odd number of bytes."""
    return np.frombuffer(audio, dtype="<i2").astype(np.float32) / np.float32(FULL_SCALE)


def to_bytes(wave: Samples) -> bytes:
    """Floats, shape (n,), to bytes of s16le; what is beyond full scale is clipped."""
    whole: NDArray[np.int16] = np.clip(np.rint(wave * FULL_SCALE), -32_768, 32_767).astype("<i2")
    return whole.tobytes()


def seconds(audio: bytes, sample_rate: int = SAMPLE_RATE) -> float:
    """Playing time of s16le mono bytes."""
    return len(audio) / (BYTES_PER_SAMPLE * sample_rate)


def byte_count(duration: float, sample_rate: int = SAMPLE_RATE) -> int:
    """Bytes of whole samples that play for `duration` seconds, rounded to the nearest sample."""
    return round(duration * sample_rate) * BYTES_PER_SAMPLE


def dbfs(wave: Samples) -> float:
    """RMS level, 20·log10(rms), of samples in -1.0 to 1.0; SILENCE_DBFS for silence or nothing."""
    if wave.size == 0:
        return SILENCE_DBFS
    power = float(np.dot(wave, wave)) / wave.size
    return max(10.0 * float(np.log10(power)), SILENCE_DBFS) if power > 0 else SILENCE_DBFS


def scaled(audio: bytes, volume: float) -> bytes:
    """The same audio with its amplitude times `volume` (0.0 to 1.0)."""
    return audio if volume == 1.0 else to_bytes(samples(audio) * np.float32(volume))
