"""Speakers' tokens (S16): every refusal by its reason, keys that rotate, a key server that fails."""

import asyncio
import base64
import json
import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import aiohttp
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from pydantic import ValidationError

from chassis.errors import Denied, Invalid, Unavailable
from edge.auth import (
    KEY_FILE,
    LOCAL_ISSUER,
    AuthSettings,
    LocalIssuer,
    Speaker,
    TokenRules,
    TokenVerifier,
    open_verifier,
)
from edge.jwks import COOL_DOWN_SECONDS, MAX_AGE_SECONDS, RETRY_SECONDS, RemoteKeys
from tests.fakes import issuer
from tests.fakes.issuer import CLIENT, FIRST, ISSUER, RULES, SECOND, Clock, KeyServer, public_jwk, signed

WEAK = rsa.generate_private_key(public_exponent=65_537, key_size=1024)


@pytest.fixture
async def key_server() -> AsyncIterator[KeyServer]:
    async with issuer.key_server() as server:
        yield server


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def verifier(key_server: KeyServer, clock: Clock) -> AsyncIterator[TokenVerifier]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as http:
        yield TokenVerifier(RULES, RemoteKeys(http, key_server.url, clock))


async def refusal(verifier: TokenVerifier, token: str) -> str:
    with pytest.raises(Denied) as caught:
        await verifier.verify(token)
    assert token == "" or token not in str(caught.value)
    return caught.value.reason


# ---------------------------------------------------------------------- what is accepted


async def test_a_cognito_access_token_speaks_for_its_subject(verifier: TokenVerifier) -> None:
    assert await verifier.verify(signed()) == Speaker("anna")


async def test_a_cognito_id_token_names_its_client_in_aud(verifier: TokenVerifier) -> None:
    assert await verifier.verify(signed(client_id=None, aud=CLIENT, token_use="id")) == Speaker("anna")


async def test_a_token_of_another_oidc_issuer_needs_no_token_use(verifier: TokenVerifier) -> None:
    assert await verifier.verify(signed(client_id=None, aud=["other", CLIENT], token_use=None)) == Speaker("anna")


async def test_a_token_that_expired_within_the_leeway_is_accepted(verifier: TokenVerifier) -> None:
    assert await verifier.verify(signed(exp=int(time.time()) - 2)) == Speaker("anna")


# ---------------------------------------------------------------------- every refusal

NOW = int(time.time())
REFUSED: dict[str, Callable[[], str]] = {
    "not a JWT": lambda: "not.a.jwt",
    "binary rubbish": lambda: "\x00\xff",
    "bytes of a header that are no text": lambda: signed() + "\udcff",
    "too long": lambda: signed() + "A" * 20_000,
    "signature of another key": lambda: signed(SECOND, "first"),
    "another issuer": lambda: signed(iss="https://elsewhere.test"),
    "no issuer": lambda: signed(iss=None),
    "another client": lambda: signed(client_id="another-app"),
    "no client": lambda: signed(client_id=None),
    "another audience, though our client_id": lambda: signed(aud="another-app"),
    "an audience of nothing": lambda: signed(aud=[], client_id=None),
    "a refresh token": lambda: signed(token_use="refresh"),
    "a token_use that is no text": lambda: signed(token_use=["access"]),
    "no subject": lambda: signed(sub=None),
    "an empty subject": lambda: signed(sub=""),
    "no expiry": lambda: signed(exp=None),
    "not valid yet": lambda: signed(nbf=NOW + 3600),
    "issued in the future": lambda: signed(iat=NOW + 3600),
    "no key id": lambda: signed(kid=None),
    "an unknown key": lambda: signed(SECOND, "second"),
    "a header that nests without end": lambda: issuer.with_header(b'{"alg":"RS256","kid":"first","x":' + b"[" * 9_000),
    "a header with a number without end": lambda: issuer.with_header(b'{"alg":"RS256","kid":' + b"9" * 9_000 + b"}"),
    "a header that is no object": lambda: issuer.with_header(b"[]"),
    "a header that asks for more than we know": lambda: issuer.with_header(
        b'{"alg":"RS256","kid":"first","crit":["b64"],"b64":false}'
    ),
    "a changed payload": lambda: with_payload(signed(), sub="mallory"),
}


def with_payload(token: str, **changes: object) -> str:
    header, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "==")) | changes
    changed = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"{header}.{changed}.{signature}"


@pytest.mark.parametrize("case", REFUSED)
async def test_a_token_is_refused_as_invalid(verifier: TokenVerifier, case: str) -> None:
    assert await refusal(verifier, REFUSED[case]()) == "INVALID_TOKEN"


async def test_no_token_is_told_apart(verifier: TokenVerifier) -> None:
    assert await refusal(verifier, "") == "MISSING_TOKEN"


async def test_an_expired_token_is_told_apart(verifier: TokenVerifier) -> None:
    assert await refusal(verifier, signed(exp=int(time.time()) - 60)) == "TOKEN_EXPIRED"


async def test_hs256_signed_with_the_public_key_is_refused(verifier: TokenVerifier) -> None:
    # The classic confusion: whoever knows the public key could sign, if the header chose the algorithm.
    assert await refusal(verifier, issuer.forged_with_hs256(issuer.public_pem())) == "INVALID_TOKEN"


async def test_an_unsigned_token_is_refused(verifier: TokenVerifier) -> None:
    assert await refusal(verifier, issuer.unsigned()) == "INVALID_TOKEN"


async def test_refused_headers_never_reach_the_key_server(verifier: TokenVerifier, key_server: KeyServer) -> None:
    es256 = jwt.encode({"sub": "x"}, ec.generate_private_key(ec.SECP256R1()), algorithm="ES256", headers={"kid": "x"})
    assert await refusal(verifier, es256) == "INVALID_TOKEN"
    assert key_server.fetches == 0


@pytest.mark.filterwarnings("ignore:The RSA key is 1024 bits")
async def test_keys_not_fit_for_rs256_signatures_are_passed_over(
    verifier: TokenVerifier, key_server: KeyServer
) -> None:
    secret = base64.urlsafe_b64encode(b"0" * 32).decode()
    key_server.keys = [
        {"kty": "oct", "kid": "secret", "k": secret},
        {"kty": "RSA", "kid": "broken", "n": "!", "e": "AQAB"},
        public_jwk(WEAK, "weak"),
        public_jwk(SECOND, "encrypting", use="enc"),
        public_jwk(SECOND, "other-algorithm", alg="RS512"),
        public_jwk(FIRST, "first"),
    ]
    assert await verifier.verify(signed()) == Speaker("anna")
    for kid in ("encrypting", "other-algorithm"):
        assert await refusal(verifier, signed(SECOND, kid)) == "INVALID_TOKEN"
    assert await refusal(verifier, signed(WEAK, "weak")) == "INVALID_TOKEN"


# ---------------------------------------------------------------------- rotation, storms, a server that is down


async def test_a_known_key_is_not_fetched_again(verifier: TokenVerifier, key_server: KeyServer) -> None:
    for _ in range(5):
        await verifier.verify(signed())
    assert key_server.fetches == 1


async def test_a_rotated_key_is_found_after_the_cool_down(
    verifier: TokenVerifier, key_server: KeyServer, clock: Clock
) -> None:
    await verifier.verify(signed())
    key_server.keys.append(public_jwk(SECOND, "second"))
    assert await refusal(verifier, signed(SECOND, "second")) == "INVALID_TOKEN"
    clock.now += COOL_DOWN_SECONDS
    assert await verifier.verify(signed(SECOND, "second", sub="ben")) == Speaker("ben")
    assert key_server.fetches == 2


async def test_a_storm_of_unknown_keys_is_one_fetch(
    verifier: TokenVerifier, key_server: KeyServer, clock: Clock
) -> None:
    await verifier.verify(signed())
    clock.now += COOL_DOWN_SECONDS
    key_server.held = asyncio.Event()
    key_server.asked.clear()

    async def release(held: asyncio.Event) -> None:
        await key_server.asked.wait()
        held.set()

    storm = [signed(SECOND, f"unknown-{number}") for number in range(50)]
    *outcomes, _ = await asyncio.gather(*map(verifier.verify, storm), release(key_server.held), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [Denied] * 50
    assert key_server.fetches == 2  # The first one of the test, and one for the storm.


async def test_a_crowd_at_the_start_is_one_fetch(verifier: TokenVerifier, key_server: KeyServer) -> None:
    assert await asyncio.gather(*(verifier.verify(signed()) for _ in range(20))) == [Speaker("anna")] * 20
    assert key_server.fetches == 1


async def test_a_caller_who_gives_up_leaves_the_fetch_to_the_next(
    verifier: TokenVerifier, key_server: KeyServer
) -> None:
    key_server.held = asyncio.Event()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await verifier.verify(signed())
    key_server.held.set()
    assert await verifier.verify(signed()) == Speaker("anna")


@pytest.mark.parametrize("body", ["<html>down</html>", "[]", '{"keys": []}', '{"keys": [5]}', "x" * (2 << 20)])
async def test_rubbish_from_the_key_server_leaves_known_keys_working(
    verifier: TokenVerifier, key_server: KeyServer, clock: Clock, body: str
) -> None:
    await verifier.verify(signed())
    key_server.body = body
    clock.now += MAX_AGE_SECONDS
    assert await verifier.verify(signed()) == Speaker("anna")
    assert key_server.fetches == 2


async def test_while_the_key_server_is_down_known_keys_work_and_unknown_wait(
    verifier: TokenVerifier, key_server: KeyServer, clock: Clock
) -> None:
    await verifier.verify(signed())
    key_server.status = 503
    clock.now += MAX_AGE_SECONDS
    for _ in range(3):
        assert await verifier.verify(signed()) == Speaker("anna")
    with pytest.raises(Unavailable) as caught:
        await verifier.verify(signed(SECOND, "second"))
    assert caught.value.reason == "SERVICE_UNAVAILABLE"
    assert caught.value.retry_after is not None
    assert caught.value.retry_after.total_seconds() == RETRY_SECONDS
    assert key_server.fetches == 2

    key_server.status, key_server.keys = 200, [public_jwk(SECOND, "second")]
    clock.now += RETRY_SECONDS
    assert await verifier.verify(signed(SECOND, "second")) == Speaker("anna")


async def test_a_withdrawn_key_stops_working_within_the_hour(
    verifier: TokenVerifier, key_server: KeyServer, clock: Clock
) -> None:
    await verifier.verify(signed())
    key_server.keys = [public_jwk(SECOND, "second")]
    clock.now += MAX_AGE_SECONDS
    assert await refusal(verifier, signed()) == "INVALID_TOKEN"


async def test_a_key_server_that_was_never_reached_makes_speakers_wait(clock: Clock) -> None:
    async with aiohttp.ClientSession() as http:
        verifier = TokenVerifier(RULES, RemoteKeys(http, "http://127.0.0.1:9/keys", clock))
        with pytest.raises(Unavailable, match="SERVICE_UNAVAILABLE"):
            await verifier.verify(signed())


# ---------------------------------------------------------------------- the local issuer


async def test_a_minted_token_is_verified(tmp_path: Path) -> None:
    issuer = LocalIssuer.open(tmp_path)
    assert await issuer.verifier().verify(issuer.mint("anna")) == Speaker("anna")


async def test_a_minted_token_is_verified_through_the_published_keys(
    tmp_path: Path, key_server: KeyServer, clock: Clock
) -> None:
    issuer = LocalIssuer.open(tmp_path)
    key_server.body = json.dumps(issuer.jwks())
    async with aiohttp.ClientSession() as http:
        rules = TokenRules(LOCAL_ISSUER, frozenset({"lingocast"}))
        verifier = TokenVerifier(rules, RemoteKeys(http, key_server.url, clock))
        assert await verifier.verify(issuer.mint("anna")) == Speaker("anna")


def test_the_published_keys_hold_nothing_private(tmp_path: Path) -> None:
    keys = LocalIssuer.open(tmp_path).jwks()["keys"]
    assert isinstance(keys, list)
    assert set(keys[0]) == {"kty", "n", "e", "kid", "use", "alg"}


async def test_a_restart_keeps_the_key_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    token = LocalIssuer.open(tmp_path).mint("anna")
    assert await LocalIssuer.open(tmp_path).verifier().verify(token) == Speaker("anna")
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == [KEY_FILE]


async def test_a_token_of_another_machine_is_refused(tmp_path: Path) -> None:
    stranger = LocalIssuer.open(tmp_path / "theirs").mint("anna")
    with pytest.raises(Denied, match="INVALID_TOKEN"):
        await LocalIssuer.open(tmp_path / "ours").verifier().verify(stranger)


def test_starting_many_times_at_once_gives_one_key(tmp_path: Path) -> None:
    # Threads meet at the file as processes do, and the barrier makes sure that they meet.
    start = threading.Barrier(6)

    def key_id(_: int) -> str:
        start.wait()
        return str(LocalIssuer.open(tmp_path).jwks())

    with ThreadPoolExecutor(6) as threads:
        assert len(set(threads.map(key_id, range(6)))) == 1
    assert os.listdir(tmp_path) == [KEY_FILE]


@pytest.mark.parametrize("content", [b"", b"not a key", b"weak"])
def test_a_damaged_key_file_is_named(tmp_path: Path, content: bytes) -> None:
    if content == b"weak":
        content = WEAK.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    (tmp_path / KEY_FILE).write_bytes(content)
    with pytest.raises(Invalid, match="BAD_ISSUER_KEY"):
        LocalIssuer.open(tmp_path)


def test_a_data_directory_that_is_a_file_is_unwritable(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(Unavailable, match="DATA_UNWRITABLE"):
        LocalIssuer.open(tmp_path / "data")


@pytest.mark.parametrize(("user", "hours"), [("", 1.0), ("anna", 0.0), ("anna", float("nan")), ("anna", 1e9)])
def test_nobody_and_never_get_no_token(tmp_path: Path, user: str, hours: float) -> None:
    with pytest.raises(Invalid, match="INVALID_PARAMETER"):
        LocalIssuer.open(tmp_path).mint(user, hours)


def test_the_command_prints_a_token_and_nothing_else(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "edge.auth", "--user", "ben", "--hours", "2"],
        env=os.environ | {"LINGOCAST_DATA": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    token = run.stdout.strip()
    assert asyncio.run(LocalIssuer.open(tmp_path).verifier().verify(token)) == Speaker("ben")
    left = jwt.decode(token, options={"verify_signature": False})["exp"] - time.time()
    assert 7000 < left <= 7200
    assert run.stderr == ""


# ---------------------------------------------------------------------- settings


def settings(**values: str | float) -> AuthSettings:
    return AuthSettings.model_validate(values)


async def test_without_an_issuer_the_local_one_is_used(tmp_path: Path) -> None:
    async with open_verifier(settings(), tmp_path) as verifier:
        assert await verifier.verify(LocalIssuer.open(tmp_path).mint("anna")) == Speaker("anna")


async def test_with_an_issuer_its_keys_are_fetched(tmp_path: Path, key_server: KeyServer) -> None:
    chosen = settings(auth_issuer=ISSUER, auth_client_ids=f"x, {CLIENT}", auth_jwks_url=key_server.url)
    async with open_verifier(chosen, tmp_path) as verifier:
        assert await verifier.verify(signed()) == Speaker("anna")
        with pytest.raises(Denied, match="INVALID_TOKEN"):
            await verifier.verify(signed(client_id="y"))
    assert not (tmp_path / KEY_FILE).exists()


def test_the_keys_lie_where_cognito_puts_them_unless_told() -> None:
    assert settings(auth_issuer=ISSUER, auth_client_ids=CLIENT).auth_jwks_url == f"{ISSUER}/.well-known/jwks.json"


@pytest.mark.parametrize(
    ("values", "field_name"),
    [
        ({"auth_issuer": ISSUER}, "auth_client_ids"),
        ({"auth_issuer": ISSUER, "auth_client_ids": " , "}, "auth_client_ids"),
        ({"auth_issuer": "http://issuer.test", "auth_client_ids": CLIENT}, "auth_jwks_url"),
        ({"auth_jwks_url": "file:///etc/keys"}, "auth_jwks_url"),
        ({"auth_leeway_seconds": 3600.0}, "auth_leeway_seconds"),
    ],
)
def test_unsafe_settings_are_refused_at_start(values: dict[str, str | float], field_name: str) -> None:
    with pytest.raises(ValidationError) as caught:
        settings(**values)
    # Settings with an alias are reported by their variable.
    assert [str(mistake["loc"][0]).lower() for mistake in caught.value.errors()] == [field_name]
