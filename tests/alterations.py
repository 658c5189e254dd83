"""Voices altered by known amounts: louder, faster, noisier, clipped, echoing. What was done is the truth.

Recordings come from `tests.recordings`; two voices made for it are here.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from chassis.pcm import FULL_SCALE, SAMPLE_RATE, Samples, samples, to_bytes


def voice(seconds: float, syllables_per_second: float, level: float = 0.1, pitch: float = 120.0) -> Samples:
    """A voiced tone whose envelope opens and closes for each syllable; `level`: amplitude, 0.0 to 1.0."""
    at = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    tone = sum(np.sin(2 * np.pi * pitch * harmonic * at) / harmonic for harmonic in range(1, 9))
    envelope = 0.05 + 0.95 * np.sin(np.pi * syllables_per_second * at) ** 2
    return np.asarray(level * tone * envelope, np.float32)


def still(seconds: float, level: float = -120.0) -> Samples:
    """Faint noise at `level` dBFS."""
    return gain(white(round(seconds * SAMPLE_RATE)), level)


def talk(seconds: float, level: float = 0.1) -> Samples:
    """A clean voice whose pitch and pace wander, with a pause of half a second every three."""
    at = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    hertz = 130 + 25 * np.sin(2 * np.pi * 0.31 * at) + 12 * np.sin(2 * np.pi * 1.7 * at + np.sin(at))
    phase = 2 * np.pi * np.cumsum(hertz) / SAMPLE_RATE
    tone = sum(np.sin(harmonic * phase) / harmonic for harmonic in range(1, 20))
    rhythm = np.sin(np.pi * np.cumsum(4 + np.sin(2 * np.pi * 0.43 * at) + np.sin(1.9 * at)) / SAMPLE_RATE) ** 2
    return np.asarray(level * tone * rhythm * (at % 3.0 > 0.5), np.float32) + still(seconds, -75.0)


def gain(wave: Samples, decibels: float) -> Samples:
    """Louder, or softer; may leave full scale."""
    return wave * np.float32(10 ** (decibels / 20))


def rounded(wave: Samples) -> Samples:
    """As 16 bits would carry it: clipped at full scale."""
    return samples(to_bytes(wave))


def clipped(wave: Samples, share: float) -> Samples:
    """Overdriven so that `share` of all samples lie at full scale."""
    limit = float(np.quantile(np.abs(wave), 1.0 - share))
    return rounded(wave / np.float32(limit))


def stretched(wave: Samples, tempo: float) -> Samples:
    """Faster (over 1) or slower at the same pitch: FFmpeg's atempo, which lays waves over each other (WSOLA)."""
    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=SAMPLE_RATE, format="s16", layout="mono", time_base=Fraction(1, SAMPLE_RATE))
    filtering, sink = graph.add("atempo", str(tempo)), graph.add("abuffersink")
    source.link_to(filtering)
    filtering.link_to(sink)
    graph.configure()
    frame = av.AudioFrame.from_ndarray(np.frombuffer(to_bytes(wave), "<i2").reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate, frame.pts = SAMPLE_RATE, 0
    graph.push(frame)
    graph.push(None)
    out = []
    while True:
        try:
            out.append(graph.pull().to_ndarray().reshape(-1))
        except (av.error.BlockingIOError, av.error.EOFError):
            return np.concatenate(out).astype(np.float32) / np.float32(FULL_SCALE)


def white(count: int, seed: int = 1) -> Samples:
    """Noise of the same power at all frequencies; mean power 1."""
    return np.random.default_rng(seed).standard_normal(count).astype(np.float32)


def pink(count: int, seed: int = 1) -> Samples:
    """Noise of the same power in each octave, from 20 Hz up; mean power 1."""
    size = _power_of_two(count)
    spectrum = np.fft.rfft(white(size, seed))
    lowest = 20 * size / SAMPLE_RATE
    return _normal(np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), lowest)), size)[:count])


def babble(count: int, voices: Sequence[Samples]) -> Samples:
    """All voices at once, each as loud, over and over; mean power 1."""
    shifted = [np.roll(wave, 31_337 * (index + 1)) for index, wave in enumerate(voices)]
    return _normal(np.sum([np.resize(_normal(wave), count) for wave in shifted], axis=0))


def noisy(wave: Samples, noise: Samples, ratio: float) -> Samples:
    """With `noise` (mean power 1) `ratio` dB below the active level of the speech."""
    power = active_power(wave) / 10 ** (ratio / 10)
    return wave + noise * np.float32(np.sqrt(power))


def active_power(wave: Samples) -> float:
    """Mean power of the 10 ms frames less than 15.9 dB below it (the margin of ITU-T P.56)."""
    frames = wave[: len(wave) // 160 * 160].reshape(-1, 160).astype(np.float64)
    power = (frames**2).mean(axis=1)
    mean = power.mean()
    for _ in range(10):
        mean = power[power > mean * 10**-1.59].mean()
    return float(mean)


def echoing(wave: Samples, delay: float, decibels: float) -> Samples:
    """With one copy of itself, `delay` seconds later and so much louder."""
    late = np.zeros_like(wave)
    shift = round(delay * SAMPLE_RATE)
    late[shift:] = wave[:-shift]
    return wave + gain(late, decibels)


def in_room(
    wave: Samples,
    size: tuple[float, float, float],
    mouth: tuple[float, float, float],
    microphone: tuple[float, float, float],
    reflection: float,
) -> Samples:
    """As a microphone hears it in an empty box of a room (Allen and Berkley's image sources). Metres; `reflection`: of
    the walls, 0.0 to 1.0 of the amplitude."""
    order = range(-10, 11)
    images = []
    for length, at, to in zip(size, mouth, microphone, strict=True):
        images.append([(abs(n), (n * length + (at if n % 2 == 0 else length - at) - to) ** 2) for n in order])
    x, y, z = (np.array([distance for _, distance in axis]) for axis in images)
    bounces = np.array([count for count, _ in images[0]])
    distance = np.sqrt(x[:, None, None] + y[None, :, None] + z[None, None, :]).ravel()
    count = (bounces[:, None, None] + bounces[None, :, None] + bounces[None, None, :]).ravel()
    arrival = (distance - distance.min()) / 343.0 * SAMPLE_RATE
    heard = arrival < 0.5 * SAMPLE_RATE
    response = np.zeros(SAMPLE_RATE // 2 + 1)
    np.add.at(response, arrival[heard].astype(int), (reflection**count / distance)[heard])
    padded = _power_of_two(len(wave) + len(response))
    out = np.fft.irfft(np.fft.rfft(wave, padded) * np.fft.rfft(response, padded))[: len(wave)]
    return np.asarray(out * np.abs(wave).max() / np.abs(out).max(), np.float32)


def _power_of_two(least: int) -> int:
    return int(1 << (least - 1).bit_length())


def _normal(wave: NDArray[Any]) -> Samples:
    return np.asarray(wave / np.sqrt(np.mean(np.square(wave))), np.float32)
