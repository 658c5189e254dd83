"""The voice detector: Silero VAD, as faster-whisper ships it, kept running over a stream."""

from functools import cache

import numpy as np
import onnxruntime
from faster_whisper.vad import get_vad_model
from numpy.typing import NDArray

from chassis.pcm import Samples, dbfs
from transcription_svc.domain.endpoint import WINDOW_SAMPLES, Window

_CONTEXT = 64  # Samples of the window before that the model wants in front of each.


class VoiceDetector:
    """The detector's memory of one stream. The model itself is shared; about 1 % of a core per stream."""

    def __init__(self) -> None:
        self._hidden = np.zeros((1, 1, 128), dtype=np.float32)
        self._cell = np.zeros((1, 1, 128), dtype=np.float32)
        self._context = np.zeros(_CONTEXT, dtype=np.float32)

    def hear(self, audio: Samples) -> list[Window]:
        """Measures the next windows. `audio`: whole windows, shape (n · 512,)."""
        windows = audio.reshape(-1, WINDOW_SAMPLES)
        before = np.vstack([self._context, windows[:-1, -_CONTEXT:]])
        self._context = windows[-1, -_CONTEXT:].copy()
        voice, self._hidden, self._cell = _session().run(
            None, {"input": np.hstack([before, windows]), "h": self._hidden, "c": self._cell}
        )
        probabilities: NDArray[np.float32] = voice.reshape(-1)
        return [Window(float(p), dbfs(window)) for p, window in zip(probabilities, windows, strict=True)]


@cache
def _session() -> onnxruntime.InferenceSession:
    return get_vad_model().session
