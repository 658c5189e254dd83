"""The session API over real gRPC: every call, every reason, and a process that is killed and comes back."""

import asyncio
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc

from chassis.dynamodb import open_dynamodb
from chassis.errors import LingocastError, rpc_errors
from chassis.probing import free_port
from chassis.serving import ErrorInterceptor
from protos.session.v1 import session_pb2 as pb
from protos.session.v1 import session_pb2_grpc
from session_svc.config import Config
from session_svc.domain.ids import fingerprint, short
from session_svc.service import Service, open_service
from session_svc.store import open_store
from session_svc.tables import TABLES
from tests.contract.test_session_store import Clock, Dice, store_of
from tests.databases import environment_of, settings_of

if TYPE_CHECKING:
    # Known to the type stubs only.
    from protos.session.v1.session_pb2_grpc import SessionServiceAsyncStub as Stub

# What one DynamoDB does, the other was shown to do by the contract suite of stores.
STORES = ["sqlite", "dynamodb-local"]
USER, SPEAKER, PIN = "user-anna@example.org", "speaker-connection-secret", "pin-4711"


@dataclass(frozen=True)
class Rig:
    """The service behind a port, and a client before it."""

    service: Service
    clock: Clock
    stub: "Stub"
    config: Config

    async def create(self, connection: str = SPEAKER, user: str = USER, **more: Any) -> pb.Session:
        fields = {"edge_id": "edge-1", "source_language": "en", "quality_tier": "standard", **more}
        request = pb.CreateSessionRequest(connection_id=connection, user_id=user, **fields)
        return (await self.stub.CreateSession(request)).session

    async def join(self, session: pb.Session, connection: str, language: str = "es", pin: str = "") -> pb.Session:
        request = pb.JoinSessionRequest(
            session_id=session.session_id,
            connection_id=connection,
            edge_id="edge-1",
            target_language=language,
            pin=pin,
        )
        return (await self.stub.JoinSession(request)).session

    async def end(self, session: pb.Session, connection: str = SPEAKER, reason: str = "") -> pb.Session:
        request = pb.EndSessionRequest(session_id=session.session_id, connection_id=connection, reason=reason)
        return (await self.stub.EndSession(request)).session

    async def steer(self, session: pb.Session, connection: str = SPEAKER, **switches: Any) -> pb.BroadcastState:
        request = pb.UpdateBroadcastStateRequest(session_id=session.session_id, connection_id=connection, **switches)
        return (await self.stub.UpdateBroadcastState(request)).broadcast_state


@asynccontextmanager
async def rig_of(store: str, folder: Path, **changed: Any) -> AsyncIterator[Rig]:
    clock = Clock()
    async with store_of(store, folder, **changed) as (config, opened):
        with open_service(config, opened, clock, Dice()) as service:
            server = grpc.aio.server(interceptors=[ErrorInterceptor()])
            service.register(server)
            port = server.add_insecure_port("127.0.0.1:0")
            await server.start()
            try:
                # Without the deadlines of chassis.calling: a busy machine is no fault here.
                async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                    yield Rig(service, clock, session_pb2_grpc.SessionServiceStub(channel), config)
            finally:
                await server.stop(None)


@pytest.fixture(params=STORES)
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig_of(request.param, tmp_path, capacity=3, poll_seconds=0.05) as made:
        yield made


async def refused(call: Awaitable[Any]) -> str:
    """The class and reason with which a call fails: `NotFound SESSION_NOT_FOUND`."""
    with pytest.raises(LingocastError) as failure, rpc_errors():
        await call
    return f"{type(failure.value).__name__} {failure.value.reason}"


# Create.


async def test_a_session_is_opened_with_what_the_speaker_chose(rig: Rig) -> None:
    options = pb.SessionOptions(final_only=True, min_stability=0.7)
    options.max_buffer.FromSeconds(5)
    session = await rig.create(source_language="pt_br", quality_tier="premium", options=options, pin=PIN)
    assert session.session_id.count("-") == 2
    assert (session.state, session.source_language, session.quality_tier) == (
        pb.SESSION_STATE_LIVE,
        "pt-BR",
        "premium",
    )
    assert (session.options.final_only, session.options.max_buffer.seconds, session.has_pin) == (True, 5, True)
    assert session.options.min_stability == pytest.approx(0.7)
    assert session.expires_at.ToSeconds() - session.created_at.ToSeconds() == 7200
    assert (session.broadcast_state.active, session.broadcast_state.volume) == (True, 1.0)
    assert (session.listener_count, session.end_reason, session.HasField("ended_at")) == (0, "", False)
    got = await rig.stub.GetSession(pb.GetSessionRequest(session_id=session.session_id.upper()))
    assert got.session == session


async def test_creating_again_with_the_same_connection_gives_the_same_session(rig: Rig) -> None:
    assert (await rig.create()).session_id == (await rig.create()).session_id


async def test_a_second_session_of_a_speaker_is_refused(rig: Rig) -> None:
    await rig.create()
    assert await refused(rig.create("another")) == "Exhausted MAX_SESSIONS_EXCEEDED"


async def test_no_free_id_is_an_error_of_its_own(tmp_path: Path) -> None:
    config = Config(LINGOCAST_DATA=tmp_path)
    async with open_store(config) as store:
        with open_service(config, store, Clock(), lambda bound: 0) as service:
            requests = [
                pb.CreateSessionRequest(connection_id=who, user_id=who, edge_id="e", source_language="en")
                for who in ("a", "b")
            ]
            await service.servicer.CreateSession(requests[0], None)
            with pytest.raises(LingocastError) as failure:
                await service.servicer.CreateSession(requests[1], None)
            assert failure.value.reason == "NO_SESSION_ID"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"connection": ""}, "MISSING_PARAMETER"),
        ({"user": ""}, "MISSING_PARAMETER"),
        ({"edge_id": ""}, "MISSING_PARAMETER"),
        ({"source_language": ""}, "MISSING_PARAMETER"),
        ({"connection": "x" * 257}, "INVALID_PARAMETER"),
        ({"source_language": "english"}, "INVALID_LANGUAGE"),
        ({"quality_tier": "gold"}, "INVALID_PARAMETER"),
        ({"options": pb.SessionOptions(min_stability=0.5)}, "INVALID_PARAMETER"),
        ({"options": pb.SessionOptions(min_stability=float("nan"))}, "INVALID_PARAMETER"),
        ({"pin": "1" * 65}, "INVALID_PARAMETER"),
    ],
)
async def test_wrong_requests_are_invalid(rig: Rig, changed: dict[str, Any], reason: str) -> None:
    assert await refused(rig.create(**changed)) == f"Invalid {reason}"


# Join, leave, change, refresh.


async def test_joining_counts_and_leaving_counts_off(rig: Rig) -> None:
    session = await rig.create()
    await rig.join(session, "a", "es")
    joined = await rig.join(session, "b", "pt_br")
    assert (joined.listener_count, dict(joined.language_counts)) == (2, {"es": 1, "pt-BR": 1})
    leave = pb.LeaveSessionRequest(session_id=session.session_id, connection_id="a")
    assert (await rig.stub.LeaveSession(leave)).removed
    assert not (await rig.stub.LeaveSession(leave)).removed
    got = (await rig.stub.GetSession(pb.GetSessionRequest(session_id=session.session_id))).session
    assert (got.listener_count, dict(got.language_counts)) == (1, {"pt-BR": 1})


async def test_every_reason_not_to_be_let_in(rig: Rig) -> None:
    session = await rig.create(pin=PIN)
    assert await refused(rig.join(session, "a")) == "Denied WRONG_PIN"
    assert await refused(rig.join(session, "a", pin="0000")) == "Denied WRONG_PIN"
    for who in ("a", "b", "c"):
        await rig.join(session, who, pin=PIN)
    assert await refused(rig.join(session, "d", pin=PIN)) == "Exhausted SESSION_FULL"
    assert await refused(rig.join(session, SPEAKER, pin=PIN)) == "Conflict CONFLICT"
    assert await refused(rig.join(pb.Session(session_id="no-id"), "d")) == "Invalid INVALID_SESSION_ID"
    assert await refused(rig.join(pb.Session(session_id="gentle-lamp-100"), "d")) == "NotFound SESSION_NOT_FOUND"
    assert await refused(rig.join(session, "d", language="klingon")) == "Invalid INVALID_LANGUAGE"
    await rig.end(session)
    assert await refused(rig.join(session, "d", pin=PIN)) == "NotFound SESSION_NOT_FOUND"


async def test_a_listener_moves_to_another_language(rig: Rig) -> None:
    session = await rig.create()
    await rig.join(session, "a", "es")
    name = session.session_id
    change = pb.ChangeLanguageRequest(session_id=name, connection_id="a", target_language="fr")
    for _ in range(2):
        moved = (await rig.stub.ChangeLanguage(change)).session
        assert (moved.listener_count, dict(moved.language_counts)) == (1, {"fr": 1})
    for stranger in ("unknown", SPEAKER):
        wrong = pb.ChangeLanguageRequest(session_id=name, connection_id=stranger, target_language="fr")
        assert await refused(rig.stub.ChangeLanguage(wrong)) == "NotFound CONNECTION_NOT_FOUND"


async def test_a_listener_of_one_session_is_unknown_in_another(rig: Rig) -> None:
    first, second = await rig.create(), await rig.create("speaker-2", "user-2")
    await rig.join(first, "a")
    change = pb.ChangeLanguageRequest(session_id=second.session_id, connection_id="a", target_language="fr")
    assert await refused(rig.stub.ChangeLanguage(change)) == "NotFound CONNECTION_NOT_FOUND"
    leave = pb.LeaveSessionRequest(session_id=second.session_id, connection_id="a")
    assert not (await rig.stub.LeaveSession(leave)).removed
    assert await refused(rig.join(second, "a")) == "Conflict CONFLICT"


async def test_connections_are_refreshed_by_their_owners_only(rig: Rig) -> None:
    session = await rig.create()
    await rig.join(session, "a")

    def refresh(role: pb.Role.ValueType, old: str, new: str, user: str = "") -> Awaitable[Any]:
        return rig.stub.RefreshConnection(
            pb.RefreshConnectionRequest(
                session_id=session.session_id,
                role=role,
                old_connection_id=old,
                new_connection_id=new,
                edge_id="edge-2",
                user_id=user,
            )
        )

    rig.clock.now += 100
    refreshed = (await refresh(pb.ROLE_LISTENER, "a", "a2")).session
    assert (refreshed.listener_count, refreshed.expires_at) == (1, session.expires_at)
    assert await refused(refresh(pb.ROLE_LISTENER, "a", "a3")) == "NotFound CONNECTION_NOT_FOUND"
    assert await refused(refresh(pb.ROLE_LISTENER, "", "a3")) == "Invalid MISSING_PARAMETER"
    assert await refused(refresh(pb.ROLE_LISTENER, SPEAKER, "a3")) == "NotFound CONNECTION_NOT_FOUND"
    assert await refused(refresh(pb.ROLE_SPEAKER, "", "s2", "user-other")) == "Denied NOT_THE_SPEAKER"
    assert await refused(refresh(pb.ROLE_SPEAKER, "", "s2")) == "Invalid MISSING_PARAMETER"
    assert await refused(refresh(pb.ROLE_SPEAKER, "", "a2", USER)) == "Conflict CONFLICT"
    assert await refused(refresh(pb.ROLE_UNSPECIFIED, "", "s2", USER)) == "Invalid INVALID_PARAMETER"
    for _ in range(2):
        spoken = (await refresh(pb.ROLE_SPEAKER, SPEAKER, "s2", USER)).session
        assert spoken.expires_at.ToSeconds() == session.expires_at.ToSeconds() + 100
    assert await refused(rig.steer(session, SPEAKER, muted=True)) == "Denied NOT_THE_SPEAKER"
    assert (await rig.steer(session, "s2", muted=True)).muted


# Steer, end, status.


async def test_switches_change_one_by_one_and_by_the_speaker_only(rig: Rig) -> None:
    session = await rig.create()
    await rig.join(session, "a")
    rig.clock.now += 5
    state = await rig.steer(session, active=True, volume=0.25)
    assert (state.active, state.paused, state.muted, state.volume) == (True, False, False, 0.25)
    assert state.changed_at.ToSeconds() == rig.clock.now
    state = await rig.steer(session, paused=True)
    assert (state.active, state.paused, state.volume) == (True, True, 0.25)
    for stranger in ("a", "unknown"):
        assert await refused(rig.steer(session, stranger, paused=False)) == "Denied NOT_THE_SPEAKER"
    for volume in (-0.1, 1.1, float("nan"), float("inf")):
        assert await refused(rig.steer(session, volume=volume)) == "Invalid INVALID_PARAMETER"


async def test_a_session_ends_once_by_its_speaker_and_stays_readable(rig: Rig) -> None:
    session = await rig.create()
    await rig.join(session, "a")
    assert await refused(rig.end(session, "a")) == "Denied NOT_THE_SPEAKER"
    assert await refused(rig.end(session, reason="expired")) == "Invalid INVALID_PARAMETER"
    rig.clock.now += 60
    ended = await rig.end(session)
    assert (ended.state, ended.end_reason, ended.listener_count) == (pb.SESSION_STATE_ENDED, "speaker", 0)
    rig.clock.now += 60
    assert await rig.end(session, reason="again") == ended
    status = await rig.stub.GetStatus(pb.GetStatusRequest(session_id=session.session_id))
    assert (status.session, status.session_duration.ToSeconds()) == (ended, 60)
    change = pb.ChangeLanguageRequest(session_id=session.session_id, connection_id="a", target_language="fr")
    assert await refused(rig.stub.ChangeLanguage(change)) == "NotFound SESSION_NOT_FOUND"


async def test_status_tells_counts_duration_and_switches(rig: Rig) -> None:
    session = await rig.create()
    await rig.join(session, "a", "fr")
    await rig.steer(session, active=True)
    rig.clock.now += 90.5
    status = await rig.stub.GetStatus(pb.GetStatusRequest(session_id=session.session_id))
    assert status.session_duration.ToTimedelta().total_seconds() == 90.5
    assert (dict(status.session.language_counts), status.session.broadcast_state.active) == ({"fr": 1}, True)


async def test_calls_on_unknown_sessions_are_not_found(rig: Rig) -> None:
    nowhere = pb.Session(session_id="gentle-lamp-100")
    for call in (
        rig.stub.GetSession(pb.GetSessionRequest(session_id=nowhere.session_id)),
        rig.stub.GetStatus(pb.GetStatusRequest(session_id=nowhere.session_id)),
        rig.end(nowhere),
        rig.steer(nowhere, paused=True),
    ):
        assert await refused(call) == "NotFound SESSION_NOT_FOUND"


# Watch.


@asynccontextmanager
async def watching(rig: Rig, session: pb.Session) -> AsyncIterator[AsyncIterator[pb.WatchSessionResponse]]:
    call = rig.stub.WatchSession(pb.WatchSessionRequest(session_id=session.session_id, edge_id="edge-1"))
    try:
        yield aiter(call)
    finally:
        call.cancel()


async def test_a_watcher_is_told_at_once_then_of_each_change_until_the_end(rig: Rig) -> None:
    session = await rig.create()
    async with watching(rig, session) as seen:
        first = await anext(seen)
        assert (first.session.listener_count, first.speaker_connected) == (0, True)
        assert first.speaker_connection_hash == short(fingerprint(SPEAKER))
        await rig.join(session, "a", "fr")
        assert dict((await anext(seen)).session.language_counts) == {"fr": 1}
        await rig.steer(session, paused=True)
        assert (await anext(seen)).session.broadcast_state.paused
        await rig.stub.LeaveSession(pb.LeaveSessionRequest(session_id=session.session_id, connection_id=SPEAKER))
        gone = await anext(seen)
        assert (gone.speaker_connected, gone.speaker_connection_hash) == (False, "")
        await rig.end(session)
        over = await anext(seen)
        assert (over.session.state, over.session.end_reason) == (pb.SESSION_STATE_ENDED, "speaker")
        with pytest.raises(StopAsyncIteration):
            await anext(seen)


async def test_a_watcher_of_an_expiring_session_is_told_why_it_ended(rig: Rig) -> None:
    session = await rig.create()
    async with watching(rig, session) as seen:
        await anext(seen)
        rig.clock.now += 7200
        await rig.service.reaper.reap()
        over = [status async for status in seen][-1]
        assert (over.session.state, over.session.end_reason) == (pb.SESSION_STATE_ENDED, "expired")


async def test_watching_an_unknown_session_is_not_found(rig: Rig) -> None:
    async with watching(rig, pb.Session(session_id="gentle-lamp-100")) as seen:
        assert await refused(anext(seen)) == "NotFound SESSION_NOT_FOUND"


async def test_changes_by_another_instance_are_seen_by_all_watchers_within_a_poll(tmp_path: Path) -> None:
    async with (
        rig_of("sqlite", tmp_path, poll_seconds=0.02) as here,
        rig_of("sqlite", tmp_path) as elsewhere,
        asyncio.TaskGroup() as tasks,
    ):
        session = await here.create()
        polling = tasks.create_task(here.service.watching.run())
        async with watching(here, session) as one, watching(here, session) as other:
            await anext(one)
            await anext(other)
            await elsewhere.join(session, "a", "fr")
            for seen in (one, other):
                assert dict((await anext(seen)).session.language_counts) == {"fr": 1}
        polling.cancel()


async def test_a_slow_watcher_gets_the_newest_state_not_the_queue(rig: Rig) -> None:
    session = await rig.create()
    seen = rig.service.watching.watch(session.session_id)
    assert (await anext(seen)).listener_count == 0
    for who in ("a", "b", "c"):
        await rig.join(session, who)
    assert (await anext(seen)).listener_count == 3
    await rig.end(session)
    assert [state.live async for state in seen] == [False]


# Leases and limits.


async def test_an_edge_is_told_when_to_renew_and_one_that_goes_is_reaped(rig: Rig) -> None:
    session = await rig.create()
    await rig.join(session, "a")
    lease = await rig.stub.RenewEdgeLease(pb.RenewEdgeLeaseRequest(edge_id="edge-1"))
    assert (lease.renew_every.ToSeconds(), lease.expires_at.ToSeconds()) == (10, rig.clock.now + 30)
    await rig.stub.RenewEdgeLease(pb.RenewEdgeLeaseRequest(edge_id="edge-1", release=True))
    async with watching(rig, session) as seen:
        await anext(seen)
        await rig.service.reaper.reap()
        last = await anext(seen)
        while last.session.listener_count:
            last = await anext(seen)
        assert not last.speaker_connected
    assert await refused(rig.stub.RenewEdgeLease(pb.RenewEdgeLeaseRequest())) == "Invalid MISSING_PARAMETER"


@pytest.mark.parametrize(
    ("limit", "count", "window"),
    [
        (pb.RATE_LIMIT_SESSION_CREATE, 50, 3600),
        (pb.RATE_LIMIT_JOIN, 10, 60),
        (pb.RATE_LIMIT_CONNECT, 20, 60),
        (pb.RATE_LIMIT_HEARTBEAT, 2, 60),
    ],
)
async def test_each_limit_holds_and_says_when_it_goes_on(
    rig: Rig, limit: pb.RateLimit.ValueType, count: int, window: int
) -> None:
    request = pb.TakeRateLimitRequest(limit=limit, subject="someone")
    answers = await asyncio.gather(*(rig.stub.TakeRateLimit(request) for _ in range(count + 5)))
    assert sum(answer.allowed for answer in answers) == count
    assert all(answer.enforced for answer in answers)
    rig.clock.now += window - 1.5
    late = await rig.stub.TakeRateLimit(request)
    assert (late.allowed, late.retry_after.ToTimedelta().total_seconds()) == (False, 1.5)
    other = pb.TakeRateLimitRequest(limit=limit, subject="someone else")
    assert (await rig.stub.TakeRateLimit(other)).allowed
    rig.clock.now += 1.5
    assert (await rig.stub.TakeRateLimit(request)).allowed


async def test_an_unknown_limit_is_invalid(rig: Rig) -> None:
    assert await refused(rig.stub.TakeRateLimit(pb.TakeRateLimitRequest(subject="a"))) == "Invalid INVALID_PARAMETER"


async def test_limits_switch_off_with_one_warning_while_the_store_does_not_answer(tmp_path: Path) -> None:
    async with rig_of("sqlite", tmp_path) as rig:
        requests = [pb.TakeRateLimitRequest(limit=pb.RATE_LIMIT_JOIN, subject=who) for who in ("a", "b", "c")]
        other = sqlite3.connect(tmp_path / "sessions.sqlite3", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with structlog.testing.capture_logs() as lines:
            answers = await asyncio.gather(*(rig.stub.TakeRateLimit(request) for request in requests))
        other.close()
        assert [(answer.allowed, answer.enforced) for answer in answers] == [(True, False)] * 3
        assert [line["event"] for line in lines if line["log_level"] == "warning"] == ["rate_limits_off"]
        for _ in range(20):
            again = await rig.stub.TakeRateLimit(requests[0])
            if again.enforced:
                break
        assert again.enforced


# Privacy.


async def contents(config: Config) -> bytes:
    """All that the database holds."""
    if config.store == "sqlite":
        return b"".join(path.read_bytes() for path in config.data.iterdir())
    async with open_dynamodb(config) as database:
        tables = [await database.request("scan", TableName=database.table(table.name)) for table in TABLES]
    return repr([table["Items"] for table in tables]).encode()


async def test_neither_logs_nor_database_hold_connection_ids_pins_or_users(rig: Rig) -> None:
    listener, secrets = "listener-connection-secret", (SPEAKER, USER, PIN, "listener-connection-secret")
    with structlog.testing.capture_logs() as lines:
        session = await rig.create(pin=PIN)
        await rig.join(session, listener, pin=PIN)
        await rig.stub.LeaveSession(pb.LeaveSessionRequest(session_id=session.session_id, connection_id=SPEAKER))
        await rig.end(session)
    assert {"session_opened", "speaker_gone", "session_ended"} <= {line["event"] for line in lines}
    stored = await contents(rig.config)
    assert session.session_id.encode() in stored
    for secret in secrets:
        assert secret not in repr(lines)
        assert secret.encode() not in stored


# The process.


@asynccontextmanager
async def process(config: Config, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """The real thing; killed on leaving if it still runs."""
    environment = {
        **os.environ,
        **(environment_of(config) if config.store == "dynamodb" else {}),
        "LINGOCAST_DATA": str(config.data),
        "SESSION_STORE": config.store,
        "SESSION_LISTEN": f"127.0.0.1:{port}",
        "SESSION_SPEAKER_GRACE_SECONDS": "0.2",
        "SESSION_REAP_SECONDS": "0.05",
    }
    running = await asyncio.create_subprocess_exec(sys.executable, "-m", "session_svc", env=environment)
    try:
        yield running
    finally:
        if running.returncode is None:
            running.kill()
            await running.wait()


async def until_serving(channel: grpc.aio.Channel) -> None:
    health = health_pb2_grpc.HealthStub(channel)
    request = health_pb2.HealthCheckRequest(service="lingocast.session.v1.SessionService")
    answer = await health.Check(request, wait_for_ready=True, timeout=60)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize("store", STORES)
async def test_a_killed_service_comes_back_with_every_session_and_drains_when_told(store: str, tmp_path: Path) -> None:
    port = free_port()
    async with store_of(store, tmp_path) as (config, _), grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub: Stub = session_pb2_grpc.SessionServiceStub(channel)
        async with process(config, port) as first:
            await until_serving(channel)
            created = await stub.CreateSession(
                pb.CreateSessionRequest(
                    connection_id=SPEAKER, user_id=USER, edge_id="edge-1", source_language="en", pin=PIN
                )
            )
            name = created.session.session_id
            join = pb.JoinSessionRequest(
                session_id=name, connection_id="a", edge_id="edge-1", target_language="fr", pin=PIN
            )
            joined = (await stub.JoinSession(join)).session
            await stub.UpdateBroadcastState(
                pb.UpdateBroadcastStateRequest(session_id=name, connection_id=SPEAKER, muted=True)
            )
            first.kill()
            assert await first.wait() == -signal.SIGKILL
        async with process(config, port) as second:
            await until_serving(channel)
            again = (await stub.JoinSession(join)).session
            assert (again.language_counts, again.expires_at) == (joined.language_counts, joined.expires_at)
            assert again.broadcast_state.muted
            watch = stub.WatchSession(pb.WatchSessionRequest(session_id=name))
            seen = aiter(watch)
            assert (await anext(seen)).speaker_connected
            # The reaper runs: a speaker who is gone for the grace ends the session.
            await stub.LeaveSession(pb.LeaveSessionRequest(session_id=name, connection_id=SPEAKER))
            states = [status async for status in seen]
            assert [states[-1].session.end_reason, states[-1].session.state] == ["speaker_gone", pb.SESSION_STATE_ENDED]
            second.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(second.wait(), 40) == 0


async def test_a_service_without_its_tables_says_what_to_do_and_ends(tmp_path: Path) -> None:
    config = Config(LINGOCAST_DATA=tmp_path, store="dynamodb", **settings_of("dynamodb-local"))
    environment = {**os.environ, **environment_of(config), "SESSION_STORE": "dynamodb", "LINGOCAST_DATA": str(tmp_path)}
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "session_svc", env=environment, stderr=asyncio.subprocess.PIPE
    )
    _, said = await asyncio.wait_for(started.communicate(), 60)
    assert started.returncode == 1
    assert b"python -m session_svc.tables create" in said
    assert b"Traceback" not in said
