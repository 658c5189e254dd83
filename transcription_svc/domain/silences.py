"""Shortens the pauses inside a voice, whichever engine made it: before anybody has to speak faster. Pure."""

import numpy as np

from chassis import pcm

FRAME_SECONDS = 0.01
_FRAME_BYTES = pcm.byte_count(FRAME_SECONDS)
# Silent is what lies so far below the loudest frame so far, and in any case nothing that is louder than this: the soft
# ends of words stay.
_BELOW_DB = 38.0
_MOST_DBFS = -45.0
# Before anything was loud, digital silence and little else is silent.
_FIRST_POWER = 1e-3
# Of a pause, this much before the next sound is always kept.
_ONSET_FRAMES = 3


class Silences:
    """One cue's audio, chunk by chunk; of each pause at most `keep_seconds` remain, at least 30 ms of it at its end.

    Audio is PCM s16le 16 kHz. Held back are at most 40 ms, until the next chunk or `rest`.
    """

    def __init__(self, keep_seconds: float) -> None:
        self._keep = max(keep_seconds / FRAME_SECONDS - _ONSET_FRAMES, 0.0)
        self._run = 0
        self._loudest = _FIRST_POWER
        self._held: list[bytes] = []
        self._half = b""

    def shorten(self, audio: bytes) -> bytes:
        """What is to be played of a chunk and of what was held back."""
        audio = self._half + audio
        whole = len(audio) - len(audio) % _FRAME_BYTES
        self._half = audio[whole:]
        out: list[bytes] = []
        for at, silent in zip(range(0, whole, _FRAME_BYTES), self._silent(audio[:whole]), strict=True):
            frame = audio[at : at + _FRAME_BYTES]
            if not silent:
                self._run = 0
                out += [*self._held, frame]
                self._held = []
                continue
            self._run += 1
            if self._run <= self._keep:
                out.append(frame)
            else:
                self._held = [*self._held[1 - _ONSET_FRAMES :], frame]
        return b"".join(out)

    def rest(self) -> bytes:
        """What is to be played at the end."""
        out = b"".join(self._held) + self._half
        self._held, self._half = [], b""
        return out

    def _silent(self, audio: bytes) -> list[bool]:
        frames = pcm.samples(audio).reshape(-1, _FRAME_BYTES // pcm.BYTES_PER_SAMPLE)
        power = np.square(frames).mean(axis=1)
        loudest = np.maximum.accumulate(np.maximum(power, self._loudest))
        self._loudest = float(loudest[-1]) if loudest.size else self._loudest
        most = np.minimum(loudest * 10 ** (-_BELOW_DB / 10), 10 ** (_MOST_DBFS / 10))
        return [bool(silent) for silent in power <= most]
