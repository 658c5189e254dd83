"""What Amazon's front doors do with Signature Version 4: refuse whoever did not sign what arrived.

Written from AWS's description ("Authenticating requests", "Signing event stream messages"), not with the signers that
it checks: botocore's for HTTP, the SDK's and awscrt's for HTTP/2. Every refusal carries the code that Amazon answers.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote, unquote

from aiohttp import web

ALGORITHM: Final = "AWS4-HMAC-SHA256"
EVENT_ALGORITHM: Final = "AWS4-HMAC-SHA256-PAYLOAD"
EMPTY_HASH: Final = hashlib.sha256(b"").hexdigest()
# What Amazon forgives a clock.
SKEW: Final = timedelta(minutes=5)
LONGEST: Final = 604_800
_DATE: Final = "%Y%m%dT%H%M%SZ"
_FIELD: Final = re.compile(r"(Credential|SignedHeaders|Signature)=([^,\s]+)")


class SignatureRefused(Exception):
    """`code`: Amazon's own, such as `InvalidSignatureException`; all come with HTTP status 403."""

    status = 403

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who may call. `token`: a temporary credential's session token; empty: none is expected, none is taken."""

    access_key: str = "test"
    secret: str = "test"
    token: str = ""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A request as it came over the wire. `target`: path and query as sent. `headers`: in any case, values as sent.

    `body`: None where what is signed is an empty body (event streams, WebSocket).
    """

    method: str
    target: str
    headers: Sequence[tuple[str, str]]
    body: bytes | None = None

    @classmethod
    async def over_http(cls, request: web.Request) -> "Arrived":
        """What an aiohttp server got."""
        return cls(request.method, request.raw_path, list(request.headers.items()), await request.read())


@dataclass(frozen=True, slots=True)
class Signed:
    """A request whose signature is right, and what its event stream goes on with."""

    access_key: str
    signature: str
    region: str
    service: str


def verify(
    request: Arrived,
    *,
    service: str,
    credentials: Credentials = Credentials(),
    region: str = "us-east-1",
    now: datetime | None = None,
) -> Signed:
    """Checks the signature in the `Authorization` header or, failing that, in the query. Raises SignatureRefused."""
    now = now or datetime.now(UTC)
    headers = _joined(request.headers)
    path, _, query = request.target.partition("?")
    parameters = [(name, value) for name, _, value in (part.partition("=") for part in query.split("&") if part)]
    claim = _in_header(headers) if "authorization" in headers else _in_query(dict(parameters))
    _check_claim(claim, service, region, credentials, now)
    payload = _payload_hash(request, headers, claim)
    parameters = [(name, value) for name, value in parameters if name != "X-Amz-Signature"]
    if missing := {"host"} - set(claim.signed_headers):
        raise SignatureRefused("SignatureDoesNotMatch", f"must be signed: {', '.join(missing)}")
    unsigned = {name for name in headers if name.startswith("x-amz-")} - set(claim.signed_headers)
    if unsigned and not claim.presigned:
        raise SignatureRefused("InvalidSignatureException", f"headers that must be signed: {sorted(unsigned)}")
    canonical = "\n".join(
        [
            request.method,
            quote(path, safe="/-_.~"),
            "&".join(f"{name}={value}" for name, value in sorted(map(_encoded, parameters))),
            *(f"{name}:{_squeezed(headers.get(name, ''))}" for name in claim.signed_headers),
            "",
            ";".join(claim.signed_headers),
            payload,
        ]
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    expected = _hmac(
        signing_key(credentials.secret, claim.date[:8], region, service),
        f"{ALGORITHM}\n{claim.date}\n{claim.scope}\n{digest}",
    ).hex()
    if not hmac.compare_digest(expected, claim.signature):
        raise SignatureRefused("InvalidSignatureException", "the signature is not that of the request that arrived")
    return Signed(claim.access_key, claim.signature, region, service)


class EventChain:
    """The signatures of one event stream: each covers the one before it, the first the request's.

    Frames that are lost, doubled, swapped or changed break the chain. `credentials` may change on the way, as those
    of a role do.
    """

    def __init__(self, signed: Signed, credentials: Credentials = Credentials()) -> None:
        self._prior = signed.signature
        self._signed = signed
        self.credentials = credentials

    def check(self, date: datetime, date_header: bytes, payload: bytes, signature: bytes, now: datetime) -> None:
        """`date_header`: the encoded `:date` header, the only one that is signed. Raises SignatureRefused."""
        if abs(now - date) > SKEW:
            raise SignatureRefused("InvalidSignatureException", "the event was signed at another time")
        moment = date.strftime(_DATE)
        scope = f"{moment[:8]}/{self._signed.region}/{self._signed.service}/aws4_request"
        hashes = [hashlib.sha256(part).hexdigest() for part in (date_header, payload)]
        key = signing_key(self.credentials.secret, moment[:8], self._signed.region, self._signed.service)
        expected = _hmac(key, "\n".join([EVENT_ALGORITHM, moment, scope, self._prior, *hashes]))
        if not hmac.compare_digest(expected, signature):
            raise SignatureRefused("InvalidSignatureException", "an event's signature does not follow the one before")
        self._prior = signature.hex()


def signing_key(secret: str, day: str, region: str, service: str) -> bytes:
    """`day`: YYYYMMDD."""
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request"):
        key = _hmac(key, part)
    return key


@dataclass(frozen=True, slots=True)
class _Claim:
    access_key: str
    scope: str
    date: str
    signed_headers: Sequence[str]
    signature: str
    token: str
    expires: int | None = None

    @property
    def presigned(self) -> bool:
        return self.expires is not None


def _payload_hash(request: Arrived, headers: Mapping[str, str], claim: _Claim) -> str:
    if claim.presigned:
        return EMPTY_HASH
    actual = hashlib.sha256(request.body or b"").hexdigest()
    claimed = headers.get("x-amz-content-sha256") or actual
    if request.body is not None and claimed not in ("UNSIGNED-PAYLOAD", actual):
        raise SignatureRefused("InvalidSignatureException", "x-amz-content-sha256 is not the body's")
    return claimed


def _in_header(headers: Mapping[str, str]) -> _Claim:
    value = headers["authorization"]
    fields = dict(_FIELD.findall(value))
    if not value.startswith(ALGORITHM + " ") or len(fields) != 3 or "x-amz-date" not in headers:
        raise SignatureRefused("IncompleteSignatureException", "Authorization or X-Amz-Date is not complete")
    access_key, _, scope = fields["Credential"].partition("/")
    signed = fields["SignedHeaders"].split(";")
    token = headers.get("x-amz-security-token", "")
    return _Claim(access_key, scope, headers["x-amz-date"], signed, fields["Signature"], token)


def _in_query(query: Mapping[str, str]) -> _Claim:
    wanted = ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature")
    found = {name: unquote(query[f"X-Amz-{name}"]) for name in wanted if f"X-Amz-{name}" in query}
    if not found:
        raise SignatureRefused("MissingAuthenticationTokenException", "the request is not signed")
    if len(found) != len(wanted) or found["Algorithm"] != ALGORITHM or not found["Expires"].isdecimal():
        raise SignatureRefused("IncompleteSignatureException", f"only these are there: {', '.join(found)}")
    access_key, _, scope = found["Credential"].partition("/")
    signed = found["SignedHeaders"].split(";")
    token = unquote(query.get("X-Amz-Security-Token", ""))
    return _Claim(access_key, scope, found["Date"], signed, found["Signature"], token, int(found["Expires"]))


def _check_claim(claim: _Claim, service: str, region: str, credentials: Credentials, now: datetime) -> None:
    """All but the signature itself."""
    if claim.access_key != credentials.access_key or claim.token != credentials.token:
        raise SignatureRefused("UnrecognizedClientException", "The security token included in the request is invalid.")
    if claim.scope != f"{claim.date[:8]}/{region}/{service}/aws4_request":
        raise SignatureRefused("InvalidSignatureException", f"Credential should be scoped to {region}/{service}")
    if list(claim.signed_headers) != sorted(claim.signed_headers):
        raise SignatureRefused("InvalidSignatureException", "the signed headers are not in order")
    try:
        date = datetime.strptime(claim.date, _DATE).replace(tzinfo=UTC)
    except ValueError as error:
        raise SignatureRefused("IncompleteSignatureException", "X-Amz-Date is not a date") from error
    life = SKEW if claim.expires is None else timedelta(seconds=claim.expires)
    if not (-SKEW <= now - date <= life) or life > timedelta(seconds=LONGEST):
        raise SignatureRefused("InvalidSignatureException", "Signature expired")


def _joined(headers: Sequence[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for spelled, value in headers:
        name = spelled.lower()
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _encoded(parameter: tuple[str, str]) -> tuple[str, str]:
    """As the canonical query spells it, however it was spelled on the way."""
    return quote(unquote(parameter[0]), safe="-_.~"), quote(unquote(parameter[1]), safe="-_.~")


def _squeezed(value: str) -> str:
    return " ".join(value.split())


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
