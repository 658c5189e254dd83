"""An edge is killed with a room full of listeners: what it held is taken back, and nothing else is touched (S5, S9).

Real processes with scripted engines, two edges over one session_svc. The rules of time are shortened here; the last
test shows, with the same rules, that the defaults keep the promise of 60 s.
"""

import asyncio
import json
import signal
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import pytest_asyncio

from chassis.calling import connect
from chassis.system import System, launched
from protos.session.v1 import session_pb2 as pb
from protos.session.v1.session_pb2_grpc import SessionServiceStub
from session_svc.config import Config
from session_svc.domain.lease import gone_since, lapsed, renewed
from session_svc.domain.session import Session, speaker_overdue
from tests.fakes.plain_client import Refused, create_session, join_session

if TYPE_CHECKING:
    from protos.session.v1.session_pb2_grpc import SessionServiceAsyncStub

LISTENERS = 200
AT_ONCE = 20
SHORT = {
    # Six times as long as an edge of a busy machine should take to renew.
    "SESSION_LEASE_SECONDS": "6",
    "SESSION_RENEW_SECONDS": "1",
    "SESSION_REAP_SECONDS": "0.2",
    # The session is over (1 + 14) s after the last renewal, the records are gone after 6 s: between lie the counters.
    "SESSION_SPEAKER_GRACE_SECONDS": "14",
    # Everybody comes from one address here.
    "EDGE_LIMIT_ADDRESSES": "false",
}
SECONDS = 60.0
"""The promise, which is far longer than what these rules ask for: a busy machine must not fail the test."""


@pytest_asyncio.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    async with launched(data=tmp_path, engines="scripted", env=SHORT, edges=2) as running:
        yield running


@pytest.mark.timeout(240)
async def test_a_killed_edges_connections_go_and_the_counters_and_the_speakers_place_are_right(system: System) -> None:
    first, second = system.urls["edge"], system.urls["edge-2"]
    tokens = [await system.mint(user) for user in ("speaks-there", "speaks-here")]
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        stub = SessionServiceStub(await stack.enter_async_context(connect(system.addresses["session"])))
        there = await stack.enter_async_context(create_session(second, tokens[0]))
        here = await stack.enter_async_context(create_session(first, tokens[1]))
        survivors = [
            await stack.enter_async_context(join_session(first, there.session_id, language))
            for language in ("es", "es", "es", "pt", "pt")
        ]
        await stack.enter_async_context(join_session(first, here.session_id, "es"))
        crowd = await stack.enter_async_context(crowded(second, there.session_id, LISTENERS - 20))
        others = await stack.enter_async_context(crowded(second, here.session_id, 20))
        assert records(system.data) == {
            there.session_id: Counter({"": 1, "es": 3 + 90, "pt": 2 + 90}),
            here.session_id: Counter({"": 1, "es": 1 + 10, "pt": 10}),
        }
        watched = Watched(stub, there.session_id)
        tasks.create_task(watched.read())
        await until(lambda: watched.seen)
        with pytest.raises(Refused, match="MAX_SESSIONS_EXCEEDED"):
            async with create_session(first, tokens[0]):
                pass

        system.kill("edge-2", signal.SIGKILL)
        await asyncio.gather(*(socket.receive() for socket in (*crowd, *others)))  # All are cut off.

        await until(lambda: any(not state.speaker_connected for state in watched.seen))
        await until(lambda: watched.counts({"es": 3, "pt": 2}))
        # The other session lost only who was there, and its speaker was told.
        await until(lambda: records(system.data).get(here.session_id) == Counter({"": 1, "es": 1}))
        status = (await stub.GetStatus(pb.GetStatusRequest(session_id=here.session_id))).session
        assert (status.listener_count, dict(status.language_counts)) == (1, {"es": 1})
        assert status.state == pb.SESSION_STATE_LIVE
        await here.until(lambda: any(told["listenerCount"] == 1 for told in here.of("sessionStatus")[-1:]))

        # Then the speaker's grace is over: who listened at the other edge is told, and nothing is left.
        await asyncio.gather(*(listener.ended(SECONDS) for listener in survivors))
        assert {listener.of("sessionEnded")[0]["reason"] for listener in survivors} == {"speaker_gone"}
        await until(lambda: there.session_id not in records(system.data))
        ended = (await stub.GetSession(pb.GetSessionRequest(session_id=there.session_id))).session
        assert (ended.state, ended.end_reason, ended.listener_count) == (pb.SESSION_STATE_ENDED, "speaker_gone", 0)

        async with create_session(first, tokens[0]) as again:
            assert again.session_id != there.session_id
            await again.end()
        await here.end()
    assert never_negative(watched.seen)


def test_the_default_rules_of_time_keep_the_promise_of_60_seconds() -> None:
    """By the pure rules that the reaper follows: an edge renews for the last time at 0 and dies at once."""
    config = Config()
    terms, lease_terms = config.terms, config.lease_terms
    lease = renewed("edge", 0.0, lease_terms)
    looks = [config.reap_seconds * look for look in range(1000)]
    reaped = next(now for now in looks if lapsed(lease, now, 0.0, lease_terms))
    gone = Session("s", "u", "u#0", "c", "en", "standard", 0.0, 7200.0, 0.0, speaker_connected=False)
    gone = replace(gone, speaker_gone_at=gone_since(lease, lease_terms))
    ended = next(now for now in looks if now >= reaped and speaker_overdue(gone, now, 0.0, terms))
    assert (reaped, ended) == (30.0, 40.0)
    # A look begins when the last is done: half of a minute is left for slow stores, and one look more.
    assert ended + config.reap_seconds <= SECONDS - 15.0


@dataclass
class Watched:
    """What session_svc says of one session, in order."""

    stub: "SessionServiceAsyncStub"
    session_id: str
    seen: list[pb.WatchSessionResponse] = field(default_factory=list)

    async def read(self) -> None:
        """Until the session is over."""
        async for state in self.stub.WatchSession(pb.WatchSessionRequest(session_id=self.session_id)):
            self.seen.append(state)

    def counts(self, languages: dict[str, int]) -> bool:
        """Whether a live session was seen with just these listeners."""
        live = (state.session for state in self.seen if state.session.state == pb.SESSION_STATE_LIVE)
        return any(
            dict(session.language_counts) == languages and session.listener_count == sum(languages.values())
            for session in live
        )


def never_negative(seen: Sequence[pb.WatchSessionResponse]) -> bool:
    counts = [(state.session.listener_count, *state.session.language_counts.values()) for state in seen]
    return min(min(each) for each in counts) >= 0


@asynccontextmanager
async def crowded(url: str, session_id: str, count: int) -> AsyncIterator[list[aiohttp.ClientWebSocketResponse]]:
    """Listeners, half of them in Spanish and half in Portuguese, over one client: each has been welcomed."""
    gate = asyncio.Semaphore(AT_ONCE)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:

        async def one(number: int) -> aiohttp.ClientWebSocketResponse:
            query = {"sessionId": session_id, "targetLanguage": ("es", "pt")[number % 2]}
            async with gate:
                socket = await http.ws_connect(f"{url}/ws", params=query)
                assert (await socket.receive_json(timeout=30.0))["type"] == "sessionJoined"
                return socket

        yield await asyncio.gather(*(one(number) for number in range(count)))


def records(data: Path) -> dict[str, Counter[str]]:
    """Connections in the store by session and language; the speaker's language is empty."""
    with sqlite3.connect(f"file:{data / 'sessions.sqlite3'}?mode=ro", uri=True) as database:
        items: list[dict[str, Any]] = [
            json.loads(item) for (item,) in database.execute("SELECT item FROM items WHERE kind = 'connection'")
        ]
    found: dict[str, Counter[str]] = {}
    for item in items:
        found.setdefault(item["session_id"], Counter())[item["target_language"]] += 1
    return found


async def until(met: Callable[[], object]) -> None:
    """Waits for what other processes do."""
    async with asyncio.timeout(SECONDS):
        while not met():  # noqa: ASYNC110 - it happens in other processes and makes no event here
            await asyncio.sleep(0.05)
