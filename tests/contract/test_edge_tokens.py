"""Speakers' tokens over real sockets (S16, S15), with an issuer whose key server is real, rotates, fails and counts."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from edge.auth import AuthSettings, TokenVerifier, open_verifier
from edge.jwks import COOL_DOWN_SECONDS, MAX_AGE_SECONDS, RETRY_SECONDS, RemoteKeys
from tests.fakes.edge import Json, RunningEdge, held, running_edge
from tests.fakes.issuer import (
    CLIENT,
    FIRST,
    ISSUER,
    RULES,
    SECOND,
    Clock,
    KeyServer,
    forged_with_hs256,
    key_server,
    public_jwk,
    public_pem,
    signed,
    unsigned,
    with_header,
)

LEEWAY: Final = round(RULES.leeway_seconds)
both_flavours = pytest.mark.parametrize("plain", [True, False], ids=["plain", "v1"])


@dataclass(frozen=True)
class Guarded:
    """An edge that takes tokens of one issuer."""

    running: RunningEdge
    issuer: KeyServer
    clock: Clock

    async def refusal(self, token: str, *, plain: bool = True) -> Json:
        ended, error = await self.running.refused(query(token), plain=plain)
        expected = {401: 4001, 503: 1011}[error["status"]]
        assert ended == (error["status"] if plain else expected)
        assert token == "" or token not in str(error)
        return error

    async def welcome(self, token: str, *, plain: bool = True) -> str:
        """Opens a session; returns whose it is."""
        peer = await self.running.open(query(token), plain=plain)
        created = await peer.expect("sessionCreated")
        return self.running.sessions.kept[created["sessionId"]].user_id


def query(token: str) -> dict[str, str]:
    return {"action": "createSession", "sourceLanguage": "en", "token": token}


@pytest.fixture
async def guarded() -> AsyncIterator[Guarded]:
    clock = Clock()
    async with (
        key_server() as issuer,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as http,
        held(running_edge()) as running,
    ):
        running.edge.verifier = TokenVerifier(RULES, RemoteKeys(http, issuer.url, clock))
        yield Guarded(running, issuer, clock)


def soon(seconds: float) -> int:
    return int(time.time() + seconds)


GOOD: dict[str, Callable[[], str]] = {
    "a Cognito access token": signed,
    "a Cognito id token": lambda: signed(client_id=None, aud=CLIENT, token_use="id"),
    "another OIDC issuer's token": lambda: signed(client_id=None, aud=["other", CLIENT], token_use=None),
    "expired within the leeway": lambda: signed(exp=soon(-LEEWAY / 2)),
    "issued by a clock that is ahead": lambda: signed(iat=soon(LEEWAY / 2), nbf=soon(LEEWAY / 2)),
}
BAD: dict[str, tuple[str, Callable[[], str]]] = {
    "none at all": ("MISSING_TOKEN", lambda: ""),
    "expired": ("TOKEN_EXPIRED", lambda: signed(exp=soon(-3600))),
    "expired beyond the leeway": ("TOKEN_EXPIRED", lambda: signed(exp=soon(-LEEWAY - 20))),
    "not valid yet, beyond the leeway": ("INVALID_TOKEN", lambda: signed(nbf=soon(LEEWAY + 60))),
    "issued in the future, beyond the leeway": ("INVALID_TOKEN", lambda: signed(iat=soon(LEEWAY + 60))),
    "another issuer": ("INVALID_TOKEN", lambda: signed(iss="https://elsewhere.test/pool")),
    "another application's access token": ("INVALID_TOKEN", lambda: signed(client_id="another-app")),
    "another application's id token": ("INVALID_TOKEN", lambda: signed(client_id=None, aud="other", token_use="id")),
    "a refresh token": ("INVALID_TOKEN", lambda: signed(token_use="refresh")),
    "signed with another key": ("INVALID_TOKEN", lambda: signed(SECOND, "first")),
    "signed with a key nobody knows": ("INVALID_TOKEN", lambda: signed(SECOND, "second")),
    "HS256": ("INVALID_TOKEN", lambda: forged_with_hs256(b"a shared secret")),
    "HS256 with the public key as secret": ("INVALID_TOKEN", lambda: forged_with_hs256(public_pem())),
    "not signed": ("INVALID_TOKEN", unsigned),
    "a header that nests without end": (
        "INVALID_TOKEN",
        lambda: with_header(b'{"alg":"RS256","kid":"first","x":' + b"[" * 3_000),
    ),
    "not a JWT": ("INVALID_TOKEN", lambda: "let me in"),
}


@both_flavours
async def test_a_good_token_opens_a_session_for_its_subject(guarded: Guarded, plain: bool) -> None:
    for name, make in GOOD.items():
        assert await guarded.welcome(make(), plain=plain) == "anna", name
    assert guarded.issuer.fetches == 1


@both_flavours
async def test_a_token_in_the_header_is_as_good_and_as_bad(guarded: Guarded, plain: bool) -> None:
    create = {"action": "createSession", "sourceLanguage": "en"}
    good = {"Authorization": f"Bearer {signed(sub='ben')}"}
    await (await guarded.running.open(create, plain=plain, headers=good)).expect("sessionCreated")
    bad = {"Authorization": f"Bearer {unsigned()}"}
    _, error = await guarded.running.refused(create, plain=plain, headers=bad)
    assert error["code"] == "INVALID_TOKEN"


@both_flavours
async def test_a_bad_token_is_refused_by_what_is_wrong_with_it(guarded: Guarded, plain: bool) -> None:
    outcomes = {name: (await guarded.refusal(make(), plain=plain))["code"] for name, (_, make) in BAD.items()}
    assert outcomes == {name: code for name, (code, _) in BAD.items()}
    assert not guarded.running.sessions.kept
    # The first key that is not known asks; the others within the cool-down do not.
    assert guarded.issuer.fetches == 1


async def test_the_same_rules_guard_a_refresh(guarded: Guarded) -> None:
    peer = await guarded.running.open(query(signed()))
    created = await peer.expect("sessionCreated")
    asked = {"action": "refreshConnection", "role": "speaker", "sessionId": created["sessionId"]}
    for token, code in (
        (signed(exp=soon(-3600)), "TOKEN_EXPIRED"),
        (forged_with_hs256(public_pem()), "INVALID_TOKEN"),
        (signed(sub="mallory"), "UNAUTHORIZED_ACTION"),
    ):
        _, error = await guarded.running.refused({**asked, "token": token}, plain=True)
        assert error["code"] == code
    await peer.alive()
    second = await guarded.running.open({**asked, "token": signed()})
    await second.expect("connectionRefreshComplete")


async def test_a_new_key_works_after_one_fetch_and_a_withdrawn_one_stops_after_its_age(guarded: Guarded) -> None:
    issuer, clock = guarded.issuer, guarded.clock
    await guarded.welcome(signed())
    issuer.keys = [public_jwk(FIRST, "first"), public_jwk(SECOND, "second")]
    clock.now += COOL_DOWN_SECONDS
    for _ in range(3):
        assert await guarded.welcome(signed(SECOND, "second", sub="ben")) == "ben"
    assert issuer.fetches == 2
    issuer.keys = [public_jwk(SECOND, "second")]
    # Withdrawn, and not yet looked at again.
    assert await guarded.welcome(signed()) == "anna"
    clock.now += MAX_AGE_SECONDS
    assert (await guarded.refusal(signed()))["code"] == "INVALID_TOKEN"
    assert await guarded.welcome(signed(SECOND, "second")) == "anna"
    assert issuer.fetches == 3


async def test_a_storm_of_unknown_keys_is_one_fetch_and_known_keys_come_in_meanwhile(guarded: Guarded) -> None:
    issuer, clock = guarded.issuer, guarded.clock
    await guarded.welcome(signed())
    clock.now += COOL_DOWN_SECONDS
    issuer.held = asyncio.Event()
    issuer.asked.clear()
    tokens = [signed(SECOND, f"unknown-{number}") for number in range(200)]
    async with asyncio.TaskGroup() as tasks:
        storm = [
            tasks.create_task(guarded.refusal(token, plain=number % 2 == 0)) for number, token in enumerate(tokens)
        ]
        async with asyncio.timeout(10):
            await issuer.asked.wait()
        assert await guarded.welcome(signed()) == "anna"
        issuer.held.set()
    assert {task.result()["code"] for task in storm} == {"INVALID_TOKEN"}
    assert issuer.fetches == 2  # The first one of all, and one for the storm.


@both_flavours
async def test_while_the_key_server_is_down_known_keys_go_on_unknown_wait_and_listeners_join(
    guarded: Guarded, plain: bool
) -> None:
    issuer, clock, running = guarded.issuer, guarded.clock, guarded.running
    speaker = await running.open(query(signed()))
    created = await speaker.expect("sessionCreated")
    issuer.status = 503
    clock.now += MAX_AGE_SECONDS
    assert await guarded.welcome(signed(sub="ben"), plain=plain) == "ben"
    for number in range(5):
        error = await guarded.refusal(signed(SECOND, f"unknown-{number}"), plain=plain)
        assert error["code"] == "SERVICE_UNAVAILABLE"
        assert 1 <= error["retryAfter"] <= RETRY_SECONDS
    assert issuer.fetches == 2
    listener = await running.listener(created["sessionId"], plain=plain)
    await listener.alive()
    await speaker.alive()
    issuer.status, issuer.keys = 200, [public_jwk(SECOND, "second")]
    clock.now += RETRY_SECONDS
    assert await guarded.welcome(signed(SECOND, "second"), plain=plain) == "anna"


async def test_an_issuer_is_taken_from_the_settings_and_its_keys_are_fetched_once(tmp_path: Path) -> None:
    async with key_server() as issuer, running_edge() as running:
        settings = AuthSettings.model_validate(
            {"auth_issuer": ISSUER, "auth_client_ids": CLIENT, "auth_jwks_url": issuer.url, "auth_leeway_seconds": 0.0}
        )
        async with open_verifier(settings, tmp_path) as verifier:
            running.edge.verifier = verifier
            guarded = Guarded(running, issuer, Clock())
            assert await guarded.welcome(signed()) == "anna"
            assert (await guarded.refusal(signed(exp=soon(-3))))["code"] == "TOKEN_EXPIRED"
            assert (await guarded.refusal(signed(SECOND, "second")))["code"] == "INVALID_TOKEN"
            assert issuer.fetches == 1


async def test_no_token_and_no_address_is_in_the_log(
    guarded: Guarded, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    tokens = [signed(sub="somebody@example.org"), signed(SECOND, "second"), unsigned(), signed(exp=soon(-3600))]
    await guarded.welcome(tokens[0])
    for token in tokens[1:]:
        await guarded.refusal(token)
    printed = capsys.readouterr()
    logged = printed.out + printed.err + caplog.text
    assert "refused" in logged
    for secret in [part for token in tokens for part in token.split(".") if part]:
        assert secret not in logged
    assert "somebody" not in logged
    assert "127.0.0.1" not in logged
