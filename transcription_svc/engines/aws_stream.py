"""One speaker at Amazon Transcribe, whatever carries it: pieces, pace, turns, deadlines.

A `Wire` carries audio there and results back; there are two, over WebSocket and over HTTP/2. Nothing runs on its own:
whoever sends sends, and whoever reads `hypotheses` drives the reading, so that errors and cancellation go where they
belong. Audio goes in pieces of 100 ms. At most 2 s of it are ahead of Amazon (`domain.sending`); then `send` waits.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final, Protocol

from chassis import pcm
from chassis.errors import Invalid, LingocastError, Unavailable
from transcription_svc.domain.hypothesis import Hypothesis
from transcription_svc.domain.sending import OPEN_SECONDS, SOUND_SECONDS, Sending
from transcription_svc.domain.transcript import Result, Transcript
from transcription_svc.engines.aws_failures import Refusal, error_of, interrupted

FRAME_SECONDS: Final = 0.1
# Amazon takes pieces of 50 to 200 ms gladly: a rest that long does not wait for more.
REST_SECONDS: Final = 0.05
# Quieter is not speech, and silence is no sign of a stall.
AUDIBLE_DBFS: Final = -45.0
# To part from Amazon.
CLOSE_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds."""

    open: float = 10.0
    """To connect, until Amazon agrees."""
    send: float = 10.0
    """For 100 ms of audio to leave."""
    finish: float = 10.0
    """From the end of the audio until Amazon has ended too."""
    final: float = OPEN_SECONDS
    """Of audio, for news of what was told in part."""
    sound: float = SOUND_SECONDS
    """Of sound, for any news."""


DEADLINES: Final = Deadlines()


class Wire(Protocol):
    """A connection that Amazon has agreed to. Raises Unavailable when it is lost, and Refusal."""

    async def send(self, audio: bytes) -> None:
        """Sends one piece; waits while more than 2 s have not left this machine."""
        ...

    async def end(self) -> None:
        """No more audio."""
        ...

    def results(self) -> AsyncGenerator[Sequence[Result], None]:
        """Each event's results, until Amazon ends the stream in good order or `close` is called."""
        ...

    async def close(self) -> None:
        """Ends both ways at once, within 1 s. May be called again."""
        ...


class AwsStream:
    """One speaker. Audio that is less than a piece waits for more; hypotheses wait at Amazon until they are read."""

    def __init__(self, wire: Wire, deadlines: Deadlines, *, final_only: bool) -> None:
        self._wire = wire
        self._deadlines = deadlines
        self._final_only = final_only
        self._transcript = Transcript()
        self._clock = asyncio.get_running_loop().time
        self._sending = Sending(self._clock(), deadlines.final, deadlines.sound)
        self._rest = b""
        self._room = asyncio.Event()  # Whether audio may go has to be asked again.
        self._until: float | None = None
        self._patience: asyncio.Timeout | None = None
        self._heard = False
        self._finished = False
        self._closed = False
        self._over = asyncio.Event()
        self._failure: LingocastError | None = None

    async def send(self, audio: bytes) -> None:
        """As the port says. After `finish`, or outside the context, audio is dropped."""
        if len(audio) % pcm.BYTES_PER_SAMPLE:
            raise Invalid("TRANSCRIPTION_FAILED", "audio must be whole samples of two bytes")
        self._raise_failure()
        if self._finished:
            return
        self._rest += audio
        step, least = pcm.byte_count(FRAME_SECONDS), pcm.byte_count(REST_SECONDS)
        while len(self._rest) >= least and not self._closed:
            piece, self._rest = self._rest[:step], self._rest[step:]
            await self._send(piece)

    async def _send(self, piece: bytes) -> None:
        seconds = pcm.seconds(piece)
        while not self._closed and (wait := self._sending.wait(seconds, self._clock())) != 0.0:
            self._room.clear()
            try:
                async with asyncio.timeout(wait):
                    await self._room.wait()
            except TimeoutError:
                pass
        if self._closed:
            self._raise_failure()
            return
        await self._put(self._wire.send(piece))
        audible = pcm.dbfs(pcm.samples(piece)) > AUDIBLE_DBFS
        self._sending.sent(seconds, self._clock(), audible=audible)
        if self._sending.is_stalled(self._clock(), has_open=self._transcript.has_open):
            await self._fail(interrupted("has stopped answering"))
        self._raise_failure()

    async def finish(self) -> None:
        """As the port says."""
        if self._finished or self._closed:
            return
        self._finished = True
        rest, self._rest = self._rest, b""
        if rest:
            await self._put(self._wire.send(rest))
        await self._put(self._wire.end())
        self._raise_failure()
        self._until = self._clock() + self._deadlines.finish
        if self._patience is not None:
            self._patience.reschedule(self._until)

    async def hypotheses(self) -> AsyncIterator[Hypothesis]:
        """As the port says."""
        async with aclosing(self._results()) as results:
            async for each in results:
                for hypothesis in self._transcript.receive(each):
                    if hypothesis.is_final or not self._final_only:
                        yield hypothesis
        if not self._closed:
            for hypothesis in self._transcript.finish():
                yield hypothesis

    async def _results(self) -> AsyncGenerator[Sequence[Result], None]:
        """Until Amazon ended what we ended, or `close`. Raises as the port says."""
        async with aclosing(self._wire.results()) as events:
            while (results := await self._next(events)) is not None:
                self._heard = self._heard or bool(results)
                self._sending.answered(max((each.end for each in results), default=0.0), self._clock())
                self._room.set()
                yield results
        self._raise_failure()
        if not self._finished and not self._closed:
            await self._fail(interrupted("ended the stream before its time"))
            self._raise_failure()

    async def _next(self, events: AsyncIterator[Sequence[Result]]) -> Sequence[Result] | None:
        """The next event's results; None when there are no more, whyever."""
        self._sending.reads(self._clock(), waiting=True)
        self._room.set()
        try:
            async with asyncio.timeout_at(self._until) as self._patience:
                return await anext(events, None)
        except TimeoutError:
            await self._fail(interrupted("did not end the stream"))
        except Refusal as refusal:
            await self._fail(error_of(refusal, under_way=self._heard))
        except Unavailable as error:
            await self._fail(error)
        finally:
            self._patience = None
            self._sending.reads(self._clock(), waiting=False)
        return None

    async def close(self) -> None:
        """Ends the hypotheses at once, and lets a waiting sender go."""
        self._closed = True
        self._over.set()
        self._room.set()
        await self._wire.close()

    async def _put(self, sending: Awaitable[None]) -> None:
        """Awaits something that goes out. Raises as the port says."""
        try:
            async with asyncio.timeout(self._deadlines.send):
                await sending
        except TimeoutError:
            await self._fail(interrupted("takes no audio"))
        except Refusal as refusal:
            await self._fail(error_of(refusal, under_way=self._heard))
        except Unavailable as error:
            # Where the connection is lost, whoever reads may be about to hear why, which says more.
            try:
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._over.wait()
            except TimeoutError:
                await self._fail(error)

    async def _fail(self, error: LingocastError) -> None:
        """The stream is over; the first reason is told to both who send and who read."""
        if self._failure is None and not self._closed:
            self._failure = error
        await self.close()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure
