"""Feeds recorded audio as a microphone would: decoded to PCM, at real-time speed, in chunks that the server accepts."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final

SAMPLE_RATE: Final = 16_000
BYTES_PER_SAMPLE: Final = 2
MIN_CHUNK_SECONDS: Final = 0.04
MAX_CHUNK_BYTES: Final = 32_000
"""A little under the protocol's 32 KB: one second at 16 kHz."""
CHUNKS_PER_SECOND: Final = 40.0
BURST: Final = 10
"""With 40 a second at most 50 in any second, which is the protocol's limit."""


class Chunker:
    """Cuts audio of any lengths into chunks between 40 ms and 32,000 bytes. Pure.

    Joins what is shorter, so that a source of 10 ms blocks stays under the limit of chunks per second.
    """

    def __init__(self, sample_rate: int) -> None:
        self._least = round(MIN_CHUNK_SECONDS * sample_rate) * BYTES_PER_SAMPLE
        self._rest = b""

    def cut(self, pcm: bytes) -> list[bytes]:
        """The chunks that are ready; a remainder under 40 ms waits for the next call.

        Raises ValueError for half a sample.
        """
        if len(pcm) % BYTES_PER_SAMPLE:
            raise ValueError("PCM s16le has an even number of bytes")
        audio = self._rest + pcm
        # Equal parts, so that no chunk is a short remainder.
        parts = -(-len(audio) // MAX_CHUNK_BYTES)
        if len(audio) < self._least:
            self._rest = audio
            return []
        self._rest = b""
        size = -(-len(audio) // parts // BYTES_PER_SAMPLE) * BYTES_PER_SAMPLE
        return [audio[start : start + size] for start in range(0, len(audio), size)]


class Throttle:
    """Keeps chunks under the protocol's rate when much audio is sent at once, as after a reconnect. Pure."""

    def __init__(self) -> None:
        self._tokens = float(BURST)
        self._at: float | None = None

    def take(self, now: float) -> float:
        """Takes the right to send one chunk; returns the seconds to wait before sending it."""
        elapsed = 0.0 if self._at is None else now - self._at
        self._at = now
        self._tokens = min(self._tokens + elapsed * CHUNKS_PER_SECOND, BURST) - 1
        return max(-self._tokens / CHUNKS_PER_SECOND, 0.0)


async def pace(
    pcm: bytes,
    chunk_ms: int = 100,
    *,
    sample_rate: int = SAMPLE_RATE,
    clock: Callable[[], float] | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncIterator[bytes]:
    """Chunks of `pcm`, each when a microphone would have it complete.

    Each waits for its own point in time, counted from the start: being late once delays nothing after it. `clock` gives
    monotonic seconds, `sleep` is awaited.
    """
    now = clock or asyncio.get_running_loop().time
    size = sample_rate * chunk_ms // 1000 * BYTES_PER_SAMPLE
    began = now()
    for start in range(0, len(pcm), size):
        chunk = pcm[start : start + size]
        due = began + (start + len(chunk)) / (BYTES_PER_SAMPLE * sample_rate)
        if (wait := due - now()) > 0:
            await sleep(wait)
        yield chunk


def decode(path: Path | str, sample_rate: int = SAMPLE_RATE) -> bytes:
    """Any WAV, FLAC, MP3, Ogg … as PCM s16le mono. Blocks. Raises ValueError for a file without audio, OSError."""
    import av  # Only here: whoever sends a microphone's audio needs no PyAV.

    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise ValueError(f"{path} holds no audio")
            resampler = av.AudioResampler(format="s16", layout="mono", rate=sample_rate)
            audio = bytearray()
            for frame in [*container.decode(audio=0), None]:
                for block in resampler.resample(frame):
                    audio += bytes(block.planes[0])[: block.samples * BYTES_PER_SAMPLE]
    except av.FFmpegError as error:
        if isinstance(error, OSError):
            raise
        raise ValueError(f"{path} is not an audio file") from error
    return bytes(audio)
