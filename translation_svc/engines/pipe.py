"""A child program (or several, piped) kept alive, which answers each text with one text: null characters end both.

What it hides: starting on first use, order, restarting after a crash or a hang, stopping when idle, and that nothing is
left behind. The programs form a process group of their own, so one signal ends all of them and a terminal's Ctrl-C
none; if the service is killed, their standard input ends and they end with it.
"""

import asyncio
import os
import shlex
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog

from chassis.errors import Exhausted, Unavailable

log = structlog.get_logger()

# The first answer includes loading dictionaries or a model: 0.2 to 1 s on a free machine.
START_SECONDS = 15.0
# Later ones take 1 to 50 ms; beyond this the program hangs, and those that wait behind it shall still be in time.
ANSWER_SECONDS = 1.5
# How long programs told to end may take until they are made to.
STOP_SECONDS = 1.0
_LONGEST_ANSWER = 1 << 20
_NULL = b"\0"


@dataclass(frozen=True, slots=True)
class _Question:
    text: str
    answer: asyncio.Future[str]


class Pipe:
    """One pipeline. `run` serves it and must be running; any number of tasks may `ask`.

    Questions wait in order, at most `queue` of them. Full: `ask` raises, because a translation that comes late is worth
    nothing and the caller can say so at once.
    """

    def __init__(
        self,
        name: str,
        programs: Sequence[Sequence[str]],
        *,
        queue: int,
        idle_seconds: float,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self.name = name
        self._command = _in_shell(programs)
        self._questions: asyncio.Queue[_Question | None] = asyncio.Queue(queue)
        self._idle_seconds = idle_seconds
        self._answer_seconds = answer_seconds
        self._process: asyncio.subprocess.Process | None = None
        self._has_answered = False

    @property
    def process_group(self) -> int | None:
        """The id of the programs' process group; None while they do not run."""
        return self._process.pid if self._process else None

    def wake(self) -> None:
        """Starts the programs, if they do not run, for a question that will come: loading takes up to a second."""
        if self._process is None:
            # Full: there are questions, which start them as well.
            with suppress(asyncio.QueueFull):
                self._questions.put_nowait(None)

    async def ask(self, text: str) -> str:
        """What the program answers. Safe to cancel: a question not yet put is skipped, its answer is thrown away.

        Raises Exhausted(ENGINE_OVERLOADED) when the queue is full, Unavailable(ENGINE_TIMEOUT) when no answer came,
        Unavailable(TRANSLATION_FAILED) when the program ended on this text, twice.
        """
        question = _Question(text.replace("\0", " "), asyncio.get_running_loop().create_future())
        try:
            self._questions.put_nowait(question)
        except asyncio.QueueFull:
            raise Exhausted("ENGINE_OVERLOADED", f"too many texts wait for {self.name}") from None
        return await question.answer

    async def run(self) -> None:
        """Answers questions, until cancelled; then ends the programs and fails whoever still waits."""
        try:
            while True:
                await self._serve_one()
        finally:
            await self._stop()
            while not self._questions.empty():
                if question := self._questions.get_nowait():
                    question.answer.cancel()

    async def _serve_one(self) -> None:
        """The next question, or a wish to wake; after an idle time the end of the programs."""
        try:
            async with asyncio.timeout(self._idle_seconds if self._process else None):
                question = await self._questions.get()
        except TimeoutError:
            await self._stop()
            return
        if question is not None:
            # Done already when whoever asked has left.
            if not question.answer.done():
                await self._answer(question)
        elif self._process is None:
            # What stops it from starting will be told to the one who asks.
            with suppress(OSError):
                await self._start()

    async def _answer(self, question: _Question) -> None:
        try:
            answer = await self._exchange_twice(question.text)
        except asyncio.CancelledError:
            question.answer.cancel()
            raise
        except (Unavailable, OSError) as error:
            failure = error
            if not isinstance(error, Unavailable):
                failure = Unavailable("TRANSLATION_FAILED", f"{self.name} could not be started")
            # Whoever asked may have left meanwhile.
            if not question.answer.done():
                question.answer.set_exception(failure)
        else:
            if not question.answer.done():
                question.answer.set_result(answer)

    async def _exchange_twice(self, text: str) -> str:
        """A program that died since the last text is only noticed now: the text is put once more, to a fresh one."""
        try:
            return await self._exchange(text)
        except (EOFError, ConnectionError):
            log.warning("engine_program_ended", program=self.name)
            await self._stop()
        try:
            return await self._exchange(text)
        except (EOFError, ConnectionError) as error:
            await self._stop()
            raise Unavailable("TRANSLATION_FAILED", f"{self.name} ended without an answer") from error

    async def _exchange(self, text: str) -> str:
        process = self._process or await self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            async with asyncio.timeout(self._answer_seconds if self._has_answered else START_SECONDS):
                process.stdin.write(text.encode() + _NULL)
                await process.stdin.drain()
                answer = await process.stdout.readuntil(_NULL)
        except TimeoutError:
            log.warning("engine_program_hangs", program=self.name)
            await self._stop()
            raise Unavailable("ENGINE_TIMEOUT", f"{self.name} did not answer in time") from None
        except asyncio.LimitOverrunError as error:
            await self._stop()
            raise Unavailable("TRANSLATION_FAILED", f"{self.name} answered without end") from error
        self._has_answered = True
        return answer[:-1].decode(errors="replace")

    async def _start(self) -> asyncio.subprocess.Process:
        self._has_answered = False
        self._process = await asyncio.create_subprocess_exec(
            "sh",
            "-c",
            self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            # Programs complain by quoting what they were given: speech does not go into logs.
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            limit=_LONGEST_ANSWER,
        )
        log.debug("engine_program_started", program=self.name)
        return self._process

    async def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            # Gone already when the programs ended by themselves.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with suppress(TimeoutError):
                async with asyncio.timeout(STOP_SECONDS):
                    await process.wait()
                    return


def _in_shell(programs: Sequence[Sequence[str]]) -> str:
    """The shell that runs the pipeline and, when it ends, collects the programs: in a container nobody else may.

    It lets go of input and output, so that a program that ends, ends the pipeline at both sides; it waits twice because
    the signal that ends the programs interrupts the first time. A background pipeline has no input unless given one.
    """
    first, *others = (shlex.join(program) for program in programs)
    pipeline = " | ".join([f"{first} <&3", *others])
    return f"trap : TERM; exec 3<&0; {pipeline} & exec 0<&- 1>&- 3<&-; wait; wait"
