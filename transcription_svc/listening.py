"""From a speaker's audio to the tape that recognition hears, with silence where audio is missing.

Engines need silence to end an utterance, and some of them to stay at all; what they hear of it is decided in
domain/pauses.py. Here are the waiting and the clock, and the back-pressure: while an engine keeps up, hardly anything
waits for it; while it hears again what another had left, as much as may be kept.
"""

import asyncio
from typing import Final

from chassis import pcm
from chassis.drive import Inbox
from chassis.telemetry import wall_clock
from transcription_svc.domain.events import AudioIn, PausedChanged
from transcription_svc.domain.pauses import Idle, Pauses, Silence
from transcription_svc.domain.tape import Tape
from transcription_svc.domain.timeline import Anchor, Timeline

# Audio waiting for an engine that keeps up, beside what the inbox holds. Full: the inbox waits.
AHEAD_SECONDS: Final = 0.5
# Quieter is nothing that anybody said.
AUDIBLE_DBFS: Final = -55.0

Heard = AudioIn | PausedChanged


class Listening:
    """One speaker's tape being written; read it with `take` and `more`."""

    def __init__(self, timeline: Timeline, keep_alive_seconds: float) -> None:
        self.tape = Tape()
        self.catches_up = False  # See `start_over`.
        self._timeline = timeline
        self._pauses = Pauses(keep_alive_seconds)
        self._session_end = 0.0  # Offset of the end of the last audio.
        self._rests = True
        self._ended = False
        self._put = asyncio.Event()  # Something was put on the tape, or it rests, or ended.
        self._taken = asyncio.Event()  # There may be room.

    async def run(self, inbox: Inbox[Heard]) -> None:
        """Until `inbox` ends."""
        clock = asyncio.get_running_loop().time
        while True:
            await self._room()
            try:
                async with asyncio.timeout_at(self._pauses.deadline()):
                    heard = await inbox.get()
            except StopAsyncIteration:
                self._ended = True
                self._put.set()
                return
            except TimeoutError:
                self._do(self._pauses.tick(clock()))
                continue
            match heard:
                case AudioIn():
                    self._pauses.heard(clock())
                    self._hear(heard)
                case PausedChanged(paused=True):
                    self._do(self._pauses.paused(clock()))

    @property
    def rests(self) -> bool:
        """Whether nothing is to be expected, for a while or for ever: a stream may end."""
        return self._rests or self._ended

    def take(self) -> bytes | None:
        """What is to be heard next; None when all was."""
        audio = self.tape.take()
        if audio is None:
            self.catches_up = False
        self._taken.set()
        return audio

    def start_over(self) -> None:
        """What was left without a final is to be heard again; until that is done, new audio may wait on the tape."""
        self.catches_up = True
        self._taken.set()

    async def more(self) -> None:
        """Waits until there is something to take, or nothing to be expected."""
        self._put.clear()
        if self.tape.waiting_seconds == 0 and not self.rests:
            await self._put.wait()

    async def wanted(self, *, owed: bool) -> bool:
        """Waits until somebody has to listen; False when nobody will ever have to again.

        `owed`: words were believed that are not final.
        """
        while not (self.tape.is_unheard or owed):
            if self._ended:
                return False
            self._put.clear()
            await self._put.wait()
        return True

    async def _room(self) -> None:
        while self.tape.is_full or (self.tape.waiting_seconds > AHEAD_SECONDS and not self.catches_up):
            self._taken.clear()
            await self._taken.wait()

    def _hear(self, chunk: AudioIn) -> None:
        seconds = pcm.seconds(chunk.audio)
        now = asyncio.get_running_loop().time()
        self._timeline.add(Anchor(self.tape.end_seconds, chunk.offset, seconds, now, chunk.received_at))
        self._session_end = chunk.offset + seconds
        self._rests = False
        self.tape.put(chunk.audio, audible=pcm.dbfs(pcm.samples(chunk.audio)) > AUDIBLE_DBFS)
        self._put.set()

    def _do(self, due: Silence | Idle | None) -> None:
        match due:
            case Silence(seconds):
                now = asyncio.get_running_loop().time()
                self._timeline.add(Anchor(self.tape.end_seconds, self._session_end, 0.0, now, wall_clock(now)))
                self.tape.put(bytes(pcm.byte_count(seconds)), audible=False)
            case Idle():
                self._rests = True
            case None:
                return
        self._put.set()
