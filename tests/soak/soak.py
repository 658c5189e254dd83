"""Runs the whole system under people who come and go, disturbs it twice, and keeps what it held and did meanwhile."""

import asyncio
import json
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from chassis.calling import connect
from chassis.supervision import cpu_seconds
from chassis.system import System, launched
from edge.auth import LocalIssuer
from protos.session.v1 import session_pb2 as pb
from protos.session.v1.session_pb2_grpc import SessionServiceStub
from tests.e2e.talks import connection_records
from tests.fakes.balancer import balanced
from tests.soak.hall import Hall, Ledger
from tests.soak.samples import FEW_DESCRIPTORS, Lives, taken

HALLS: Final = 20
SLOW_HALLS: Final = 4
SETTINGS: Final = {
    # Everybody comes from one address, and speakers open many sessions.
    "EDGE_LIMIT_ADDRESSES": "false",
    "SESSION_CREATES_PER_HOUR": "1000",
    # So that who does not read for a minute loses something.
    "EDGE_MAILBOX_SECONDS": "4",
    "EDGE_REFRESH_AFTER_SECONDS": "60",
    "EDGE_WARN_AFTER_SECONDS": "75",
    "EDGE_CLOSE_AFTER_SECONDS": "90",
}
SAMPLE_SECONDS: Final = 10.0
RAMP_SECONDS: Final = 1.0
"""Between the first speakers of two halls."""
NATS_AT, EDGE_AT = 0.25, 0.5
"""Of the run: when NATS is killed, and when an edge is restarted."""
SETTLE_SECONDS: Final = 60.0
"""What the last to leave may take, records and descriptors: a listener keeps its place for 10 s."""


@dataclass(slots=True)
class Findings:
    """What a run has left to judge."""

    seconds: float
    ledger: Ledger
    lives: Lives = field(default_factory=Lives)
    leaving: set[str] = field(default_factory=set)
    """Services that are being restarted: what they hold then says nothing."""
    cpu_seconds: float = 0.0
    at_rest: dict[str, int] = field(default_factory=dict)
    """Descriptors by service, before anybody came."""
    left_over: list[str] = field(default_factory=list)
    """What was still there after everybody had gone."""
    errors: list[str] = field(default_factory=list)
    """Lines of the logs that nobody expects."""


async def soak(data: Path, minutes: float) -> Findings:
    """Takes `minutes`, and about one more to start, fill, empty and stop. Raises StartFailed."""
    seconds = 60 * minutes
    async with launched(data=data, env=SETTINGS, edges=2, token=False, report=print) as system:
        edges = [system.urls[name] for name in ("edge", "edge-2")]
        async with balanced(edges) as url:
            began = time.monotonic()
            ledger = Ledger(url, edges, lambda: time.monotonic() - began)
            found = Findings(seconds, ledger)
            found.at_rest = descriptors(system)
            before = cpu_seconds(list(system.pids.values()))
            await _occupied(system, found, data)
            found.cpu_seconds = cpu_seconds(list(system.pids.values())) - before
            found.left_over = await _left_over(system, found, data)
    found.errors = [line for name in system.services for line in unexpected(name, system.log(name))]
    return found


async def _occupied(system: System, found: Findings, data: Path) -> None:
    issuer = await asyncio.to_thread(LocalIssuer.open, data)
    seconds, ledger = found.seconds, found.ledger
    lengths = min(90.0, seconds / 6), min(240.0, seconds / 3)
    async with asyncio.TaskGroup() as tasks:
        sampling = tasks.create_task(_sample(system, found))
        disturbing = tasks.create_task(_disturb(system, found))
        async with asyncio.TaskGroup() as halls:
            for number in range(HALLS):
                chance = random.Random(number)
                hall = Hall(ledger, issuer.mint(f"soak-{number}"), chance, slow=number < SLOW_HALLS)
                halls.create_task(hall.run(seconds, lengths))
                await asyncio.sleep(RAMP_SECONDS)
        await disturbing
        sampling.cancel()


async def _sample(system: System, found: Findings) -> None:
    every = min(SAMPLE_SECONDS, found.seconds / 60)
    minute = 0
    await asyncio.sleep(HALLS * RAMP_SECONDS)  # From when all are there.
    while True:
        at = found.ledger.clock()
        if at > found.seconds:
            return
        staying = {name: pid for name, pid in system.pids.items() if name not in found.leaving}
        for name, pid, sample in taken(staying, at):
            found.lives.add(name, pid, sample)
        if at // 60 > minute:
            minute = int(at // 60)
            print(f"{minute} of {found.seconds / 60:g} minutes, {len(found.ledger.sessions)} sessions", flush=True)
        await asyncio.sleep(every)


async def _disturb(system: System, found: Findings) -> None:
    ledger, seconds = found.ledger, found.seconds
    await asyncio.sleep(NATS_AT * seconds - ledger.clock())
    with ledger.disturbing("NATS was killed and started again", loses=True):
        before = system.pids["nats"]
        system.kill("nats")
        await system.replaced("nats", before)
    await asyncio.sleep(EDGE_AT * seconds - ledger.clock())
    with ledger.disturbing("an edge was restarted", loses=False):
        found.leaving.add("edge-2")
        await system.restart("edge-2")
        found.leaving.clear()


# ---------------------------------------------------------------------- when everybody has gone


async def _left_over(system: System, found: Findings, data: Path) -> list[str]:
    """What does not go away within SETTLE_SECONDS."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while (left := list(_still_held(system, found, data))) and time.monotonic() < deadline:  # noqa: ASYNC110 - elsewhere
        await asyncio.sleep(1.0)
    return left + await _miscounted(system, found.ledger.sessions)


def _still_held(system: System, found: Findings, data: Path) -> Iterator[str]:
    if count := connection_records(data):
        yield f"{count} connections in the store"
    for name, count in descriptors(system).items():
        if count > found.at_rest[name] + FEW_DESCRIPTORS:
            yield f"{count} descriptors of {name}, {found.at_rest[name]} before"


async def _miscounted(system: System, sessions: Sequence[str]) -> list[str]:
    wrong = []
    async with connect(system.addresses["session"]) as channel:
        stub = SessionServiceStub(channel)
        for session_id in sessions:
            session = (await stub.GetSession(pb.GetSessionRequest(session_id=session_id))).session
            if session.state != pb.SESSION_STATE_ENDED:
                wrong.append(f"session {session_id} has not ended")
            if session.listener_count or any(session.language_counts.values()):
                wrong.append(f"session {session_id} counts {session.listener_count} listeners after its end")
    return wrong


def descriptors(system: System) -> dict[str, int]:
    """Open now, by service; descendants counted in."""
    counts = dict.fromkeys(system.pids, 0)
    for name, _, sample in taken(system.pids, 0.0):
        counts[name.partition("/")[0]] += sample.descriptors
    return counts


def unexpected(service: str, log: str) -> Iterator[str]:
    """Errors in a service's log, and whatever looks like one in lines that are not ours."""
    for line in log.splitlines():
        try:
            entry = json.loads(line)
            level, event = str(entry["level"]), str(entry["event"])
        except (ValueError, KeyError, TypeError):
            if "Traceback" in line or "never retrieved" in line or "[ERR]" in line or "[FTL]" in line:
                yield f"{service}: {line[:200]}"
            continue
        if level in ("error", "critical") or "never retrieved" in event:
            yield f"{service}: {event[:200]} {entry.get('exception', '')[-300:]}"
