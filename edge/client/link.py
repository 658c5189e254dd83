"""One client's connection, kept alive across losses and refreshes: the shell of sockets around the pure parts.

Hides that there is more than one WebSocket. A refresh opens the second socket while the first is still read; the first
is read to its end, then the second goes on, so that order needs no merging. What is heard twice `Assembly` takes out.
"""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol, TypeVar

import aiohttp

from edge.client.assembly import Assembly
from edge.client.decoding import Decoding
from edge.client.dialling import Dialler, Request, Socket
from edge.client.messages import (
    ClientError,
    ConnectionWarning,
    Disconnected,
    ErrorEvent,
    Event,
    HeartbeatAck,
    Reconnected,
    RefreshRequired,
    SessionEnded,
    parse,
)
from edge.client.recovery import Ending, Timing, ending, may_pass, retry_delay

E = TypeVar("E", bound=Event)
T = TypeVar("T")

# Refusals of audio answer no command, whatever is waiting.
_AUDIO_CODES = {"AUDIO_CHUNK_TOO_LARGE", "AUDIO_CHUNK_TOO_SMALL", "INVALID_AUDIO_FORMAT"}
_END = object()


class Identity(Protocol):
    """Who is connecting, and what is remembered of the connection before."""

    async def opening(self, last_cue: str = "") -> Request:
        """The first connection, or a new one when resuming was refused, of who has heard `last_cue`."""
        ...

    async def resuming(self, last_cue: str) -> Request:
        """The next connection."""
        ...

    def opened(self, answer: Event) -> bool:
        """Takes note of the server's first message; False when it is none that was asked for."""
        ...

    def may_open_again(self) -> bool:
        """Whether `opening` is worth trying when `resuming` was refused."""
        ...

    def saw(self, event: Event) -> None:
        """Takes note of an event on the way."""
        ...

    def unanswered(self) -> None:
        """A connection was asked for, and whether it was given is not known."""
        ...


class Link:
    """Reads events into a bounded inbox; sends on whatever socket is the current one.

    When the inbox is full the socket is not read any more: the server's buffers fill, and it decides what to drop.
    """

    def __init__(self, http: aiohttp.ClientSession, url: str, identity: Identity, timing: Timing, inbox: int) -> None:
        self._dialler = Dialler(http, url, timing)
        self._identity = identity
        self.timing = timing
        self._inbox: asyncio.Queue[Event | object] = asyncio.Queue(inbox)
        self._assembly = Assembly()
        self._decoding = Decoding()
        self._tasks: asyncio.TaskGroup | None = None
        self._helping: set[asyncio.Task[Any]] = set()
        self._socket: Socket | None = None
        self._successor: asyncio.Task[Socket | ClientError] | None = None
        self._up = asyncio.Event()
        self._lost = asyncio.Event()
        self._ended = False
        self._failure: ClientError | None = None
        self._standing = ""
        self._asking = asyncio.Lock()
        self._question: tuple[type[Event], asyncio.Future[Event]] | None = None

    # ------------------------------------------------------------------ for the speaker and the listener

    async def open(self) -> None:
        """Connects for the first time. Raises ClientError; does not try again."""
        self._use(await self._dial(await self._identity.opening()))

    async def run(self) -> None:
        """Follows the connection until the session ends, going on is not possible, or this is cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                self._start(self._beat())
                await self._follow()
                self._over()
        except asyncio.CancelledError:
            # The block was left. Whoever still iterates gets an end, and nobody waits for what is not read any more.
            while not self._inbox.empty():
                self._inbox.get_nowait()
            self._inbox.put_nowait(_END)
            raise
        finally:
            self._over()
        await self._inbox.put(_END)

    @property
    def ended(self) -> bool:
        """True once nothing more will be sent or received."""
        return self._ended

    async def next_event(self) -> Event:
        """Raises StopAsyncIteration after the last event, ClientError if the connection failed for good."""
        event = await self._inbox.get()
        if isinstance(event, Event):
            return event
        self._inbox.put_nowait(_END)  # For whoever asks again.
        if self._failure:
            raise self._failure
        raise StopAsyncIteration

    async def send_audio(self, pcm: bytes) -> None:
        """Sends a binary frame, waiting while disconnected. Raises ClientError when that will not change."""
        await self._send(lambda socket: socket.send_bytes(pcm))

    async def send(self, action: str, **fields: object) -> None:
        """Sends a message, waiting while disconnected. Raises ClientError when that will not change."""
        text = json.dumps({"action": action, **fields}, ensure_ascii=False)
        await self._send(lambda socket: socket.send_str(text))

    def keep_saying(self, action: str, **fields: object) -> None:
        """A message for each further connection, before all else: what the server may have forgotten meanwhile."""
        self._standing = json.dumps({"action": action, **fields}, ensure_ascii=False)

    async def ask(self, action: str, answer: type[E], *, deadline: float | None = None, **fields: object) -> E:
        """Sends a message and waits for its answer. Raises ClientError with the server's refusal, or `NO_ANSWER`.

        The answer is an event too and is also iterated; a refusal is only raised. One question at a time: answers carry
        no number.
        """
        async with self._asking:
            future: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
            self._question = (answer, future)
            try:
                async with asyncio.timeout(deadline or self.timing.answer):
                    await self.send(action, **fields)
                    found = await future
            except TimeoutError as error:
                raise ClientError("NO_ANSWER", 504, f"no answer to {action}; are the events being read?") from error
            finally:
                self._question = None
        assert isinstance(found, answer)
        return found

    async def close(self) -> None:
        """Leaves: closes the current socket."""
        if self._socket is not None:
            await self._dialler.hang_up(self._socket)

    # ------------------------------------------------------------------ following the connection

    async def _follow(self) -> None:
        try:
            while self._socket is not None:
                socket = self._socket
                if await self._read(socket) is Ending.FINISHED:
                    return
                if self._socket is socket:
                    self._up.clear()
                self._use(await self._next())
        except ClientError as error:
            self._failure = error

    def _start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Starts a task that ends with `run` at the latest."""
        assert self._tasks is not None
        task = self._tasks.create_task(work)
        self._helping.add(task)
        task.add_done_callback(self._helping.discard)
        return task

    async def _read(self, socket: Socket) -> Ending:
        """Hands out what a socket brings, until it closes."""
        self._assembly.attach()
        self._decoding = Decoding()
        told_ended, error = False, None
        while True:
            try:
                patience = self.timing.drain if told_ended else self.timing.silence
                message = await socket.receive(timeout=patience)
            except TimeoutError:
                # Half-open: no close will ever come.
                await self._dialler.hang_up(socket)
                return Ending.FINISHED if told_ended else Ending.LOST
            if message.type is aiohttp.WSMsgType.BINARY:
                for event in self._assembly.receive_audio(self._decoding.audio(message.data)):
                    await self._inbox.put(event)
            elif message.type is aiohttp.WSMsgType.TEXT:
                event = parse(message.data)
                told_ended |= isinstance(event, SessionEnded)
                error = event if isinstance(event, ErrorEvent) else None
                await self._receive(event)
            else:
                # On a reset the code is aiohttp's 1006, or none at all.
                refreshing = self._successor is not None
                return ending(socket.close_code, told_ended=told_ended, refreshing=refreshing, error=error)

    async def _receive(self, event: Event) -> None:
        self._identity.saw(event)
        if isinstance(event, HeartbeatAck):
            return
        # A warning comes when the refresh has not come through: what hindered it may have passed.
        if isinstance(event, RefreshRequired | ConnectionWarning) and not self._refreshing():
            self._successor = self._start(self._refresh())
        if self._answers(event):
            return
        last_audio = self._assembly.receive_audio(self._decoding.rest(event))
        for news in [*last_audio, *self._assembly.receive(event)]:
            await self._inbox.put(news)

    def _answers(self, event: Event) -> bool:
        """Gives an answer to who waits for it; True when it is nobody else's business."""
        if self._question is None:
            return False
        kind, future = self._question
        if future.done():
            return False
        if isinstance(event, kind):
            future.set_result(event)
        elif isinstance(event, ErrorEvent) and event.status < 502 and event.code not in _AUDIO_CODES:
            future.set_exception(event.as_exception())
            return True
        return False

    # ------------------------------------------------------------------ the next socket

    def _refreshing(self) -> bool:
        """True while a refresh is tried, and once it has succeeded."""
        outcome = self._successor
        return outcome is not None and not (outcome.done() and isinstance(outcome.result(), ClientError))

    async def _refresh(self) -> Socket | ClientError:
        """Opens the second socket beside the first, which then has a few seconds to end by itself."""
        old = self._socket
        try:
            new = await self._resume(patience=self.timing.patience)
        except ClientError as error:
            return error
        self._socket = new  # From here on new audio goes there; `_follow` still reads the old one to its end.
        self._up.set()
        if old is not None:
            self._start(self._leave(old))
        return new

    async def _leave(self, old: Socket) -> None:
        await asyncio.sleep(self.timing.drain)
        await self._dialler.hang_up(old)

    async def _next(self) -> Socket:
        successor, self._successor = self._successor, None
        if successor is not None:
            # A refresh that waits for its next try was in no hurry; now it is.
            self._lost.set()
            outcome = await successor
            self._lost.clear()
            if not isinstance(outcome, ClientError):
                await self._inbox.put(Reconnected(resumed=True))
                return outcome
        return await self._reconnect()

    async def _reconnect(self) -> Socket:
        wait = retry_delay(0, self.timing, random.random())
        await self._inbox.put(Disconnected(wait))
        await asyncio.sleep(wait)
        try:
            socket = await self._resume(self.timing.patience)
        except ClientError as error:
            if may_pass(error) or not self._identity.may_open_again():
                raise
        else:
            await self._inbox.put(Reconnected(resumed=True))
            return socket
        # The place is gone; what was missed is asked for all the same.
        last_cue = self._assembly.resume_after
        socket = await self._persist(lambda: self._identity.opening(last_cue), self.timing.patience)
        await self._inbox.put(Reconnected(resumed=bool(last_cue)))
        return socket

    async def _resume(self, patience: float) -> Socket:
        socket = await self._persist(lambda: self._identity.resuming(self._assembly.resume_after), patience)
        if self._standing:
            # A loss is found out by who reads it.
            with suppress(ConnectionError, aiohttp.ClientError):
                await socket.send_str(self._standing)
        return socket

    async def _persist(self, request: Callable[[], Awaitable[Request]], patience: float) -> Socket:
        """Connects, trying again while that may help and `patience` lasts. Raises the last ClientError."""
        loop = asyncio.get_running_loop()
        give_up, attempt = loop.time() + patience, 0
        while True:
            try:
                return await self._dial(await request())
            except ClientError as error:
                if error.code == "NO_ANSWER":
                    self._identity.unanswered()
                attempt += 1
                wait = retry_delay(attempt, self.timing, random.random(), error.retry_after)
                if not may_pass(error) or loop.time() + wait > give_up:
                    raise
            if await self._lost_within(wait):
                attempt = 0
                await asyncio.sleep(retry_delay(attempt, self.timing, random.random()))

    async def _lost_within(self, seconds: float) -> bool:
        """Waits; returns True at once when the connection that was to be replaced is gone."""
        try:
            async with asyncio.timeout(seconds):
                await self._lost.wait()
        except TimeoutError:
            return False
        self._lost.clear()
        return True

    async def _dial(self, request: Request) -> Socket:
        return await self._dialler.dial(request, self._identity.opened)

    # ------------------------------------------------------------------ sending

    def _use(self, socket: Socket) -> None:
        self._socket = socket
        self._up.set()

    def _over(self) -> None:
        """Ends the helping tasks and wakes everybody who waits for a connection that will not come."""
        self._ended = True
        for task in self._helping:
            task.cancel()
        self._up.set()
        if self._question is not None and not self._question[1].done():
            self._question[1].set_exception(self._why_over())

    def _why_over(self) -> ClientError:
        return self._failure or ClientError("CLOSED", 409, "the session has ended or was left")

    async def _send(self, write: Callable[[Socket], Awaitable[None]]) -> None:
        while True:
            await self._up.wait()
            if self._ended or self._socket is None:
                raise self._why_over()
            socket = self._socket
            try:
                return await write(socket)
            except (ConnectionError, aiohttp.ClientError):
                # The reader finds out as well and brings the next socket; unless it did so already, wait for it.
                if self._socket is socket:
                    self._up.clear()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self.timing.heartbeat)
            with suppress(ClientError):
                await self.send("heartbeat", timestamp=round(time.time() * 1000))


@asynccontextmanager
async def linked(
    url: str, identity: Identity, timing: Timing, inbox: int, goodbye: Callable[[Link], Awaitable[None]]
) -> AsyncIterator[Link]:
    """An open link that is followed while the block runs; then `goodbye`, then it is closed. Raises ClientError."""
    # No timeout of its own: a WebSocket lives for hours. Connecting has one.
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None), trust_env=True) as http:
        link = Link(http, url, identity, timing, inbox)
        await link.open()
        failure: Exception | None = None
        async with asyncio.TaskGroup() as tasks:
            following = tasks.create_task(link.run())
            try:
                yield link
            except Exception as error:  # noqa: BLE001 - raised again below, without a TaskGroup's group around it
                failure = error
            finally:
                try:
                    await goodbye(link)
                finally:
                    # First of all nobody may take the close for a loss.
                    following.cancel()
                await asyncio.wait([following])
                await link.close()
        if failure is not None:
            raise failure
