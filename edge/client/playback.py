"""What a listener hears, and when: cues played one after the other as they arrive, on one line of time. Pure."""

from dataclasses import dataclass

from edge.client.messages import CueAudio, CueEnd, CueStart, Event

BYTES_PER_SAMPLE = 2


@dataclass(frozen=True, slots=True)
class PlayedCue:
    """A cue as heard. Times in seconds of the caller's clock; offsets in ms from the session's first sample.

    `arrived_at`: its first audio; `plays_at`: when that was heard, which is later while an earlier cue still played.
    """

    cue_id: str
    segment_id: int
    start_ms: int
    end_ms: int
    tempo: float
    arrived_at: float
    plays_at: float
    seconds: float
    complete: bool


@dataclass(slots=True)
class _Playing:
    start: CueStart
    arrived_at: float
    plays_at: float
    seconds: float = 0.0


class Playback:
    """Plays each piece of audio when it has arrived and what came before is over: max(arrival, end of the last)."""

    def __init__(self) -> None:
        self.cues: list[PlayedCue] = []
        self.sample_rate = 16_000
        self._starting: CueStart | None = None
        self._playing: _Playing | None = None
        self._free_at = float("-inf")
        self._pieces: list[tuple[float, bytes]] = []

    def receive(self, event: Event, now: float) -> None:
        """Takes the events of one listener in order; others than a cue's are passed over."""
        match event:
            case CueStart():
                self._starting, self._playing = event, None
                self.sample_rate = event.sample_rate
            case CueAudio():
                self._play(event.pcm, now)
            case CueEnd():
                self._over(event.complete)

    def finish(self) -> None:
        """What was being played when the listening stopped counts as an incomplete cue."""
        self._over(False)

    def queued(self, now: float) -> float:
        """Seconds of audio that have arrived and are not yet played."""
        return max(self._free_at - now, 0.0)

    def render(self, began: float) -> bytes:
        """All that was heard from `began` on, as PCM s16le mono at `sample_rate`, with silence where there was none."""
        track = bytearray()
        for at, pcm in self._pieces:
            # Whole samples only, and never before the end of what is there: rounding must not cut audio.
            position = max(round((at - began) * self.sample_rate) * BYTES_PER_SAMPLE, len(track))
            track += bytes(position - len(track)) + pcm
        return bytes(track)

    def _play(self, pcm: bytes, now: float) -> None:
        at = max(now, self._free_at)
        if self._starting is not None:
            self._playing = _Playing(self._starting, now, at)
            self._starting = None
        if self._playing is None:
            return
        seconds = len(pcm) / (BYTES_PER_SAMPLE * self.sample_rate)
        self._free_at = at + seconds
        self._playing.seconds += seconds
        self._pieces.append((at, pcm))

    def _over(self, complete: bool) -> None:
        playing, self._playing, self._starting = self._playing, None, None
        if playing is None:
            return
        start = playing.start
        self.cues.append(
            PlayedCue(
                start.cue_id,
                start.segment_id,
                start.start_ms,
                start.end_ms,
                start.tempo,
                playing.arrived_at,
                playing.plays_at,
                playing.seconds,
                complete,
            )
        )
