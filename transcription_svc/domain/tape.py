"""The speaker's audio on its way to an engine, kept until the engine has finished with it.

What no final has covered is kept, so that another stream can hear it again. The tape's own time counts every sample
that was put on it, added silence included; it never goes back, however often a stretch is heard. Whole samples: seconds
would drift in an hour.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

from chassis import pcm

# Longer than any utterance that an engine leaves open.
KEEP_SECONDS: Final = 30.0
# Heard again before what is not final: a word must not begin in its middle, and its end may be placed too early.
LEAD_IN_SECONDS: Final = 0.4
# Silence is kept for so long: longer than an engine thinks about what went before.
SILENCE_KEPT_SECONDS: Final = 8.0
# A word rings on after what an engine calls its end; no word is that short.
_RINGING_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True)
class Rewound:
    """Where another stream begins, in seconds of the tape; how much of what it hears was heard before; and how much
    that is not final nobody will hear again, because it is not kept any more."""

    at_seconds: float
    again_seconds: float
    missing_seconds: float


class Tape:
    """One speaker's. Full: the oldest of what was heard goes; what nobody has heard yet never goes, it has to wait."""

    def __init__(self, keep_seconds: float = KEEP_SECONDS) -> None:
        self._keep = _samples(keep_seconds)
        self._kept: deque[bytes] = deque()
        self._begin = 0  # Of what is kept. All positions are samples.
        self._next = 0  # Of what is to be heard next.
        self._end = 0
        self._heard_until = 0  # By any stream so far.
        self._final_until = 0
        self._sound_until = 0
        self._next_index = 0  # Of `_next` in `_kept`.

    @property
    def end_seconds(self) -> float:
        """How much was put on it."""
        return self._end / pcm.SAMPLE_RATE

    @property
    def waiting_seconds(self) -> float:
        """How much nobody has heard yet, or is to hear again."""
        return (self._end - self._next) / pcm.SAMPLE_RATE

    @property
    def is_full(self) -> bool:
        """Whether more would push out what nobody has heard yet."""
        return self._end - self._next >= self._keep

    @property
    def is_unheard(self) -> bool:
        """Whether there is something that nobody has heard, or sound that nobody has heard to its end."""
        return self._heard_until < self._end or self._has_sound

    def put(self, audio: bytes, *, audible: bool = True) -> None:
        """Adds whole samples. What is not audible is final after a while, unless sound before it is not."""
        if not audio:
            return
        self._kept.append(audio)
        self._end += len(audio) // pcm.BYTES_PER_SAMPLE
        if audible:
            self._sound_until = self._end
        elif not self._has_sound:
            self.finished(self.end_seconds - SILENCE_KEPT_SECONDS)
        self._trim(max(self._final_until - _samples(LEAD_IN_SECONDS), self._end - self._keep))

    def take(self) -> bytes | None:
        """What is to be heard next; None when all was."""
        if self._next_index == len(self._kept):
            return None
        audio = self._kept[self._next_index]
        self._next_index += 1
        self._next += len(audio) // pcm.BYTES_PER_SAMPLE
        self._heard_until = max(self._heard_until, self._next)
        return audio

    def finished(self, until_seconds: float) -> None:
        """What lies before a moment of the tape is final, and need not be heard again."""
        self._final_until = max(self._final_until, min(_samples(until_seconds), self._next))
        self._trim(self._final_until - _samples(LEAD_IN_SECONDS))

    def settled(self) -> None:
        """Whoever heard it owes nothing: what is not kept any more, such as music, had no words that are missed."""
        self._final_until = max(self._final_until, self._begin)

    def rewind(self) -> Rewound:
        """From here on another stream hears all that is not final."""
        missing = max(self._begin - self._final_until, 0)
        again = max(self._heard_until - self._begin, 0)
        # Told once.
        self._final_until = max(self._final_until, self._begin)
        self._next, self._next_index = self._begin, 0
        rate = pcm.SAMPLE_RATE
        return Rewound(self._begin / rate, again / rate, missing / rate)

    @property
    def _has_sound(self) -> bool:
        """Whether any sound is not final."""
        ringing = _samples(_RINGING_SECONDS) if self._final_until else 0
        return self._sound_until > self._final_until + ringing

    def _trim(self, until: int) -> None:
        """Forgets whole pieces that end at or before `until` and were heard."""
        while self._next_index > 0:
            end = self._begin + len(self._kept[0]) // pcm.BYTES_PER_SAMPLE
            if end > until:
                return
            self._kept.popleft()
            self._begin = end
            self._next_index -= 1


def _samples(seconds: float) -> int:
    return round(seconds * pcm.SAMPLE_RATE)
