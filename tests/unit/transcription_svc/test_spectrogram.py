"""The spectrogram is the one that Whisper was trained on."""

import numpy as np
from faster_whisper.feature_extractor import FeatureExtractor

from transcription_svc.engines.spectrogram import Spectrogram


def test_it_is_what_faster_whisper_computes() -> None:
    time = np.arange(16_000) / 16_000
    noise = np.random.default_rng(3).normal(0, 0.01, time.size)
    audio = (0.3 * np.sin(2 * np.pi * 900 * time) * time + noise).astype(np.float32)
    audio[12_000:] = 0.0
    expected = FeatureExtractor()(audio, padding=0)[:, :100]
    np.testing.assert_allclose(Spectrogram()(audio), expected, atol=1e-4)
