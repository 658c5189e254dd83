"""A whole Lingocast behind the pages under test, and talks in it that no page gives."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

from chassis.system import System, launched
from edge.auth import LocalIssuer
from edge.client import Speaker, pace
from tests.e2e.talks import Received, noise, silence

SENTENCE = noise(2.5) + silence(0.8)
_USERS = count(1)


class Lingocast:
    """Five running services, as people meet them. `system` has the rest: pids, logs, signals."""

    def __init__(self, system: System) -> None:
        self.system = system

    @property
    def url(self) -> str:
        """Origin of the edge, without a slash at the end."""
        return self.system.url

    @cached_property
    def _issuer(self) -> LocalIssuer:
        return LocalIssuer.open(self.system.data)

    def token(self, user: str | None = None) -> str:
        """A speaker's token; of a user nobody has had yet, where none is named (one user has one session at a time)."""
        return self._issuer.mint(user or f"user-{next(_USERS)}")

    def speaker_link(self, user: str | None = None) -> str:
        """Where a speaker goes, with a token of their own."""
        return f"{self.url}/speak#token={self.token(user)}"

    async def restart_edge(self) -> None:
        """Drains the edge and waits until its successor serves at the same address."""
        await self.system.restart("edge")

    async def kill(self, service: str = "edge") -> None:
        """Ends a service at once, and waits until its successor serves at the same address."""
        before = self.system.pids[service]
        self.system.kill(service)
        await self.system.replaced(service, before)

    @asynccontextmanager
    async def talk(self, user: str | None = None, *, speech: bytes = SENTENCE, **options: Any) -> AsyncIterator["Talk"]:
        """A session whose speaker is a program; ended on leaving. `speech`: what it says, PCM s16le 16 kHz; noise,
        which the scripted recogniser takes for words of its script. `options`: of edge.client's Speaker.open."""
        opening = Speaker.open(self.url, self.token(user), **options)
        # The group is left last: reading ends with the connection.
        async with asyncio.TaskGroup() as tasks, opening as speaker:
            talk = Talk(speaker, speech)
            tasks.create_task(talk.told.read(speaker))
            try:
                yield talk
            finally:
                await talk.end()


class Talk:
    """A speaker, and what they are told."""

    def __init__(self, speaker: Speaker, speech: bytes) -> None:
        self.speaker = speaker
        self.told = Received()
        self._speech = speech
        self._ended = False

    @property
    def session_id(self) -> str:
        return self.speaker.session_id

    async def say(self, sentences: int = 1) -> None:
        """Its speech, so many times, at real-time speed; a sentence of noise lasts 3.3 s."""
        async for chunk in pace(self._speech * sentences):
            await self.speaker.send(chunk)

    @asynccontextmanager
    async def going_on(self) -> AsyncIterator[None]:
        """Speaks as long as the block lasts."""

        async def on_and_on() -> None:
            while True:
                await self.say()

        async with asyncio.TaskGroup() as tasks:
            speaking = tasks.create_task(on_and_on())
            try:
                yield
            finally:
                speaking.cancel()

    async def end(self) -> None:
        """Once is enough."""
        if not self._ended:
            self._ended = True
            await self.speaker.end()


@asynccontextmanager
async def lingocast(data: Path, env: Mapping[str, str] | None = None, **options: Any) -> AsyncIterator[Lingocast]:
    """A system with scripted engines unless `options`, which are of chassis.system.launched, name others."""
    # Everybody comes from one address here.
    environment = {"EDGE_LIMIT_ADDRESSES": "false", **(env or {})}
    async with launched(data=data, env=environment, token=False, **options) as system:
        yield Lingocast(system)
