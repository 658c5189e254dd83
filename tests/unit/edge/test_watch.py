"""Who is told of which change of a session."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import cast

from edge.domain.speaker import Switches
from edge.sessions import Sessions, SessionView, Watched
from edge.watch import Watches

VIEW = SessionView(
    session_id="s",
    live=True,
    source_language="en",
    quality_tier="standard",
    switches=Switches(),
    has_pin=False,
    created_at=0.0,
    expires_at=1.0,
    end_reason="",
    listener_count=0,
    language_counts={},
    final_only=False,
    min_stability=0.0,
    max_buffer_seconds=0.0,
)
JOINED = Watched(replace(VIEW, listener_count=1), "")
ENDED = Watched(replace(VIEW, live=False, end_reason="speaker"), "")


class _Changes:
    """A session_svc by hand: says what is put."""

    def __init__(self) -> None:
        self.said: asyncio.Queue[Watched] = asyncio.Queue()

    async def watch(self, session_id: str) -> AsyncIterator[Watched]:
        while True:
            yield await self.said.get()
            self.said.task_done()

    async def say(self, change: Watched) -> None:
        self.said.put_nowait(change)
        async with asyncio.timeout(20):
            await self.said.join()


async def test_who_only_wants_the_end_is_spared_the_rest() -> None:
    changes = _Changes()
    speaker: list[Watched] = []
    listener: list[Watched] = []
    gone: list[Watched] = []
    async with asyncio.TaskGroup() as tasks:
        watches = Watches(cast(Sessions, changes), tasks)
        unwatch = [
            watches.subscribe(VIEW, speaker.append),
            watches.subscribe(VIEW, listener.append, only_end=True),
            watches.subscribe(VIEW, gone.append, only_end=True),
        ]
        unwatch.pop()()
        for seen in (speaker, listener, gone):
            seen.clear()  # What was known at the beginning.
        await changes.say(JOINED)
        await changes.say(replace(JOINED))
        changes.said.put_nowait(ENDED)
        async with asyncio.timeout(20):
            while not listener:  # noqa: ASYNC110 - told by the watch's own task
                await asyncio.sleep(0)
        for leave in unwatch:
            leave()
    assert speaker == [JOINED, JOINED, ENDED]
    assert listener == [ENDED]
    assert gone == []
