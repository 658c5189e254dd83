"""The public keys of an issuer, as its JSON Web Key Set (RFC 7517) gives them.

Hides when the key server is asked. Keys are cached; a token signed by an unknown key asks again, at most once in a
cool-down however many such tokens arrive; known keys go on working while the key server is down.
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final, Protocol

import aiohttp
import jwt
import structlog
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from chassis.errors import Denied, Unavailable

log = structlog.get_logger()

PublicKey = rsa.RSAPublicKey

ALGORITHM: Final = "RS256"
MIN_KEY_BITS: Final = 2048
FETCH_SECONDS: Final = 3.0
MAX_KEYS_BYTES: Final = 1 << 20
MAX_AGE_SECONDS: Final = 3600.0
"""After this a cached key is confirmed with the key server, so that a withdrawn key stops working."""
COOL_DOWN_SECONDS: Final = 30.0
"""Between two fetches that unknown keys cause. A fresh key may have to wait this long; the key server is spared."""
RETRY_SECONDS: Final = 5.0
"""Between two fetches while the key server fails."""


class Keys(Protocol):
    """The public keys of an issuer."""

    async def get(self, kid: str) -> PublicKey:
        """Raises Denied `INVALID_TOKEN` for a key the issuer does not have, Unavailable `SERVICE_UNAVAILABLE`."""
        ...


class RemoteKeys:
    """The keys that an issuer publishes at `url`, cached. `clock` gives monotonic seconds."""

    def __init__(self, http: aiohttp.ClientSession, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._http = http
        self._url = url
        self._clock = clock
        self._keys: Mapping[str, PublicKey] = {}
        self._fetching = asyncio.Lock()
        self._confirmed_at = float("-inf")
        self._not_before = float("-inf")
        self._failing = False

    async def get(self, kid: str) -> PublicKey:
        """See `Keys.get`. Waits for the key server (up to 3 s) only when `kid` is unknown or its hour is over."""
        known = self._keys.get(kid)
        # While somebody else is asking, or the server is failing, what is known is good enough.
        if known is not None and (self._fresh() or self._fetching.locked() or self._resting()):
            return known
        async with self._fetching:
            # Whoever waited here finds what the one before fetched, and the cool-down it started.
            if not self._resting():
                await self._fetch()
        if (key := self._keys.get(kid)) is not None:
            return key
        if self._failing:
            left = max(self._not_before - self._clock(), 0.0)
            raise Unavailable(
                "SERVICE_UNAVAILABLE", "the key server does not answer", retry_after=timedelta(seconds=left)
            )
        raise invalid_token("the token is signed with a key that its issuer does not have")

    def _fresh(self) -> bool:
        return self._clock() - self._confirmed_at < MAX_AGE_SECONDS

    def _resting(self) -> bool:
        return self._clock() < self._not_before

    async def _fetch(self) -> None:
        try:
            keys = _usable(await self._read())
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            # Only a change is worth a line; while it lasts there would be one every five seconds.
            if not self._failing:
                log.warning("key_server_failed", error=type(error).__name__)
            self._failing = True
            self._not_before = self._clock() + RETRY_SECONDS
            return
        if self._failing:
            log.info("key_server_recovered")
        self._keys, self._failing = keys, False
        self._confirmed_at = self._clock()
        self._not_before = self._confirmed_at + COOL_DOWN_SECONDS

    async def _read(self) -> object:
        async with self._http.get(self._url) as answer:
            answer.raise_for_status()
            body = bytearray()
            async for block in answer.content.iter_any():
                body += block
                if len(body) > MAX_KEYS_BYTES:
                    raise ValueError("the key set is too long")
        return json.loads(body)


def _usable(document: object) -> dict[str, PublicKey]:
    """The RS256 signing keys of a JSON Web Key Set (RFC 7517) by id; others are passed over.

    Raises ValueError when there is none: an error page or an empty set must not replace keys that work.
    """
    entries = document.get("keys") if isinstance(document, dict) else None
    keys = {}
    for entry in entries if isinstance(entries, list) else []:
        key = _rsa_key(entry)
        if key is not None:
            keys[str(entry["kid"])] = key
    if not keys:
        raise ValueError("no usable key")
    return keys


def _rsa_key(entry: object) -> PublicKey | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("kid"), str):
        return None
    if entry.get("kty") != "RSA" or entry.get("use", "sig") != "sig" or entry.get("alg", ALGORITHM) != ALGORITHM:
        return None
    try:
        key = RSAAlgorithm.from_jwk({name: value for name, value in entry.items() if isinstance(value, str)})
    except (jwt.PyJWTError, ValueError):
        return None
    # A set with private halves is a leak at the issuer's; nothing here is served by it.
    return key if isinstance(key, rsa.RSAPublicKey) and key.key_size >= MIN_KEY_BITS else None


def invalid_token(message: str) -> Denied:
    """The refusal of a token; the message goes to its bearer."""
    return Denied("INVALID_TOKEN", message)
