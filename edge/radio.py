"""Feeds as endless streams for plain players: one line of sound and one encoder for each feed and form.

A station runs in real time while somebody listens, on a timer and without a task. Each page goes straight to the
transport of every listener whose buffer is empty (see `edge.outbox` for why that is safe); who does not keep up misses
whole pages, which costs the others nothing, and a container can bear.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeAlias

import numpy as np
import soxr
import structlog

from chassis.telemetry import Metric, meter
from edge.bus import Bus
from edge.domain.feed import NOTICES, BusEvent, CueAudio, CueEnded, CueStarted, SessionEnded, Topic
from edge.domain.timeline import Timeline
from edge.listener import PLAYED_OUT_REASONS
from edge.muxing import RATE, Form, Muxer
from edge.sessions import Held, SessionView, Watched

log = structlog.get_logger()

Watch: TypeAlias = Callable[[SessionView, Callable[[Watched], None]], Callable[[], None]]

TAKES_NOTHING_SECONDS: Final = 30.0
"""A listener who took not one page for so long is cut off."""

SLICE: Final = 1_000
"""Listeners written to at one go, some 5 ms."""

MOST_LATE_SECONDS: Final = 5.0
"""A process that stood still for longer does not make up for it with silence."""

_dropped = meter.create_counter(Metric.LISTENER_AUDIO_DROPPED)
_deliveries = meter.create_counter(Metric.DELIVERIES)


class RadioListener:
    """One player. `over` is set when it is gone, or there is nothing more for it."""

    def __init__(
        self, transport: asyncio.Transport | None, *, chunked: bool, session_id: str, connection_id: str, language: str
    ) -> None:
        """`chunked`: pages go as HTTP/1.1 chunks."""
        self.chunked: Final = chunked
        self.session_id: Final = session_id
        self.language: Final = language
        self.connection_id = connection_id
        self.listed_at = time.time()
        """When the store learnt of it by its present id; wall clock."""
        self.over = asyncio.Event()
        self._transport = transport
        self._took_at = asyncio.get_running_loop().time()
        self.behind = False
        """It missed the last page."""

    def write(self, wire: bytes, now: float) -> bool:
        """False: missed. Must not raise: the station writes to many."""
        try:
            self.behind = not self._written(wire, now)
        except Exception:
            log.exception("player_failed", session=self.session_id)
            self.behind = True
            self.cut()
        return not self.behind

    def _written(self, wire: bytes, now: float) -> bool:
        transport = self._transport
        if transport is None or transport.is_closing():
            self.over.set()
        elif not transport.get_write_buffer_size():
            transport.write(wire)
            self._took_at = now
            return True
        elif now - self._took_at > TAKES_NOTHING_SECONDS:
            self.cut()
        return False

    def cut(self) -> None:
        """Ends the connection, without the stream's end."""
        if self._transport is not None:
            self._transport.abort()
        self.over.set()


class Station:
    """One feed in one form, on the air from its making until `close`, or its end."""

    def __init__(
        self, view: SessionView, language: str, form: Form, *, bus: Bus, watch: Watch, tail_seconds: float
    ) -> None:
        self.users = 0
        self.session_over = False
        self.ended = False
        self.muxer: Final = Muxer(form)
        self._log = log.bind(session=view.session_id, language=language, form=form.value)
        self._timeline = Timeline(RATE)
        self._resampler: soxr.ResampleStream | None = None
        self._listeners: dict[RadioListener, None] = {}
        self._tail_seconds = tail_seconds
        self._ending = False
        self._blocks = 0
        loop = asyncio.get_running_loop()
        self._began = loop.time()
        self._due = loop.call_at(self._next(), self._tick)
        self._tail: asyncio.TimerHandle | None = None
        self._leave = [
            bus.subscribe(Topic(view.session_id, language), self._hear),
            bus.subscribe(Topic(view.session_id, NOTICES), self._notice),
            watch(view, self._watched),
        ]

    def enter(self, listener: RadioListener) -> None:
        """It has got the head, and gets every page from now on."""
        if self.ended:
            listener.over.set()
        else:
            self._listeners[listener] = None

    def leave(self, listener: RadioListener) -> None:
        self._listeners.pop(listener, None)

    def end(self) -> None:
        """Comes to its end when what has come is out."""
        self._ending = True

    def close(self, pages: bytes = b"") -> None:
        """Ends it now, after these. Repeating it changes nothing."""
        if not self.ended:
            self._off_air()
            self._send(pages + self.muxer.finish(), last=True)

    def _off_air(self) -> None:
        self.ended = True
        self._due.cancel()
        if self._tail is not None:
            self._tail.cancel()
        leaves, self._leave = self._leave, []
        for leave in leaves:
            leave()

    def _hear(self, event: BusEvent) -> None:
        match event:
            case CueStarted(cue_id=cue_id, sample_rate=rate):
                self._timeline.begin(cue_id)
                self._resampler = None if rate == RATE else soxr.ResampleStream(rate, RATE, 1, dtype="int16")
            case CueAudio(cue_id=cue_id, audio=audio):
                self._add(cue_id, self._resampled(audio))
            case CueEnded(cue_id=cue_id):
                self._add(cue_id, self._resampled(b"", last=True))
                self._timeline.end(cue_id)

    def _resampled(self, audio: bytes, *, last: bool = False) -> bytes:
        if self._resampler is None:
            return audio
        samples = np.frombuffer(audio, "<i2", count=len(audio) // 2)
        made: bytes = self._resampler.resample_chunk(samples, last=last).astype("<i2").tobytes()
        if last:
            self._resampler = None
        return made

    def _add(self, cue_id: str, audio: bytes) -> None:
        gone = self._timeline.add(cue_id, audio) if audio else 0.0
        if gone:
            self._log.warning("radio_behind", seconds=round(gone, 1))
            _dropped.add(gone * len(self._listeners))

    def _notice(self, event: BusEvent) -> None:
        if isinstance(event, SessionEnded):
            self._session_ended()

    def _watched(self, change: Watched) -> None:
        """As with sockets: an end by the speaker is told when the last cue was sent, or after the tail."""
        if change.session.live or self._tail is not None:
            return
        wait = 0.0 if change.session.end_reason in PLAYED_OUT_REASONS else self._tail_seconds
        self._tail = asyncio.get_running_loop().call_later(wait, self._session_ended)

    def _session_ended(self) -> None:
        self.session_over = True
        self._timeline.finish()
        self.end()

    def _next(self) -> float:
        return self._began + (self._blocks + 1) * self.muxer.block / RATE

    def _tick(self) -> None:
        try:
            self._proceed()
        except Exception:  # noqa: BLE001 - a timer has nobody to tell, and nobody must wait for what will not come
            self._log.exception("station_failed")
            self._off_air()
            for listener in self._listeners:
                listener.cut()

    def _proceed(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._next() > MOST_LATE_SECONDS:
            self._began += now - self._next()
        pages = b""  # One write: with two in a tick the second would find what the first left in the buffer.
        while self._next() <= now:
            self._blocks += 1
            pages += self.muxer.encode(self._timeline.take(self.muxer.block))
            if self._ending and self._timeline.idle:
                self.close(pages)
                return
        self._send(pages)
        self._due = asyncio.get_running_loop().call_at(self._next(), self._tick)

    def _send(self, pages: bytes, *, last: bool = False) -> None:
        if pages or last:
            self._write(list(self._listeners), pages, b"%x\r\n%b\r\n" % (len(pages), pages) if pages else b"", last)

    def _write(self, listeners: list[RadioListener], pages: bytes, chunk: bytes, last: bool) -> None:
        """To a slice of them; to the others when the rest of the process had its turn."""
        now = asyncio.get_running_loop().time()
        missed = 0
        for listener in listeners[:SLICE]:
            if listener in self._listeners and pages:
                missed += not listener.write(chunk if listener.chunked else pages, now)
            if last:
                listener.over.set()
        _deliveries.add(len(listeners[:SLICE]) - missed)
        if missed:
            _dropped.add(missed * self.muxer.block / RATE)
        if len(listeners) > SLICE:
            asyncio.get_running_loop().call_soon(self._write, listeners[SLICE:], pages, chunk, last)


class Radio:
    """The stations that somebody listens to on this edge, and who does."""

    def __init__(self, bus: Bus, watch: Watch, tail_seconds: float) -> None:
        self._bus = bus
        self._watch = watch
        self._tail_seconds = tail_seconds
        self._stations: dict[tuple[str, str, Form], Station] = {}
        self.listeners: dict[str, RadioListener] = {}
        """By connection id."""

    def __len__(self) -> int:
        """Stations on the air."""
        return len(self._stations)

    @contextmanager
    def station(self, view: SessionView, language: str, form: Form) -> Iterator[Station]:
        """On the air while the block runs, unless it ends."""
        key = view.session_id, language, form
        station = self._stations.get(key)
        if station is None or station.ended:
            station = Station(view, language, form, bus=self._bus, watch=self._watch, tail_seconds=self._tail_seconds)
            self._stations[key] = station
        station.users += 1
        try:
            yield station
        finally:
            station.users -= 1
            if not station.users:
                station.close()
                if self._stations.get(key) is station:
                    del self._stations[key]

    def rename(self, listener: RadioListener, connection_id: str) -> None:
        """The store has it by this id from now on."""
        del self.listeners[listener.connection_id]
        listener.connection_id, listener.listed_at = connection_id, time.time()
        self.listeners[connection_id] = listener

    def held(self) -> list[Held]:
        """As the store is to have them."""
        return [Held(one.session_id, key, one.language, one.listed_at) for key, one in self.listeners.items()]

    def end(self) -> None:
        """Every station ends with the cue that it is in."""
        for station in self._stations.values():
            station.end()

    def close(self) -> None:
        """Every station ends."""
        for station in tuple(self._stations.values()):
            station.close()
