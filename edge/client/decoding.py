"""Opus packets to PCM, as they come: the delay of the codec is left out, and so is the silence that fills the last one.

Nothing where PCM is listened to. Needs PyAV, which is looked for when Opus is asked for, not before.
"""

from collections.abc import Sequence
from typing import Any

from edge.client.messages import ClientError, CueEnd, CueStart, Event

CLOCK = 48_000
"""Opus decodes to this rate."""

BYTES_PER_SAMPLE = 2


def require_opus() -> None:
    """Raises ClientError (`UNSUPPORTED`) where Opus cannot be decoded."""
    try:
        _decoder()
    except (ImportError, ValueError) as error:
        raise ClientError("UNSUPPORTED", 400, "to listen in Opus, PyAV must be installed (pip install av)") from error


class Decoding:
    """One connection's voice. What comes of a cue depends on its packets alone, so that a repeated cue is the same."""

    def __init__(self) -> None:
        self._cue: _OpusCue | None = None

    def audio(self, frame: bytes) -> bytes:
        """PCM of a binary frame; perhaps none yet."""
        return frame if self._cue is None else self._cue.decode(frame)

    def rest(self, event: Event) -> bytes:
        """Takes note of a message. Returns PCM that comes before it."""
        match event:
            case CueStart():
                self._cue = _OpusCue(event) if event.audio_format == "opus" else None
            case CueEnd() if self._cue is not None:
                cue, self._cue = self._cue, None
                return cue.end(event.duration_ms)
        return b""


class _OpusCue:
    """The last packet is held back until more comes: only the cue's end tells how much of it is the cue's."""

    def __init__(self, start: CueStart) -> None:
        import av

        self._decoder = _decoder()
        self._resampler = av.AudioResampler(format="s16", layout="mono", rate=start.sample_rate)
        self._skip = start.pre_skip
        self._held: Any = None
        self._passed = 0  # Samples at 48 kHz.

    def decode(self, packet: bytes) -> bytes:
        import av

        pcm = b""
        for frame in self._decoder.decode(av.Packet(packet)):
            samples = frame.to_ndarray()[0][self._skip :]
            self._skip -= frame.samples - len(samples)
            before, self._held = self._held, samples
            pcm += b"" if before is None else self._resampled(before)
        return pcm

    def end(self, duration_ms: int) -> bytes:
        held, self._held = self._held, None
        if held is None:
            return b""
        last = held[: max(0, duration_ms * CLOCK // 1000 - self._passed)]
        return self._resampled(last) + self._pcm(self._resampler.resample(None))

    def _resampled(self, samples: Any) -> bytes:
        import av

        if not len(samples):
            return b""
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate = CLOCK
        self._passed += len(samples)
        return self._pcm(self._resampler.resample(frame))

    @staticmethod
    def _pcm(blocks: Sequence[Any]) -> bytes:
        return b"".join(bytes(block.planes[0])[: block.samples * BYTES_PER_SAMPLE] for block in blocks)


def _decoder() -> Any:
    import av

    decoder = av.CodecContext.create("libopus", "r")
    decoder.layout = "mono"
    return decoder
