"""A voice by hand, and an ear for what the edge makes of it: Opus packets, Ogg and MP3 streams."""

from io import BytesIO

import av
import numpy as np
import soxr
from numpy.typing import NDArray

from protos.audio.v1 import audio_pb2
from protos.transcription.v1 import transcription_pb2 as pb
from tests.fakes.transcription import FakeStream, span

CLOCK = 48_000
Voice = NDArray[np.float64]


def voice(seconds: float, rate: int = 16_000, seed: int = 1) -> bytes:
    """Speech-like: a buzz whose pitch glides, formants that move, four syllables a second. PCM s16le mono."""
    random = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    pitch = 120 + 30 * np.sin(2 * np.pi * 0.7 * time + seed)
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    formant = 700 + 400 * np.sin(2 * np.pi * 1.3 * time + 2 * seed)
    wave = np.zeros_like(time)
    for harmonic in range(1, 28):
        loudness = np.exp(-(((harmonic * pitch - formant) / 400) ** 2)) + 0.3 / harmonic
        wave += loudness * np.sin(harmonic * phase)
    syllables = 0.25 + 0.75 * np.sin(np.pi * 4 * time) ** 2
    wave = (wave + 0.05 * random.standard_normal(len(time))) * syllables
    return (wave / max(1e-9, np.abs(wave).max()) * 12_000).astype("<i2").tobytes() if len(time) else b""


def samples(pcm: bytes, rate: int = 16_000) -> Voice:
    """PCM s16le mono as a decoder's ear hears it, at 48 kHz."""
    wave = np.frombuffer(pcm, "<i2").astype(np.float64)
    return wave if rate == CLOCK else np.asarray(soxr.resample(wave, rate, CLOCK), np.float64)


def likeness(heard: Voice, said: Voice) -> float:
    """Correlation, 1.0 for the same, of as much as both have. Decoders differ by a tenth of a millisecond in what delay
    they take out, which is searched for."""
    return max(_correlation(heard[max(0, late) :], said[max(0, -late) :]) for late in range(-8, 9))


def _correlation(heard: Voice, said: Voice) -> float:
    length = min(len(heard), len(said))
    heard, said = heard[:length], said[:length]
    power = np.sqrt((heard**2).sum() * (said**2).sum())
    return float((heard * said).sum() / power) if power else 0.0


class Ear:
    """Decodes Opus packets, one after the other, at 48 kHz. Never told where a cue begins."""

    def __init__(self) -> None:
        self._decoder = av.CodecContext.create("libopus", "r")
        self._decoder.layout = "mono"

    def hear(self, packet: bytes) -> Voice:
        frames = self._decoder.decode(av.Packet(packet))
        return np.concatenate([frame.to_ndarray()[0] for frame in frames]).astype(np.float64)


def decode(stream: bytes, format_name: str) -> Voice:
    """An Ogg or MP3 stream, from wherever it was joined, at 48 kHz."""
    heard: list[NDArray[np.int16]] = []
    resampler = av.AudioResampler(format="s16", layout="mono", rate=CLOCK)
    with av.open(BytesIO(stream), "r", format=format_name) as container:
        for frame in [*container.decode(audio=0), None]:
            heard += [block.to_ndarray()[0] for block in resampler.resample(frame)]
    return np.concatenate(heard).astype(np.float64)


def say_cue(
    stream: FakeStream, segment: int, language: str, pcm: bytes, *, rate: int = 16_000, chunk: int = 3_200
) -> None:
    """A whole cue at once, its audio in chunks of so many bytes."""
    begin_cue(stream, segment, language, rate)
    go_on(stream, segment, language, pcm, chunk)
    end_cue(stream, segment, language, len(pcm) / 2 / rate)


def begin_cue(stream: FakeStream, segment: int, language: str, rate: int = 16_000) -> None:
    form = audio_pb2.AudioFormat(encoding=audio_pb2.AUDIO_ENCODING_PCM_S16LE, sample_rate_hertz=rate)
    start = pb.CueStart(
        cue_id=f"{segment}-{language}",
        segment_id=segment,
        language=language,
        format=form,
        span=span(1, 2),
        tempo=1.0,
    )
    stream.say(cue_start=start)


def go_on(stream: FakeStream, segment: int, language: str, pcm: bytes, chunk: int = 3_200) -> None:
    for start in range(0, len(pcm), chunk):
        piece = pcm[start : start + chunk]
        stream.say(cue_audio=pb.CueAudio(cue_id=f"{segment}-{language}", language=language, audio=piece))


def end_cue(stream: FakeStream, segment: int, language: str, seconds: float) -> None:
    end = pb.CueEnd(cue_id=f"{segment}-{language}", language=language)
    end.audio_duration.FromMilliseconds(round(seconds * 1000))
    stream.say(cue_end=end)
