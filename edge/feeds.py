"""What one broadcast publishes: its feeds, numbered, and in order with what another edge still has to say.

When a speaker moves to another edge, what was said before is still being translated and played out there. The edge
that was left says so, and the new one holds its own back until it hears that all is out, so that listeners get one
sequence. An edge that died says nothing and is not waited for. Who goes back soon waits for all that were left.
"""

import asyncio
from collections import Counter
from dataclasses import replace
from secrets import token_hex
from typing import Final

import structlog

from edge.bus import Bus
from edge.domain.feed import HANDOVER, BusEvent, Caption, CueAudio, FeedEvent, HandedOver, HandingOver, Topic

log = structlog.get_logger()

SIGN_SECONDS: Final = 3.0
"""How long the edge that a speaker left may take to say that it is still busy. The first voice takes no less."""

REPEAT_SECONDS: Final = 0.5
"""The new edge may begin to listen after the first sign was given."""

MOST_HELD: Final = 5_000
"""Events held back: more than a tail's length of ten languages. Full: they are let go."""


class Feeds:
    """One broadcast's. `patience`: how long to wait for what another edge has begun to hand over, at most; None when
    no other had the speaker before. `first_number`: of audio, above any that was used before."""

    def __init__(self, bus: Bus, session_id: str, *, patience: float | None, first_number: int = 0) -> None:
        self._bus = bus
        self._session_id = session_id
        self._first_number = first_number
        self._numbers: Counter[str] = Counter()
        self._held: list[tuple[str, FeedEvent]] = []
        self._released = asyncio.Event()
        self._handover = Topic(session_id, HANDOVER)
        self._name = token_hex(8)
        self._awaited: set[str] = set()
        self._patience = patience or 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._sayer: asyncio.TimerHandle | None = None
        self._unsubscribe = bus.subscribe(self._handover, self._sign)
        if patience is None:
            self._release()
        else:
            self._wait(SIGN_SECONDS)

    def publish(self, language: str, event: FeedEvent | Caption) -> None:
        """To everyone who listens in a language (or to SOURCE)."""
        if isinstance(event, CueAudio):
            self._numbers[language] += 1
            event = replace(event, number=self._first_number + self._numbers[language])
        if self._released.is_set():
            self._bus.publish(Topic(self._session_id, language), event)
            return
        self._held.append((language, event))
        if len(self._held) > MOST_HELD:
            log.warning("handover_not_awaited", session=self._session_id)
            self._release()

    def hand_over(self) -> None:
        """The speaker moved: tells the edge that has it now to wait, until `handed_over`. What is held back here stays
        so until its own turn."""
        self._say_handing_over()

    def handed_over(self) -> None:
        """All is out."""
        self.close()
        self._bus.publish(self._handover, HandedOver(self._name))

    async def settled(self) -> None:
        """Returns when nothing is held back any more."""
        await self._released.wait()

    def close(self) -> None:
        """Publishes what is held back. Nothing is waited for any more."""
        self._release()
        if self._sayer is not None:
            self._sayer.cancel()

    def _say_handing_over(self) -> None:
        self._bus.publish(self._handover, HandingOver(self._name))
        self._sayer = asyncio.get_running_loop().call_later(REPEAT_SECONDS, self._say_handing_over)

    def _sign(self, event: BusEvent) -> None:
        match event:
            case HandingOver(by) if by not in {self._name, *self._awaited}:
                self._awaited.add(by)  # Said again, it does not prolong the wait.
                self._wait(self._patience)
            case HandedOver(by):
                self._awaited.discard(by)
                if not self._awaited:
                    self._release()

    def _wait(self, seconds: float) -> None:
        self._stop_timer()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._release)

    def _release(self) -> None:
        if self._released.is_set():
            return
        self._stop_timer()
        self._unsubscribe()
        self._released.set()
        held, self._held = self._held, []
        for language, event in held:
            self._bus.publish(Topic(self._session_id, language), event)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
