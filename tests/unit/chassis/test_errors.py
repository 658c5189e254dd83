"""Errors, deadlines and retries over a real gRPC server, with chassis.serving on one side and chassis.calling on the
other."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from opentelemetry.instrumentation.grpc import aio_server_interceptor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from chassis import errors
from chassis.calling import connect
from chassis.errors import Conflict, Denied, Exhausted, Invalid, LingocastError, NotFound, Unavailable, rpc_errors
from chassis.probing import until_healthy
from chassis.serving import ErrorInterceptor, run, serve
from protos.session.v1 import session_pb2, session_pb2_grpc
from protos.transcription.v1 import transcription_pb2, transcription_pb2_grpc

ROOT = Path(__file__).resolve().parents[3]
SERVICES = ["lingocast.session.v1.SessionService", "lingocast.transcription.v1.TranscriptionService"]
Context = grpc.aio.ServicerContext[Any, Any]
Answer = Callable[[Context], None]


class Session(session_pb2_grpc.SessionServiceServicer):
    """Does in every call what the test says; counts the calls."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.calls = 0
        self.seconds = 0.0

    async def GetSession(  # noqa: N802 - the RPC's name
        self, request: session_pb2.GetSessionRequest, context: Context
    ) -> session_pb2.GetSessionResponse:
        self.calls += 1
        self.answer(context)
        await asyncio.sleep(self.seconds)
        return session_pb2.GetSessionResponse()

    async def WatchSession(  # noqa: N802 - the RPC's name
        self, request: session_pb2.WatchSessionRequest, context: Context
    ) -> AsyncIterator[session_pb2.WatchSessionResponse]:
        self.calls += 1
        yield session_pb2.WatchSessionResponse()
        self.answer(context)


class Transcription(transcription_pb2_grpc.TranscriptionServiceServicer):
    """Fails in a task group, in the middle of a bidirectional stream."""

    async def Broadcast(  # noqa: N802 - the RPC's name
        self, requests: AsyncIterator[transcription_pb2.BroadcastRequest], context: Context
    ) -> AsyncIterator[transcription_pb2.BroadcastResponse]:
        async for _ in requests:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_refuse())
            yield transcription_pb2.BroadcastResponse()


async def _refuse() -> None:
    raise Conflict("SESSION_ENDED", "the session has ended")


@asynccontextmanager
async def served(answer: Answer, port: int) -> AsyncIterator[tuple[Session, grpc.aio.Channel]]:
    session = Session(answer)  # type: ignore[abstract]

    def register(server: grpc.aio.Server) -> None:
        session_pb2_grpc.add_SessionServiceServicer_to_server(session, server)
        transcription_pb2_grpc.add_TranscriptionServiceServicer_to_server(Transcription(), server)  # type: ignore[abstract]

    address = f"127.0.0.1:{port}"
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(serve(address, register, SERVICES))
        async with connect(address) as channel:
            async with asyncio.timeout(30):
                await until_healthy(address)
            yield session, channel
        serving.cancel()


def raising(error: Exception) -> Answer:
    def answer(_: Context) -> None:
        raise error

    return answer


async def failure_of(answer: Answer, port: int) -> LingocastError:
    async with served(answer, port) as (_, channel):
        with pytest.raises(LingocastError) as caught, rpc_errors():
            await session_pb2_grpc.SessionServiceStub(channel).GetSession(session_pb2.GetSessionRequest())
    return caught.value


@pytest.mark.parametrize("kind", [Invalid, Denied, NotFound, Conflict, Exhausted, Unavailable])
async def test_class_reason_sentence_and_delay_arrive_as_they_were_raised(
    kind: type[LingocastError], port: Callable[[], int]
) -> None:
    error = await failure_of(raising(kind("SOME_REASON", "a sentence", retry_after=timedelta(seconds=2.5))), port())
    assert type(error) is kind
    assert (error.reason, error.message, error.retry_after) == ("SOME_REASON", "a sentence", timedelta(seconds=2.5))


async def test_an_unknown_delay_stays_unknown(port: Callable[[], int]) -> None:
    assert (await failure_of(raising(NotFound("SESSION_NOT_FOUND", "no such session")), port())).retry_after is None


async def test_an_unexpected_exception_tells_the_caller_nothing_of_our_insides(port: Callable[[], int]) -> None:
    error = await failure_of(raising(RuntimeError("password is swordfish")), port())
    assert (error.reason, error.message) == ("INTERNAL", "internal error")
    cause = error.__cause__
    assert isinstance(cause, grpc.aio.AioRpcError)
    assert cause.code() is grpc.StatusCode.INTERNAL
    assert "swordfish" not in f"{cause!r}{cause.trailing_metadata()}"


async def test_what_led_to_a_failure_is_in_no_trace() -> None:
    def answer(_: Context) -> None:
        try:
            raise ValueError("Value 'the text' at 'text' failed")
        except ValueError as error:
            raise Unavailable("SYNTHESIS_FAILED", "the engine refused it") from error

    kept, tracing = InMemorySpanExporter(), TracerProvider()
    tracing.add_span_processor(SimpleSpanProcessor(kept))
    server = grpc.aio.server(
        interceptors=[aio_server_interceptor(tracer_provider=tracing), ErrorInterceptor()]  # type: ignore[no-untyped-call]
    )
    session_pb2_grpc.add_SessionServiceServicer_to_server(Session(answer), server)  # type: ignore[abstract]
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = session_pb2_grpc.SessionServiceStub(channel)
            with pytest.raises(Unavailable), rpc_errors():
                await stub.GetSession(session_pb2.GetSessionRequest())
            with pytest.raises(Unavailable), rpc_errors():
                await _collect(stub.WatchSession(session_pb2.WatchSessionRequest()), [])
    finally:
        await server.stop(None)
    spans = kept.get_finished_spans()
    assert len(spans) == 2
    assert "the text" not in "".join(span.to_json() for span in spans)


async def test_what_is_not_there_yet_answers_unimplemented(port: Callable[[], int]) -> None:
    error = await failure_of(raising(NotImplementedError()), port())
    assert isinstance(error, Invalid)
    assert error.reason == "UNIMPLEMENTED"
    async with served(lambda _: None, port()) as (_, channel):
        with pytest.raises(Invalid, match="UNIMPLEMENTED"), rpc_errors():
            await session_pb2_grpc.SessionServiceStub(channel).EndSession(session_pb2.EndSessionRequest())


async def test_an_error_in_the_middle_of_a_stream_arrives_after_what_came_before(port: Callable[[], int]) -> None:
    got: list[session_pb2.WatchSessionResponse] = []
    async with served(raising(NotFound("SESSION_NOT_FOUND", "gone")), port()) as (session, channel):
        call = session_pb2_grpc.SessionServiceStub(channel).WatchSession(session_pb2.WatchSessionRequest())
        with pytest.raises(NotFound, match="SESSION_NOT_FOUND: gone"), rpc_errors():
            await _collect(call, got)
        assert (len(got), session.calls) == (1, 1)


async def test_an_error_inside_a_task_group_arrives_as_itself(port: Callable[[], int]) -> None:
    async def requests() -> AsyncIterator[transcription_pb2.BroadcastRequest]:
        yield transcription_pb2.BroadcastRequest()

    async with served(lambda _: None, port()) as (_, channel):
        with pytest.raises(Conflict, match="SESSION_ENDED"), rpc_errors():
            async for _ in transcription_pb2_grpc.TranscriptionServiceStub(channel).Broadcast(requests()):
                pass


async def test_every_call_carries_its_deadline_to_the_server_and_a_session_long_stream_has_none(
    port: Callable[[], int],
) -> None:
    left: list[float | None] = []
    async with served(lambda context: left.append(context.time_remaining()), port()) as (_, channel):
        stub = session_pb2_grpc.SessionServiceStub(channel)
        for _ in range(5):
            await stub.GetSession(session_pb2.GetSessionRequest())
        [_ async for _ in stub.WatchSession(session_pb2.WatchSessionRequest())]
    *calls, stream = left
    # The one that was quickest under way. gRPC rounds a timeout up.
    call = max(seconds for seconds in calls if seconds is not None)
    assert call <= 2.1
    # The whole of it: deadlines of the service config once ended calls of 2 s after 0.8 s.
    assert call > 1.5
    assert stream is None


async def test_a_call_that_outlives_its_deadline_is_unavailable(port: Callable[[], int]) -> None:
    async with served(lambda _: None, port()) as (session, channel):
        session.seconds = 30.0
        with pytest.raises(Unavailable) as caught, rpc_errors():
            await session_pb2_grpc.SessionServiceStub(channel).GetSession(session_pb2.GetSessionRequest(), timeout=0.1)
    assert caught.value.reason == "DEADLINE_EXCEEDED"


async def test_unavailable_is_tried_three_times_and_nothing_else_is(port: Callable[[], int]) -> None:
    tries = iter([Unavailable("STORE_UNAVAILABLE", "busy"), Unavailable("STORE_UNAVAILABLE", "busy"), None])

    def third_time(_: Context) -> None:
        if error := next(tries):
            raise error

    async with served(third_time, port()) as (session, channel):
        stub = session_pb2_grpc.SessionServiceStub(channel)
        await stub.GetSession(session_pb2.GetSessionRequest())
        assert session.calls == 3
        session.answer, session.calls = raising(Conflict("SESSION_ENDED", "over")), 0
        with pytest.raises(Conflict), rpc_errors():
            await stub.GetSession(session_pb2.GetSessionRequest())
        assert session.calls == 1


async def test_a_peer_that_is_not_there_is_unavailable(port: Callable[[], int]) -> None:
    async with connect(f"127.0.0.1:{port()}") as channel:
        with pytest.raises(Unavailable) as caught, rpc_errors():
            await session_pb2_grpc.SessionServiceStub(channel).GetSession(session_pb2.GetSessionRequest())
    assert caught.value.reason == "UNAVAILABLE"
    assert caught.value.retryable


async def test_services_call_each_other_directly_where_an_http_proxy_is_set(
    port: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port()}")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    async with served(lambda _: None, port()) as (session, channel):
        await session_pb2_grpc.SessionServiceStub(channel).GetSession(session_pb2.GetSessionRequest())
        assert session.calls == 1


async def test_health_and_reflection_name_every_service(port: Callable[[], int]) -> None:
    async with served(lambda _: None, port()) as (_, channel):
        health = health_pb2_grpc.HealthStub(channel)
        for name in ("", *SERVICES):
            answer = await health.Check(health_pb2.HealthCheckRequest(service=name))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        call = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]))
        listed = [service.name async for answer in call for service in answer.list_services_response.service]
    assert set(SERVICES) <= set(listed)


async def test_two_servers_cannot_share_a_port(port: Callable[[], int]) -> None:
    taken = port()
    async with served(lambda _: None, taken):
        with pytest.raises(RuntimeError):
            await serve(f"127.0.0.1:{taken}", lambda _: None, [])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_lets_the_call_under_way_finish(number: signal.Signals, port: Callable[[], int]) -> None:
    address = f"127.0.0.1:{port()}"
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.fakes.slow_service", address, "0.5"), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert server.stdout
        async with asyncio.timeout(30), connect(address) as channel, asyncio.TaskGroup() as tasks:
            await until_healthy(address)
            call = tasks.create_task(_get(channel))
            while await server.stdout.readline() != b"entered\n":
                assert server.returncode is None
            server.send_signal(number)
            assert await call == session_pb2.GetSessionResponse()
            assert await server.wait() == 0
    finally:
        if server.returncode is None:
            server.kill()
            await server.wait()


async def _collect(
    call: AsyncIterable[session_pb2.WatchSessionResponse], into: list[session_pb2.WatchSessionResponse]
) -> None:
    async for response in call:
        into.append(response)  # noqa: PERF401 - what came before the failure is the point


async def _get(channel: grpc.aio.Channel) -> session_pb2.GetSessionResponse:
    response: session_pb2.GetSessionResponse = await session_pb2_grpc.SessionServiceStub(channel).GetSession(
        session_pb2.GetSessionRequest()
    )
    return response


def test_what_a_service_lacks_is_told_as_a_sentence_however_deep_it_was_found() -> None:
    async def main() -> None:
        async with asyncio.TaskGroup():
            raise Unavailable("STORE_UNAVAILABLE", "no table; make one")

    with pytest.raises(SystemExit) as told:
        run("some_svc", main())
    assert told.value.code == "some_svc cannot run: no table; make one"


def test_a_defect_of_a_service_is_no_sentence() -> None:
    async def main() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run("some_svc", main())


def test_only_unavailable_is_worth_trying_again() -> None:
    kinds = [Invalid, Denied, NotFound, Conflict, Exhausted, Unavailable]
    assert [kind.__name__ for kind in kinds if kind.retryable] == ["Unavailable"]
    assert len({kind.code for kind in kinds}) == len(kinds)


def test_an_error_reads_as_reason_and_sentence() -> None:
    assert str(errors.Denied("WRONG_PIN", "the PIN is another")) == "WRONG_PIN: the PIN is another"
