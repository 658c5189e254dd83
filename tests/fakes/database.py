"""Stands before a real DynamoDB server and lets go wrong what a test asks for, on the wire."""

import asyncio
import json
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web


@dataclass(frozen=True)
class Cancelled:
    """A transaction that is cancelled; one reason for each of its records."""

    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Refusal:
    """An answer that is an error."""

    code: str
    status: int = 400


@dataclass(frozen=True)
class Stall:
    """The request is taken and never answered."""


@dataclass(frozen=True)
class LostAnswer:
    """The request is carried out; the connection breaks before the answer."""


@dataclass(frozen=True)
class HalfAnswer:
    """Of a batch of keys only the first half is served; the rest is named as unprocessed."""


Fault = Cancelled | Refusal | Stall | LostAnswer | HalfAnswer


class FaultyDatabase:
    """`inject` says what happens to the next requests of an operation (`TransactWriteItems`); then all goes through."""

    def __init__(self, url: str, http: aiohttp.ClientSession) -> None:
        self._url, self._http = url, http
        self._faults = defaultdict[str, deque[Fault]](deque)
        self.asked: Counter[str] = Counter()
        self.url = ""

    def inject(self, operation: str, *faults: Fault) -> None:
        """These, in turn."""
        self._faults[operation].extend(faults)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        operation, body = request.headers["X-Amz-Target"].split(".")[-1], await request.read()
        self.asked[operation] += 1
        match self._faults[operation].popleft() if self._faults[operation] else None:
            case Cancelled(reasons):
                said = [
                    {"Code": reason} if reason == "None" else {"Code": reason, "Message": "…"} for reason in reasons
                ]
                return _error("TransactionCanceledException", 400, CancellationReasons=said)
            case Refusal(code, status):
                return _error(code, status)
            case Stall():
                await asyncio.Event().wait()
            case LostAnswer():
                await self._forward(request, body)
                assert request.transport is not None
                request.transport.abort()
            case HalfAnswer():
                return await self._half(request, json.loads(body))
        return await self._forward(request, body)

    async def _half(self, request: web.Request, asked: dict[str, Any]) -> web.Response:
        ((table, wanted),) = asked["RequestItems"].items()
        keys, half = wanted["Keys"], len(wanted["Keys"]) // 2
        first = {**asked, "RequestItems": {table: {**wanted, "Keys": keys[:half]}}}
        answer = await self._forward(request, json.dumps(first).encode())
        assert isinstance(answer.body, bytes)
        served = json.loads(answer.body)
        served["UnprocessedKeys"] = {table: {**wanted, "Keys": keys[half:]}}
        return web.json_response(served, content_type="application/x-amz-json-1.0")

    async def _forward(self, request: web.Request, body: bytes) -> web.Response:
        kept = ("X-Amz-Target", "X-Amz-Date", "Content-Type", "Authorization")
        headers = {name: request.headers[name] for name in kept if name in request.headers}
        async with self._http.post(self._url, data=body, headers=headers) as answer:
            content = answer.headers.get("Content-Type", "application/x-amz-json-1.0")
            return web.Response(status=answer.status, body=await answer.read(), headers={"Content-Type": content})


@asynccontextmanager
async def faulty(url: str) -> AsyncIterator[FaultyDatabase]:
    """Serves on a free port before the database at `url`."""
    async with aiohttp.ClientSession() as http:
        database = FaultyDatabase(url, http)
        app = web.Application(client_max_size=2**25)
        app.router.add_post("/", database.answer)
        # Those that stall are not waited for.
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        database.url = f"http://{host}:{port}"
        try:
            yield database
        finally:
            await runner.cleanup()


def _error(code: str, status: int, **more: Any) -> web.Response:
    body = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "so the test wants it", **more}
    return web.json_response(body, status=status, content_type="application/x-amz-json-1.0")
