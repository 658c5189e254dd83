"""EDGE_WORKERS=2: two edge processes on one port, one of which is killed in the middle of a talk.

Real processes with scripted engines.
"""

import asyncio
import json
import os
import signal
import sqlite3
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from chassis.supervision import family
from chassis.system import launched
from edge.client import CueEnd, Disconnected, Listener, Reconnected, Speaker, pace
from tests.e2e.talks import Received, gone, noise, silence

SENTENCE = noise(2.5) + silence(0.8)
SETTINGS = {"EDGE_WORKERS": "2", "EDGE_LIMIT_ADDRESSES": "false"}
MOST = 40
"""Listeners until somebody must be at each worker: the kernel chooses, and 39 times the same is no choice."""


def edges_in_use(data: Path) -> set[str]:
    """The edges that hold connections, as the store has them."""
    with sqlite3.connect(f"file:{data / 'sessions.sqlite3'}?mode=ro", uri=True) as database:
        items = database.execute("SELECT item FROM items WHERE kind = 'connection'").fetchall()
    return {json.loads(item)["edge_id"] for (item,) in items}


def runs(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def settled(received: Received) -> bool:
    """Whether every loss is mended."""
    return len(received.of(Disconnected)) == len(received.of(Reconnected))


async def say(speaker: Speaker, sentences: int) -> None:
    async for chunk in pace(SENTENCE * sentences):
        await speaker.send(chunk)


@pytest.mark.timeout(180)
async def test_a_killed_worker_is_started_again_while_the_other_goes_on(tmp_path: Path) -> None:
    told = Received()
    heard: list[Received] = []
    async with launched(data=tmp_path, env=SETTINGS) as system:
        parent = system.pids["edge"]
        workers = family([parent]) - {parent}
        assert len(workers) == 2
        async with asyncio.timeout(120), asyncio.TaskGroup() as tasks, AsyncExitStack() as stack:
            speaker = await stack.enter_async_context(Speaker.open(system.url, system.speaker_token))
            tasks.create_task(told.read(speaker))
            while len(heard) < 4 or len(edges_in_use(tmp_path)) < 2:
                assert len(heard) < MOST, "all connections went to one worker"
                heard.append(Received())
                listener = await stack.enter_async_context(Listener.open(system.url, speaker.session_id, "es"))
                tasks.create_task(heard[-1].read(listener))
            await say(speaker, 2)
            await asyncio.gather(*(each.until(lambda so_far: so_far.of(CueEnd)) for each in heard))

            killed = min(workers)
            os.kill(killed, signal.SIGKILL)
            everybody = [told, *heard]
            while not any(received.of(Reconnected) for received in everybody):  # noqa: ASYNC110 - any of many
                await asyncio.sleep(0.1)
            while len(now := family([parent]) - {parent}) < 2 or killed in now:  # noqa: ASYNC110 - other processes
                await asyncio.sleep(0.1)
            assert workers - {killed} < now
            await asyncio.gather(*(each.until(settled) for each in everybody))
            await say(speaker, 3)
            await speaker.end()
            for received in heard:
                await received.ended()
        assert system.pids["edge"] == parent
        assert 0 < sum(bool(received.of(Reconnected)) for received in everybody) < len(everybody)
        for received in heard:
            received.check_in_order()
            # The last sentence was said long after all were back.
            assert received.finals[-1] == heard[0].finals[-1]
        await gone(tmp_path)
        assert "#token=" not in system.log("edge")
        left = now | {parent}
    assert not any(map(runs, left))
