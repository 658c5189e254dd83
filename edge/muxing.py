"""Sound as an endless stream in a container that players know. Hides the containers, their codecs and the library.

What comes out at one go is whole pages (Ogg) or frames (MP3), so that somebody may begin to listen with any of them.
"""

from enum import StrEnum
from fractions import Fraction
from functools import cache
from typing import Final

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer

from edge.opus import BITS_A_SECOND, encoding_options

RATE: Final = 16_000
"""Hz, of all that is muxed: what our voices have. Others are brought to it."""

_OPUS_MS: Final = 40
_PAGE_MS: Final = 200
_MP3_BITS_A_SECOND: Final = 32_000
_MP3_FRAME: Final = 576
"""Samples: MPEG-2 layer III, which all rates below 32 kHz are."""

_LEAD_BYTES: Final = 24 * 1024
"""Of an empty tag before MP3. Chromium reads blocks of 32 KB, of which it must find some 8 KB to be sound before it
plays: 9 s of the stream without the tag, 2.8 s with it (and 9 s again with a larger one)."""


class Form(StrEnum):
    """A kind of stream."""

    OGG = "ogg"
    MP3 = "mp3"

    @property
    def media_type(self) -> str:
        return "audio/ogg; codecs=opus" if self is Form.OGG else "audio/mpeg"


@cache
def offered(form: Form) -> bool:
    """The installed PyAV can make it."""
    try:
        Muxer(form).finish()
    except (av.FFmpegError, ValueError):
        return False
    return True


class _Written:
    """A file to the library, a queue to us."""

    def __init__(self) -> None:
        self._data: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._data.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        data, self._data = b"".join(self._data), []
        return data


class Muxer:
    """One stream. `head`: what a player needs before anything else. `block`: samples that `encode` takes."""

    def __init__(self, form: Form) -> None:
        ogg = form is Form.OGG
        self.block: Final = RATE * _PAGE_MS // 1000 if ogg else 6 * _MP3_FRAME
        self._sample_format = "s16" if ogg else "s16p"
        self._frame = RATE * _OPUS_MS // 1000 if ogg else _MP3_FRAME
        self._samples = 0
        self._written = _Written()
        # Each page or frame is written out as it is complete; MP3 without tags, and each frame by itself.
        options = {"flush_packets": "1"}
        options |= {"page_duration": str(_PAGE_MS * 1000)} if ogg else {"write_xing": "0", "id3v2_version": "0"}
        coding = encoding_options(_OPUS_MS) if ogg else {"reservoir": "0"}
        self._container: OutputContainer = av.open(self._written, "w", format=form.value, options=options)
        self._stream: AudioStream = self._container.add_stream(
            "libopus" if ogg else "libmp3lame", rate=RATE, options=coding
        )
        self._stream.bit_rate = BITS_A_SECOND if ogg else _MP3_BITS_A_SECOND
        self._stream.codec_context.layout, self._stream.codec_context.format = "mono", self._sample_format
        self._container.start_encoding()
        self.head: Final = self._written.take() if ogg else _empty_tag(_LEAD_BYTES)

    def encode(self, audio: bytes) -> bytes:
        """`block` samples of s16le. Returns what is complete by now, perhaps nothing."""
        samples = np.frombuffer(audio, "<i2")
        for start in range(0, len(samples), self._frame):
            block = samples[np.newaxis, start : start + self._frame]
            frame = av.AudioFrame.from_ndarray(block, format=self._sample_format, layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = RATE, self._samples, Fraction(1, RATE)
            self._samples += block.shape[1]
            self._container.mux(self._stream.encode(frame))
        return self._written.take()

    def finish(self) -> bytes:
        """The last of it. Nothing may follow."""
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._written.take()


def _empty_tag(size: int) -> bytes:
    """An ID3v2.3 tag of that many bytes, all padding; its length is written in sevens of bits."""
    rest = size - 10
    return b"ID3\x03\x00\x00" + bytes(rest >> shift & 0x7F for shift in (21, 14, 7, 0)) + bytes(rest)
