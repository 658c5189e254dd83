"""The voice of a feed as Opus packets (RFC 6716): each cue is encoded once, for whoever asks and however often.

Hides the codec's library and its delay. A cue is a stream of its own, from a fresh encoder: it can be decoded without
what came before, and its packets depend on its samples alone, not on the chunks in which they came nor on when
somebody began to listen. So the replay of a cue and the rest of it that is still to come fit together.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Final

import av
import numpy as np
import soxr
from av.audio.codeccontext import AudioCodecContext
from numpy.typing import NDArray

from edge.domain.feed import BusEvent, CueAudio, CueEnded, CueStarted

BITS_A_SECOND: Final = 24_000
PACKET_MS: Final = 60
"""The longest that speech is coded in natively (RFC 6716, 2.1.4): fewest writes and bytes of headers. Voices are
released a second before they play, so nobody waits for a packet to fill."""

COMPLEXITY: Final = 5
"""0 to 10. Measured on a read talk at 16 kHz: a second of it takes 2.0, 5.4 and 7.7 ms of a core at 0, 5 and 10, and
what is decoded differs from it by 4.25, 4.16 and 4.05 dB (log-spectral distance): little is won, so the middle."""

CLOCK: Final = 48_000
"""Opus counts in samples of 48 kHz, whatever the audio's own rate is."""

PRE_SKIP: Final = 312
"""Samples at 48 kHz by which decoded audio comes late, to be left out at a cue's beginning: libopus looks 2.5 ms ahead
and filters for 4 ms. Checked against the encoder's own word where one is opened."""

RATES: Final = (8_000, 12_000, 16_000, 24_000, 48_000)
_KEPT_SECONDS: Final = 10.0
"""Of cues that are over: what a feed's tail can ask for again."""

_BYTES: Final = 2
"""Of a sample."""


@dataclass(frozen=True, slots=True)
class Packet:
    """`number`: counts from 0 in its cue. `skip`, `padding`: samples at 48 kHz, at its beginning and its end, that are
    none of the cue's. `seconds`: of the cue's own audio; over a cue they add up to what was encoded."""

    data: bytes
    number: int
    skip: int
    padding: int
    seconds: float


@cache
def offered() -> bool:
    """The installed PyAV can encode Opus, with the delay that we tell."""
    try:
        head = open_encoder("libopus", RATES[0]).extradata
    except (av.FFmpegError, ValueError):
        return False
    return head is not None and int.from_bytes(head[10:12], "little") == PRE_SKIP  # RFC 7845, 5.1.


def open_encoder(codec: str, rate: int, packet_ms: int = PACKET_MS) -> AudioCodecContext:
    """An encoder of s16 mono speech at `rate`. Raises av.FFmpegError, or ValueError where there is no such codec."""
    encoder = av.CodecContext.create(codec, "w")
    assert isinstance(encoder, AudioCodecContext)
    encoder.sample_rate, encoder.format, encoder.layout = rate, "s16", "mono"
    encoder.bit_rate, encoder.time_base = BITS_A_SECOND, Fraction(1, rate)
    encoder.options = encoding_options(packet_ms)
    encoder.open()
    return encoder


def encoding_options(packet_ms: int) -> dict[str, str]:
    """As libopus knows them through FFmpeg."""
    return {"application": "voip", "frame_duration": str(packet_ms), "compression_level": str(COMPLEXITY)}


def frame_of(samples: NDArray[np.int16], rate: int, at: int) -> av.AudioFrame:
    """Mono samples as PyAV takes them. `at`: of the first one, counted from the stream's first."""
    frame = av.AudioFrame.from_ndarray(samples[np.newaxis], format="s16", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = rate, at, Fraction(1, rate)
    return frame


class _Cue:
    """One cue. What has come of it waits, shared with the feed's tail, until somebody wants it encoded.

    Who listens gets a cue from its first piece on, or nothing of it; so does whoever replays it. While nobody has asked
    for the first, nobody can use the others.
    """

    def __init__(self, sample_rate: int) -> None:
        self.came = 0  # Bytes.
        self._byte_rate = _BYTES * sample_rate
        rate = sample_rate if sample_rate in RATES else RATES[-1]
        self._resampler = None if rate == sample_rate else soxr.ResampleStream(sample_rate, rate, 1, dtype="int16")
        self._rate = rate
        self._packet = rate * PACKET_MS // 1000
        self._waiting: list[bytes] = []
        self._samples = np.empty(0, np.int16)  # Less than a packet.
        self._encoder: AudioCodecContext | None = None
        self._data: list[bytes] = []
        self._ready: list[int] = []  # How many packets there were when so many pieces were encoded.
        self._pieces: dict[int, int] = {}  # Their numbers, by their offsets in bytes.
        self._whole = False

    @property
    def seconds(self) -> float:
        return self.came / self._byte_rate

    def add(self, audio: bytes, at: int) -> None:
        """A piece at an offset in bytes. Whoever replays the cue brings what is known."""
        if at == self.came and not self._whole:
            self._pieces[at] = len(self._pieces)
            self._waiting.append(audio)
            self.came += len(audio)

    def packets(self, at: int) -> Sequence[Packet]:
        """Those that the piece at this offset completes."""
        piece = self._pieces.get(at)
        if piece is None or (piece and not self._ready):
            return ()
        self._encode()
        return self._cut(self._ready[piece - 1] if piece else 0, self._ready[piece])

    def last_packets(self) -> Sequence[Packet]:
        """The rest, filled up with silence; the delay of the codec has its place in them."""
        if not self._ready:
            return ()
        self._encode()
        if not self._whole:
            self._whole = True
            self._samples = np.concatenate([self._samples, self._resampled(b"", last=True)])
            short = -(len(self._samples) + PRE_SKIP * self._rate // CLOCK) % self._packet
            silence = np.zeros(PRE_SKIP * self._rate // CLOCK + short, np.int16)
            self._samples = np.concatenate([self._samples, silence])
            self._encode_samples()
            self._encoder = None
        return self._cut(self._ready[-1], len(self._data))

    def _cut(self, first: int, end: int) -> list[Packet]:
        length = PACKET_MS * CLOCK // 1000
        true_end = PRE_SKIP + round(self.seconds * CLOCK) if self._whole else end * length
        cut = []
        for number in range(first, end):
            skip = max(0, PRE_SKIP - number * length)
            padding = min(length - skip, max(0, (number + 1) * length - true_end))
            cut.append(Packet(self._data[number], number, skip, padding, (length - skip - padding) / CLOCK))
        return cut

    def _encode(self) -> None:
        waiting, self._waiting = self._waiting, []
        for audio in waiting:
            self._samples = np.concatenate([self._samples, self._resampled(audio)])
            self._encode_samples()
            self._ready.append(len(self._data))

    def _resampled(self, audio: bytes, *, last: bool = False) -> NDArray[np.int16]:
        samples = np.frombuffer(audio, "<i2", count=len(audio) // _BYTES)
        if self._resampler is None:
            return samples
        made: NDArray[np.int16] = self._resampler.resample_chunk(samples, last=last)
        return made

    def _encode_samples(self) -> None:
        if self._encoder is None:
            self._encoder = open_encoder("libopus", self._rate)
        while len(self._samples) >= self._packet:
            block, self._samples = self._samples[: self._packet], self._samples[self._packet :]
            frame = frame_of(np.ascontiguousarray(block), self._rate, len(self._data) * self._packet)
            self._data += [bytes(packet) for packet in self._encoder.encode(frame)]


class OpusCues:
    """The last cues of one feed on this edge: the one under way, and those over of the last 10 s. Full: the oldest
    goes. Where nobody asks for packets they cost nothing but references."""

    def __init__(self) -> None:
        self._cues: OrderedDict[CueStarted, _Cue] = OrderedDict()

    def cue(self, start: CueStarted) -> _Cue:
        known = self._cues.get(start)
        if known is None:
            while sum(cue.seconds for cue in self._cues.values()) > _KEPT_SECONDS:
                self._cues.popitem(last=False)
            known = self._cues[start] = _Cue(start.sample_rate)
        return known


class OpusVoice:
    """One passage through a feed, live or a replay of its tail."""

    def __init__(self, cues: OpusCues) -> None:
        self._cues = cues
        self._id = ""
        self._cue: _Cue | None = None
        self._at = 0
        self._next = 0

    def open(self, event: BusEvent) -> None:
        """To be told of every event, once, before `packets` is asked for it."""
        match event:
            case CueStarted():
                self._id, self._cue, self._at, self._next = event.cue_id, self._cues.cue(event), 0, 0
            case CueAudio() if self._cue is not None and event.cue_id == self._id and event.audio:
                self._at, self._next = self._next, self._next + len(event.audio)
                self._cue.add(event.audio, self._at)

    def packets(self, event: CueAudio | CueEnded) -> Sequence[Packet]:
        """What this event completes; the same each time it is asked."""
        if self._cue is None or event.cue_id != self._id:
            return ()
        if isinstance(event, CueEnded):
            return self._cue.last_packets()
        return self._cue.packets(self._at) if event.audio else ()
