"""What is written to one peer: at once while it keeps up, through a bounded mailbox while it does not.

Bytes go straight to the transport, and only when its buffer is empty: looked at in the tick of the write, that can
neither fall between the halves of a frame of aiohttp's own nor reach a connection that has taken its place. What does
not go at once waits in a mailbox, where the policy of `edge.domain.mailbox` drops and replaces; a sweep looks after all
who lag, so that nobody costs a task.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

import structlog

from chassis.telemetry import Metric, meter
from edge.domain.mailbox import Cut, Dropped, Mailbox
from edge.protocol import server
from edge.protocol.wire import Frame, Post, message
from edge.sends import descriptor_of

log = structlog.get_logger()

SWEEP_SECONDS: Final = 0.05
WRITE_BYTES: Final = 64 * 1024
"""At one go to a peer that lagged: what the transport holds is not to be dropped any more."""

_dropped = meter.create_counter(Metric.LISTENER_AUDIO_DROPPED)


class Laggards:
    """The outboxes of a process that have something waiting. Nobody waits here: a timer runs while there are any."""

    def __init__(self) -> None:
        self._outboxes: dict[Outbox, None] = {}
        self._new: dict[Outbox, None] = {}
        self._soon: asyncio.Handle | None = None
        self._timer: asyncio.Handle | None = None

    def __len__(self) -> int:
        return len(self._outboxes)

    def add(self, outbox: "Outbox") -> None:
        """To be drained from now on, until it is empty."""
        self._outboxes[outbox] = self._new[outbox] = None
        if self._soon is None:
            # Most lag for a moment only, such as a second write in one tick. Those wait for no sweep of the others.
            self._soon = asyncio.get_running_loop().call_soon(self._look_at_new)

    def _look_at_new(self) -> None:
        new, self._new, self._soon = self._new, {}, None
        self._drain(new)
        if self._outboxes and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep)

    def _sweep(self) -> None:
        self._drain(self._outboxes)
        again = bool(self._outboxes)
        self._timer = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep) if again else None

    def _drain(self, outboxes: Iterable["Outbox"]) -> None:
        for outbox in tuple(outboxes):
            try:
                if not outbox.drain():
                    self._outboxes.pop(outbox, None)
            except Exception:  # One peer must not hold up all others that lag.
                log.exception("outbox_failed")
                self._outboxes.pop(outbox, None)
                outbox.abort()


class Outbox:
    """Of one peer. `limit_seconds`: of audio that may wait. Nothing raises when the peer is gone; `transport` None: it
    never was there.

    `under_way`: says which cue the peer has got the start of, and how much of it; only feeds know.
    """

    __slots__ = (
        "_finish",
        "_laggards",
        "_limit_seconds",
        "_overflow",
        "descriptor",
        "mailbox",
        "transport",
        "under_way",
    )

    def __init__(self, transport: asyncio.Transport | None, laggards: Laggards, limit_seconds: float) -> None:
        self.transport = transport
        """None: nothing is written any more."""
        self.descriptor = descriptor_of(transport)
        self.mailbox: Mailbox[Frame] | None = None
        """What waits; None for a peer that keeps up."""
        self.under_way: Callable[[], Cut | None] = _nothing
        self._laggards = laggards
        self._limit_seconds = limit_seconds
        self._finish: Callable[[], None] | None = None
        self._overflow: Callable[[], None] = _ignore

    @property
    def clear(self) -> bool:
        """What is written now goes out now."""
        transport = self.transport
        return (
            self.mailbox is None
            and transport is not None
            and not transport.get_write_buffer_size()
            and not transport.is_closing()
        )

    def put(self, post: Post) -> None:
        """Written now or later, in order with what waits."""
        if self.clear:
            _write(self.transport, post.content)
        else:
            self.lag((post,), self.current())

    def current(self) -> Cut | None:
        """For `lag`: what the peer is in the midst of, unless there is a mailbox, which knows."""
        return self.under_way() if self.mailbox is None else None

    def lag(self, posts: tuple[Post, ...] | list[Post], under_way: Cut | None) -> None:
        """Into the mailbox. `under_way`: before these, where there is no mailbox yet."""
        if self.transport is None or self.transport.is_closing():
            self.mailbox = None
            return
        if self._finish is not None:
            return
        if self.mailbox is None:
            self.mailbox = Mailbox(self._limit_seconds, under_way=under_way)
            self._laggards.add(self)
        for post in posts:
            self.mailbox.put(post)
        if self.mailbox.overflowed:
            self._overflow()

    def drain(self) -> bool:
        """Writes some of what waits, if the peer has taken all before. False: nothing waits any more."""
        mailbox, transport = self.mailbox, self.transport
        if mailbox is None or transport is None or transport.is_closing():
            self.mailbox = None
        elif not transport.get_write_buffer_size():
            wire = bytearray()
            frames: list[Frame] = []
            while len(wire) < WRITE_BYTES and (item := mailbox.take()) is not None:
                frame = _told(item) if isinstance(item, Dropped) else item.content
                frames.append(frame)
                wire += frame.wire
            if wire:
                transport.write(bytes(wire))  # A copy: asyncio's own transports keep what they are given.
            for frame in frames:
                if frame.receipt is not None:
                    frame.receipt.written()
            if not len(mailbox) and not mailbox.cutting:
                self.mailbox = None
        if self._finish is not None and (self.mailbox is None or not len(self.mailbox)):
            self._finished(self._finish)
        return self.mailbox is not None

    def change_feed(self) -> Cut | None:
        """Forgets what waits of the present feed. Returns the cue that this cuts short, if there is one under way."""
        return self.under_way() if self.mailbox is None else self.mailbox.change_feed()

    def finish(self, act: Callable[[], None]) -> None:
        """Takes nothing any more, and does `act` once nothing waits: at once if nothing does now."""
        if self.mailbox is None or not len(self.mailbox):
            self._finished(act)
        else:
            self._finish = act

    def shut(self) -> None:
        """Writes nothing any more, not even what waits, and lets go of whoever asked to be told."""
        self.transport = self.mailbox = None
        self.under_way, self._overflow = _nothing, _ignore

    def abort(self) -> None:
        """Cuts the connection. What waits is lost."""
        if self.transport is not None:
            self.transport.abort()

    def when_overflowed(self, act: Callable[[], None]) -> None:
        """Does it when the peer takes so little that messages pile up which must not be dropped."""
        self._overflow = act

    def _finished(self, act: Callable[[], None]) -> None:
        self._finish = None
        self.shut()
        act()


def _write(transport: asyncio.Transport | None, frame: Frame) -> None:
    if frame.wire and transport is not None:
        transport.write(frame.wire)
    if frame.receipt is not None:
        frame.receipt.written()


def _told(dropped: Dropped) -> Frame:
    _dropped.add(dropped.seconds)
    return message(server.AudioDropped(cues=dropped.cues, seconds=round(dropped.seconds, 3))).content


def _nothing() -> Cut | None:
    return None


def _ignore() -> None:
    return None
