"""The embedded store survives kill -9 in the middle of writes (S14): the process dies, the file stays."""

import asyncio
import os
import random
import signal
import sqlite3
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from session_svc.config import Config
from session_svc.domain.session import Connection, Role
from session_svc.records import find_connections, read_connections, read_session
from session_svc.store import open_store

ROUNDS = 12
AT_WORK = 20
"""Operations that a writer has done before it may be killed: however slow the machine, it was in the middle of work."""

# A connection and its language, or nothing.
State = tuple[str, str]
NOTHING: State = ("-", "-")


@dataclass
class Told:
    """What one of the writer's listeners or speakers was told: how it stood then, and what it began since."""

    session_id: str
    acknowledged: State = NOTHING
    begun: State | None = None
    ends: bool = False


@dataclass
class Report:
    """What a writer said until it was killed."""

    by_who: dict[str, Told] = field(default_factory=dict)
    done: int = 0

    def read(self, line: str) -> None:
        match line.split():
            case ["begins", who, what, session_id, key, language]:
                told = self.by_who.setdefault(who, Told(session_id))
                told.begun, told.ends = (key, language), what == "ends"
            case ["done", who]:
                told = self.by_who[who]
                assert told.begun is not None
                told.acknowledged, told.begun = told.begun, None
                self.done += 1
        # Other lines are the service's log.


async def killed_while_writing(folder: Path, run: int, seconds: float) -> Report:
    """Lets a writer work for so long once it is AT_WORK, then kills it wherever it is."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.fakes.session_writer", str(folder), str(run)),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ},
    )
    assert process.stdout is not None
    report = Report()
    loop = asyncio.get_running_loop()
    # os.kill, not process.kill(): that one may reap the process before asyncio does.
    kill = loop.call_later(90, os.kill, process.pid, signal.SIGKILL)
    # The last line may be cut.
    while (line := await process.stdout.readline()).endswith(b"\n"):
        before = report.done
        report.read(line.decode())
        if before < AT_WORK <= report.done:
            kill.cancel()
            kill = loop.call_later(seconds, os.kill, process.pid, signal.SIGKILL)
    assert await process.wait() == -signal.SIGKILL
    assert report.done >= AT_WORK, "it worked"
    return report


async def check(folder: Path, report: Report) -> None:
    """A fresh open finds all that was acknowledged, and counters that equal the records."""
    with sqlite3.connect(folder / "sessions.sqlite3") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    async with open_store(Config(LINGOCAST_DATA=folder)) as store:
        now = time.time()
        keys = {state[0] for told in report.by_who.values() for state in (told.acknowledged, told.begun) if state}
        stored = await read_connections(store, keys - {"-"}, now)
        for who, told in report.by_who.items():
            left_with = {told.acknowledged, told.begun or told.acknowledged}
            candidates = [stored[key] for key, _ in left_with if key in stored]
            found = {(one.key, one.target_language or "-") for one in candidates} or {NOTHING}
            assert len(found) == 1, f"{who} has both connections"
            assert found <= left_with, f"{who} was told {told}"
        for session_id in {told.session_id for told in report.by_who.values()}:
            session = await read_session(store, session_id, now)
            assert session is not None, "an acknowledged session is there"
            connections = [c async for c in find_connections(store, "session_id", session_id, now)]
            ended = any(t.ends and t.begun is None for t in report.by_who.values() if t.session_id == session_id)
            assert not (ended and (session.live or connections)), "an acknowledged end is one"
            if session.live:
                by_role = Counter(connection.role for connection in connections)
                languages = Counter(c.target_language for c in connections if c.role is Role.LISTENER)
                assert session.listener_count == by_role[Role.LISTENER]
                assert session.language_counts == languages
                assert [c.key for c in connections if _speaks(c)] == [session.speaker_connection]


def _speaks(connection: Connection) -> bool:
    return connection.role is Role.SPEAKER


@pytest.mark.timeout(300)
async def test_kill_9_at_any_moment_loses_nothing_acknowledged_and_leaves_counters_right(tmp_path: Path) -> None:
    moments = random.Random(20)
    reports = []
    for run in range(ROUNDS):
        reports.append(await killed_while_writing(tmp_path, run, moments.uniform(0.05, 0.3)))
        await check(tmp_path, reports[-1])
    # What earlier rounds wrote is still there after the later kills.
    for report in reports:
        await check(tmp_path, report)
    assert sum(told.begun is not None for report in reports for told in report.by_who.values()) >= ROUNDS
