"""Joins a second that one session_svc takes by gRPC alone, without an edge."""

import asyncio
from secrets import token_hex
from time import perf_counter, process_time
from typing import TYPE_CHECKING

from chassis.supervision import cpu_seconds
from protos.session.v1 import session_pb2 as pb
from tests.bench.session_report import Rate

if TYPE_CHECKING:
    from protos.session.v1.session_pb2_grpc import SessionServiceAsyncStub

UNDER_WAY = 32


async def burst(stub: "SessionServiceAsyncStub", pid: int, sessions: int, capacity: int, seconds: float) -> Rate:
    """Fills so many new sessions to their capacity, or as far as `seconds` allow. `pid`: of session_svc."""
    session_ids = [await _session(stub, f"burst-{sessions}-{number}") for number in range(sessions)]
    waiting = iter([each for _ in range(capacity) for each in session_ids])
    start, own, served = perf_counter(), process_time(), cpu_seconds([pid])
    joined = 0

    async def joining() -> None:
        nonlocal joined
        for session_id in waiting:
            if perf_counter() > start + seconds:
                return
            request = pb.JoinSessionRequest(
                session_id=session_id, connection_id=token_hex(16), edge_id="bench", target_language="es"
            )
            await stub.JoinSession(request)
            joined += 1

    async with asyncio.TaskGroup() as tasks:
        for _ in range(UNDER_WAY):
            tasks.create_task(joining())
    took = perf_counter() - start
    return Rate(sessions, joined / took, (cpu_seconds([pid]) - served) / took, (process_time() - own) / took)


async def _session(stub: "SessionServiceAsyncStub", user_id: str) -> str:
    request = pb.CreateSessionRequest(
        connection_id=token_hex(16),
        user_id=user_id,
        edge_id="bench",
        source_language="en",
        quality_tier="standard",
    )
    return (await stub.CreateSession(request)).session.session_id
