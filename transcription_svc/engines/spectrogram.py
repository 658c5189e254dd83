"""Whisper's log-mel spectrogram (Radford et al. 2022, section 2.2), of only as much audio as is asked for.

faster-whisper's extractor multiplies matrices by numpy's BLAS, whose threads keep spinning for some 0.1 s afterwards
and take the processor from the encoder that runs next: they doubled its cost. Here no BLAS applies the filters.
"""

from typing import Final

import numpy as np
from faster_whisper.feature_extractor import FeatureExtractor
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from chassis.pcm import Samples

HOP: Final = 160
"""Samples from one frame to the next, 10 ms."""

_WINDOW: Final = 400
_LEAST: Final = 1e-10
_RANGE: Final = 8.0  # Powers of ten below the loudest value; what is softer is raised to it.


class Spectrogram:
    """The filters, made once. Safe from several threads."""

    def __init__(self) -> None:
        self._hann = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)
        self._filters = np.asarray(FeatureExtractor().mel_filters, dtype=np.float32)

    def __call__(self, audio: Samples) -> NDArray[np.float32]:
        """Shape (80, samples // 160): a frame every 10 ms, the first centred on the first sample."""
        padded = np.pad(audio, _WINDOW // 2, mode="reflect")
        frames = sliding_window_view(padded, _WINDOW)[: audio.size // HOP * HOP : HOP]
        power = np.square(np.abs(np.fft.rfft(frames * self._hann, axis=1))).astype(np.float32)
        mel = np.einsum("mf,tf->mt", self._filters, power)
        logarithm = np.log10(np.maximum(mel, _LEAST))
        return np.asarray((np.maximum(logarithm, logarithm.max() - _RANGE) + 4.0) / 4.0, dtype=np.float32)
