"""Who is speaking: verifies the JWTs that speakers bring, and issues them where no issuer is configured.

RS256 only: HS256 would let anybody sign with the public key, `none` with nothing. Keys of a remote issuer come from
`edge.jwks`. Without an issuer the edge is its own: a key file in the data directory, shared by whoever starts there.

`python -m edge.auth` prints a fresh speaker token of that local issuer.
"""

import argparse
import asyncio
import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import aiohttp
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from jwt.utils import base64url_encode
from pydantic import Field, ValidationInfo, field_validator
from yarl import URL

from chassis.errors import Denied, Invalid, LingocastError, Unavailable
from chassis.settings import Settings, data_default
from edge.jwks import ALGORITHM, FETCH_SECONDS, MIN_KEY_BITS, Keys, PublicKey, RemoteKeys, invalid_token

KEY_FILE: Final = "issuer-key.pem"
MAX_TOKEN_CHARS: Final = 16_384
LOCAL_ISSUER: Final = "lingocast-local"
LOCAL_AUDIENCE: Final = "lingocast"


@dataclass(frozen=True, slots=True)
class Speaker:
    """Somebody whose token was verified. `user_id` is its subject."""

    user_id: str


class Verifier(Protocol):
    """Tells who a token speaks for."""

    async def verify(self, token: str) -> Speaker:
        """Raises Denied `MISSING_TOKEN`, `INVALID_TOKEN` or `TOKEN_EXPIRED`; Unavailable `SERVICE_UNAVAILABLE` when the
        token's key is not known and the key server does not answer."""
        ...


class AuthSettings(Settings):
    """What the edge must know to verify speakers; its Config inherits from this."""

    auth_issuer: str = Field(
        "",
        validation_alias="AUTH_ISSUER",
        description="The `iss` of speakers' tokens, a Cognito user pool or any OIDC issuer. Empty: a local issuer.",
    )
    auth_client_ids: str = Field(
        "",
        validate_default=True,
        validation_alias="AUTH_CLIENT_IDS",
        description="Client ids or audiences whose tokens are accepted, separated by commas. Needed with AUTH_ISSUER.",
    )
    auth_token_uses: str = Field(
        "access,id",
        validation_alias="AUTH_TOKEN_USES",
        description="Accepted values of Cognito's `token_use`, separated by commas. Tokens without it are accepted.",
    )
    auth_jwks_url: str = Field(
        "",
        validate_default=True,
        validation_alias="AUTH_JWKS_URL",
        description="Where the issuer publishes its keys. Empty: AUTH_ISSUER + /.well-known/jwks.json.",
    )
    auth_leeway_seconds: float = Field(
        10.0, ge=0, le=300, validation_alias="AUTH_LEEWAY_SECONDS", description="How far the issuer's clock may be off."
    )

    @field_validator("auth_client_ids")
    @classmethod
    def _names_a_client(cls, value: str, info: ValidationInfo) -> str:
        # Without it, a token that the issuer gave to any other application would open sessions here.
        if info.data.get("auth_issuer") and not _listed(value):
            raise ValueError("needed when AUTH_ISSUER is set")
        return value

    @field_validator("auth_jwks_url")
    @classmethod
    def _is_trustworthy(cls, value: str, info: ValidationInfo) -> str:
        issuer = str(info.data.get("auth_issuer") or "")
        url = value or (f"{issuer.rstrip('/')}/.well-known/jwks.json" if issuer else "")
        # Keys that came over plain HTTP are keys of whoever sits on the way.
        if url and not _is_private_way(url):
            raise ValueError("must be an https address (http is accepted for this machine only)")
        return url


def _is_private_way(url: str) -> bool:
    try:
        parsed = URL(url)
    except ValueError:
        return False
    local = parsed.host in {"localhost", "127.0.0.1", "::1"}
    return bool(parsed.host) and (parsed.scheme == "https" or (parsed.scheme == "http" and local))


def _listed(value: str) -> frozenset[str]:
    return frozenset(filter(None, (part.strip() for part in value.split(","))))


@asynccontextmanager
async def open_verifier(settings: AuthSettings, data: Path) -> AsyncIterator[Verifier]:
    """The verifier that the settings ask for: of AUTH_ISSUER, or of the local issuer whose key lies under `data`."""
    if not settings.auth_issuer:
        issuer = await asyncio.to_thread(LocalIssuer.open, data)
        yield issuer.verifier(settings.auth_leeway_seconds)
        return
    rules = TokenRules(
        issuer=settings.auth_issuer,
        audiences=_listed(settings.auth_client_ids),
        token_uses=_listed(settings.auth_token_uses),
        leeway_seconds=settings.auth_leeway_seconds,
    )
    # trust_env: proxies are the operator's to configure.
    timeout = aiohttp.ClientTimeout(total=FETCH_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout, trust_env=True) as http:
        yield TokenVerifier(rules, RemoteKeys(http, settings.auth_jwks_url))


# ---------------------------------------------------------------------- tokens


@dataclass(frozen=True, slots=True)
class TokenRules:
    """What a token must say. `audiences` are matched with `aud`, or with `client_id` in tokens that have no `aud`."""

    issuer: str
    audiences: frozenset[str]
    token_uses: frozenset[str] = frozenset({"access", "id"})
    leeway_seconds: float = 10.0

    def check_claims(self, claims: Mapping[str, object]) -> str:
        """The subject of claims whose signature, issuer and times are verified. Raises Denied `INVALID_TOKEN`."""
        use = claims.get("token_use")
        if use is not None and not (isinstance(use, str) and use in self.token_uses):
            raise invalid_token("this kind of token is not accepted here")
        # Cognito's access tokens name their application in client_id and have no aud (RFC 9068 asks for both).
        named = claims["aud"] if "aud" in claims else claims.get("client_id")
        audiences = named if isinstance(named, list) else [named]
        if not any(name in self.audiences for name in audiences if isinstance(name, str)):
            raise invalid_token("the token was issued for another application")
        subject = claims.get("sub")
        if not isinstance(subject, str) or not subject:
            raise invalid_token("the token names nobody")
        return subject


class TokenVerifier:
    """Verifies tokens of one issuer: RS256 signature, issuer, times, audience, use, subject."""

    def __init__(self, rules: TokenRules, keys: Keys) -> None:
        self._rules = rules
        self._keys = keys

    async def verify(self, token: str) -> Speaker:
        """See `Verifier.verify`."""
        if not token:
            raise Denied("MISSING_TOKEN", "a speaker needs a token")
        key = await self._keys.get(_key_id(token))
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                issuer=self._rules.issuer,
                leeway=self._rules.leeway_seconds,
                options={"require": ["exp", "iss", "sub"], "verify_aud": False},
            )
        except jwt.ExpiredSignatureError as error:
            raise Denied("TOKEN_EXPIRED", "the token has expired") from error
        except jwt.PyJWTError as error:
            raise invalid_token(_WHY.get(type(error), "the token is not valid")) from error
        return Speaker(self._rules.check_claims(claims))


_WHY: Final[Mapping[type[Exception], str]] = {
    jwt.InvalidSignatureError: "the token's signature is wrong",
    jwt.InvalidIssuerError: "the token comes from another issuer",
    jwt.ImmatureSignatureError: "the token is not valid yet",
    jwt.MissingRequiredClaimError: "the token lacks its issuer, expiry or subject",
}


def _key_id(token: str) -> str:
    """The key that a token claims to be signed with; refuses any but RS256 before a key is looked for."""
    if len(token) > MAX_TOKEN_CHARS:
        raise invalid_token("the token is too long")
    # Bytes that are no UTF-8 come out of a header as lone surrogates, which PyJWT does not expect.
    if not token.isascii():
        raise invalid_token("the token is not a JWT")
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError as error:
        raise invalid_token("the token is not a JWT") from error
    kid = header.get("kid")
    if header.get("alg") != ALGORITHM:
        raise invalid_token(f"only tokens signed with {ALGORITHM} are accepted")
    if not isinstance(kid, str) or not kid:
        raise invalid_token("the token does not name its key")
    return kid


# ---------------------------------------------------------------------- the local issuer


class LocalIssuer:
    """Issues speakers' tokens with a key of its own, for machines without a Cognito pool or OIDC issuer."""

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        self._key = key
        self._kid = _thumbprint(key.public_key())

    @classmethod
    def open(cls, data: Path) -> "LocalIssuer":
        """The issuer of a data directory; makes its key (2048 bits, readable by its owner only) where there is none.

        Safe when several processes start at once: all get the same key. Blocks for up to a second.
        Raises Invalid `BAD_ISSUER_KEY`, Unavailable `DATA_UNWRITABLE`.
        """
        path = data / KEY_FILE
        try:
            if not path.exists():
                data.mkdir(parents=True, exist_ok=True)
                _create_once(path, _new_key())
            pem = path.read_bytes()
        except OSError as error:
            raise Unavailable("DATA_UNWRITABLE", f"{error.strerror}: the issuer's key at {path}") from error
        try:
            key = serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError) as error:
            raise Invalid("BAD_ISSUER_KEY", f"{path} is not a private key; delete it to get a new one") from error
        if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < MIN_KEY_BITS:
            raise Invalid("BAD_ISSUER_KEY", f"{path} is not an RSA key of {MIN_KEY_BITS} bits; delete it")
        return cls(key)

    def mint(self, user_id: str, hours: float = 24) -> str:
        """A token with which `user_id` may speak for `hours`. Raises Invalid `INVALID_PARAMETER`."""
        if not user_id or not 0 < hours <= 24 * 366:
            raise Invalid("INVALID_PARAMETER", "a token needs a user and 0 to 8784 hours")
        now = int(time.time())
        claims = {
            "iss": LOCAL_ISSUER,
            "aud": LOCAL_AUDIENCE,
            "sub": user_id,
            "token_use": "access",
            "iat": now,
            "exp": now + round(hours * 3600),
        }
        return jwt.encode(claims, self._key, algorithm=ALGORITHM, headers={"kid": self._kid})

    def jwks(self) -> dict[str, object]:
        """The public key as a JSON Web Key Set (RFC 7517)."""
        public = RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        public.pop("key_ops", None)
        return {"keys": [{**public, "kid": self._kid, "use": "sig", "alg": ALGORITHM}]}

    def verifier(self, leeway_seconds: float = 10.0) -> Verifier:
        """Verifies this issuer's own tokens, with no network between."""
        rules = TokenRules(LOCAL_ISSUER, frozenset({LOCAL_AUDIENCE}), leeway_seconds=leeway_seconds)
        return TokenVerifier(rules, _OwnKey(self._kid, self._key.public_key()))


@dataclass(frozen=True, slots=True)
class _OwnKey:
    kid: str
    key: PublicKey

    async def get(self, kid: str) -> PublicKey:
        if kid != self.kid:
            raise invalid_token("the token is signed with a key that its issuer does not have")
        return self.key


def _new_key() -> bytes:
    key = rsa.generate_private_key(public_exponent=65_537, key_size=MIN_KEY_BITS)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _create_once(path: Path, content: bytes) -> None:
    """Makes `path` with all of `content` or not at all; leaves a file that another process made meanwhile."""
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # mkstemp makes it 0600.
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        # A link fails where the name exists: unlike a rename it cannot replace the key of whoever was faster.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(draft)


def _thumbprint(key: PublicKey) -> str:
    """RFC 7638: the SHA-256 of the key's required members, in order, without spaces."""
    members = RSAAlgorithm.to_jwk(key, as_dict=True)
    canonical = json.dumps({name: members[name] for name in ("e", "kty", "n")}, separators=(",", ":"), sort_keys=True)
    return base64url_encode(hashlib.sha256(canonical.encode()).digest()).decode()


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line: prints a token, and nothing else, to standard output. Returns the exit status."""
    default = Path(os.environ.get("LINGOCAST_DATA") or data_default())
    parser = argparse.ArgumentParser(prog="python -m edge.auth", description="Print a speaker's token (a JWT).")
    parser.add_argument("user", nargs="?", default="speaker", help="whom it names (default: %(default)s)")
    parser.add_argument("--user", dest="named", metavar="USER", help="the same")
    parser.add_argument("--hours", type=float, default=24.0, help="how long it is valid (default: %(default)s)")
    parser.add_argument("--data", type=Path, default=default, help="data directory of the edge (LINGOCAST_DATA)")
    options = parser.parse_args(arguments)
    if os.environ.get("AUTH_ISSUER"):
        sys.stderr.write("note: AUTH_ISSUER is set; an edge that runs with it refuses tokens of the local issuer\n")
    try:
        sys.stdout.write(LocalIssuer.open(options.data).mint(options.named or options.user, options.hours) + "\n")
    except LingocastError as error:
        sys.stderr.write(f"{error.message}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
