"""The real edge in front of the real session_svc over SQLite, in one process; only the recogniser is played by hand."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import aiohttp

from chassis.calling import connect
from edge.app import make_app, serve_http
from edge.bus import Bus, LocalBus
from edge.config import Config as EdgeConfig
from edge.edge import open_edge
from protos.transcription.v1.transcription_pb2_grpc import add_TranscriptionServiceServicer_to_server
from session_svc.config import Config as SessionConfig
from session_svc.service import open_service
from session_svc.store import open_store
from tests.fakes.edge import NamedTokens, RunningEdge
from tests.fakes.serving import served
from tests.fakes.session import FakeSessions
from tests.fakes.transcription import FakeTranscription


@asynccontextmanager
async def stored_edge(
    folder: Path, session_settings: Mapping[str, object] | None = None, **settings: object
) -> AsyncIterator[RunningEdge]:
    """`session_settings`: fields of session_svc's Config; `settings`: of the edge's. `sessions` of what this gives is
    not asked by anybody. The reaper does not run."""
    async with stored_edges(folder, [LocalBus()], session_settings, **settings) as (edge,):
        yield edge


@asynccontextmanager
async def stored_edges(
    folder: Path, buses: Sequence[Bus], session_settings: Mapping[str, object] | None = None, **settings: object
) -> AsyncIterator[tuple[RunningEdge, ...]]:
    """As many edges as `buses`, each with its own, in front of the same session_svc and recogniser."""
    config = SessionConfig.model_validate({"LINGOCAST_DATA": folder, "store": "sqlite", **(session_settings or {})})
    edge_config = EdgeConfig.model_validate(
        {"host": "127.0.0.1", "tail_seconds": 20.0, "drain_seconds": 0.5, "status_period_seconds": 60.0, **settings}
    )
    transcription = FakeTranscription()
    async with open_store(config) as store:
        with open_service(config, store, time.time, secrets.randbelow) as service:
            async with (
                served(service.register) as session_address,
                served(partial(add_TranscriptionServiceServicer_to_server, transcription)) as transcription_address,
                connect(session_address) as session,
                connect(transcription_address) as transcribing,
                AsyncExitStack() as stack,
            ):
                edges = []
                for bus in buses:
                    edge = await stack.enter_async_context(
                        open_edge(edge_config, NamedTokens(), session, transcribing, bus)
                    )
                    url = await stack.enter_async_context(serve_http(make_app(edge), "127.0.0.1", 0))
                    async with asyncio.timeout(30):
                        await edge.until_ready()
                    edges.append((url, edge))
                # Closed first, so that no edge waits for its sockets.
                http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
                await stack.enter_async_context(http)
                yield tuple(RunningEdge(url, edge, FakeSessions(), transcription, http) for url, edge in edges)
