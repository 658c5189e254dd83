"""The limits are one for all edges (S12): two real edges over one session_svc, tried in turn and all at once.

The scripted engines serve; the client address is what a trusted proxy says, so that each test has its own.
"""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial

import pytest
import pytest_asyncio

from chassis.system import System, launched
from tests.e2e.talks import noise, silence
from tests.fakes.plain_client import PlainClient, PlainSpeaker, Refused, create_session, join_session

pytestmark = pytest.mark.asyncio(loop_scope="module")

CREATES, JOINS, CONNECTS = 6, 5, 12
LIMITS = {
    "SESSION_CREATES_PER_HOUR": str(CREATES),
    "SESSION_JOINS_PER_MINUTE": str(JOINS),
    "SESSION_CONNECTS_PER_MINUTE": str(CONNECTS),
    # Else the second session of a speaker would be refused for another reason.
    "SESSION_SESSIONS_PER_SPEAKER": "20",
    "EDGE_TRUSTED_PROXIES": "1",
    # At the end session_svc is gone, and a draining edge would wait for it to take the departures.
    "EDGE_DRAIN_SECONDS": "1",
}
SENTENCE = noise(2.5) + silence(0.8)
CHUNK_BYTES = 3200
addresses = (f"203.0.113.{number}" for number in itertools.count(1))


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    async with launched(data=tmp_path_factory.mktemp("data"), engines="scripted", env=LIMITS, edges=2) as running:
        yield running


def at(address: str) -> dict[str, str]:
    return {"X-Forwarded-For": address}


async def in_turn(attempts: Sequence[Callable[[], Awaitable[int]]]) -> list[int]:
    return [await attempt() for attempt in attempts]


async def at_once(attempts: Sequence[Callable[[], Awaitable[int]]]) -> list[int]:
    return list(await asyncio.gather(*(attempt() for attempt in attempts)))


Manner = Callable[[Sequence[Callable[[], Awaitable[int]]]], Awaitable[list[int]]]
MANNERS = pytest.mark.parametrize("manner", [in_turn, at_once])


class Rivals:
    """Attempts at both edges by turns; each says 101 when it was let in, else the status of its refusal."""

    def __init__(self, system: System) -> None:
        self._edges = itertools.cycle(system.urls.values())

    def creating(self, token: str, address: str) -> Callable[[], Awaitable[int]]:
        return partial(_status, create_session(next(self._edges), token, headers=at(address)))

    def joining(self, session_id: str, address: str) -> Callable[[], Awaitable[int]]:
        return partial(_status, join_session(next(self._edges), session_id, "es", headers=at(address)))


async def _status(opening: AbstractAsyncContextManager[PlainClient]) -> int:
    try:
        async with opening:
            return 101
    except Refused as caught:
        refused = caught
    assert refused.deviations == []
    if refused.status == 429:
        assert refused.body["code"] == "RATE_LIMIT_EXCEEDED"
        assert refused.retry_after == refused.body["retryAfter"]
        assert 1 <= refused.body["retryAfter"] <= 3600
    return refused.status


@MANNERS
async def test_a_user_opens_as_many_sessions_as_allowed_over_both_edges(system: System, manner: Manner) -> None:
    token = await system.mint(f"creates-{manner.__name__}")
    async with asyncio.timeout(60):
        rivals = Rivals(system)
        attempts = [rivals.creating(token, next(addresses)) for _ in range(2 * CREATES)]
        statuses = await manner(attempts)
    assert Counter(statuses) == {101: CREATES, 429: CREATES}
    if manner is in_turn:
        assert statuses == [101] * CREATES + [429] * CREATES


@MANNERS
async def test_an_address_joins_as_often_as_allowed_over_both_edges(system: System, manner: Manner) -> None:
    token, address = await system.mint(f"joins-{manner.__name__}"), next(addresses)
    opening = create_session(system.url, token, headers=at(next(addresses)))
    async with asyncio.timeout(60), opening as speaker:
        rivals = Rivals(system)
        statuses = await manner([rivals.joining(speaker.session_id, address) for _ in range(2 * JOINS)])
        assert Counter(statuses) == {101: JOINS, 429: JOINS}
        # Another address is not held up by it.
        assert await rivals.joining(speaker.session_id, next(addresses))() == 101


@MANNERS
async def test_an_address_tries_to_connect_as_often_as_allowed_over_both_edges(system: System, manner: Manner) -> None:
    address = next(addresses)
    async with asyncio.timeout(60):
        rivals = Rivals(system)
        attempts = [rivals.joining("faithful-shepherd-999", address) for _ in range(2 * CONNECTS)]
        statuses = await manner(attempts)
    assert Counter(statuses) == {404: CONNECTS, 429: CONNECTS}


async def test_without_session_svc_limits_are_off_with_one_warning_joins_fail_and_talks_go_on(system: System) -> None:
    """Last of the file: session_svc is gone afterwards."""
    token, address = await system.mint("goes-on"), next(addresses)
    async with (
        asyncio.timeout(110),
        create_session(system.url, token, headers=at(next(addresses))) as speaker,
        join_session(system.url, speaker.session_id, "es", headers=at(next(addresses))) as listener,
    ):
        await say(speaker)
        await listener.until(lambda: listener.finals and listener.of("audioData"))
        await system.services["session"].stop(10.0)
        rivals = Rivals(system)
        # More than any limit lets through, by one address.
        joins = [rivals.joining(speaker.session_id, address) for _ in range(2 * CONNECTS)]
        assert set(await at_once(joins)) == {503}
        for edge in system.urls:
            assert system.log(edge).count('"rate_limits_off"') == 1, edge
        captions, cues = len(listener.finals), len(listener.of("audioData"))
        await say(speaker)
        await listener.until(lambda: len(listener.finals) > captions and len(listener.of("audioData")) > cues)
        assert speaker.of("error") == []


async def say(speaker: PlainSpeaker) -> None:
    """One sentence, at real-time speed."""
    for start in range(0, len(SENTENCE), CHUNK_BYTES):
        await speaker.send_audio(SENTENCE[start : start + CHUNK_BYTES])
        await asyncio.sleep(0.1)
