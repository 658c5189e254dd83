"""An OIDC issuer by hand: keys, tokens, and a real HTTP server that publishes a key set."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import jwt
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from edge.auth import TokenRules

ISSUER = "https://issuer.test/pool"
CLIENT = "the-app"
RULES = TokenRules(ISSUER, frozenset({CLIENT}))
FIRST, SECOND = (rsa.generate_private_key(public_exponent=65_537, key_size=2048) for _ in range(2))


def public_jwk(key: rsa.RSAPrivateKey, kid: str, **members: str) -> dict[str, object]:
    return {**jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig"} | members


def signed(key: rsa.RSAPrivateKey = FIRST, kid: str | None = "first", **changes: object) -> str:
    """A Cognito access token; `changes` replace claims, None leaves them out."""
    now = int(time.time())
    claims = {"iss": ISSUER, "sub": "anna", "client_id": CLIENT, "token_use": "access", "iat": now, "exp": now + 600}
    kept = {name: value for name, value in (claims | changes).items() if value is not None}
    return jwt.encode(kept, key, algorithm="RS256", headers={"kid": kid} if kid else None)


@dataclass
class KeyServer:
    """A real HTTP server with a JWKS; counts what it was asked and fails on request."""

    url: str = ""
    keys: list[dict[str, object]] = field(default_factory=lambda: [public_jwk(FIRST, "first")])
    status: int = 200
    body: str | None = None
    fetches: int = 0
    held: asyncio.Event | None = None
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, _: web.Request) -> web.Response:
        self.fetches += 1
        self.asked.set()
        if self.held:
            await self.held.wait()
        body = self.body if self.body is not None else json.dumps({"keys": self.keys})
        return web.Response(text=body, status=self.status, content_type="application/json")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def key_server() -> AsyncIterator[KeyServer]:
    """A server that publishes FIRST."""
    server = KeyServer()
    app = web.Application()
    app.router.add_get("/keys", server.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/keys"
    try:
        yield server
    finally:
        if server.held:
            server.held.set()
        await runner.cleanup()


def forged_with_hs256(secret: bytes, kid: str = "first", **changes: object) -> str:
    """A token that says HS256, signed with `secret`: PyJWT refuses to make one with a public key."""
    _, payload, _ = signed(**changes).split(".")  # type: ignore[arg-type]
    header = _base64(json.dumps({"alg": "HS256", "typ": "JWT", "kid": kid}).encode())
    return f"{header}.{payload}.{_base64(hmac.new(secret, f'{header}.{payload}'.encode(), hashlib.sha256).digest())}"


def unsigned(kid: str = "first", **changes: object) -> str:
    """A token that says `none`."""
    _, payload, _ = signed(**changes).split(".")  # type: ignore[arg-type]
    return f"{_base64(json.dumps({'alg': 'none', 'kid': kid}).encode())}.{payload}."


def with_header(content: bytes) -> str:
    """A token whose header is any bytes."""
    _, payload, signature = signed().split(".")
    return f"{_base64(content)}.{payload}.{signature}"


def public_pem(key: rsa.RSAPrivateKey = FIRST) -> bytes:
    """The public key as a server might have it in a file."""
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
