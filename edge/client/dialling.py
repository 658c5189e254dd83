"""Makes one WebSocket connection: the address, the upgrade, the server's first word. Every failure is a ClientError."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import aiohttp
from yarl import URL

from edge.client.messages import SUBPROTOCOL, ClientError, ErrorEvent, Event, parse
from edge.client.recovery import Timing, ending

MAX_MESSAGE = 1 << 20

Socket = aiohttp.ClientWebSocketResponse


@dataclass(frozen=True, slots=True)
class Request:
    """What to ask for."""

    query: Mapping[str, str]
    token: str = field(default="", repr=False)


class Dialler:
    """Connects to one server."""

    def __init__(self, http: aiohttp.ClientSession, url: str, timing: Timing) -> None:
        self._http = http
        self._url = endpoint(url)
        self._timing = timing

    async def dial(self, request: Request, accept: Callable[[Event], bool]) -> Socket:
        """A socket whose first message `accept` took. Raises ClientError: the server's refusal, or `UNREACHABLE`,
        `NO_ANSWER`, `UNEXPECTED_ANSWER`."""
        # A header and not the query: addresses are written into logs on the way, headers are not.
        headers = {"Authorization": f"Bearer {request.token}"} if request.token else {}
        url = self._url.update_query(request.query)
        try:
            async with asyncio.timeout(self._timing.answer):
                socket = await self._http.ws_connect(
                    url, headers=headers, protocols=[SUBPROTOCOL], max_msg_size=MAX_MESSAGE
                )
                await self._greet(socket, accept)
        except aiohttp.WSServerHandshakeError as error:
            raise _refusal(error) from error
        except (TimeoutError, aiohttp.ServerDisconnectedError) as error:
            raise ClientError("NO_ANSWER", 504, f"{url.host} did not answer") from error
        except (aiohttp.ClientError, OSError) as error:
            raise ClientError("UNREACHABLE", 503, f"{url.host} cannot be reached") from error
        return socket

    async def hang_up(self, socket: Socket) -> None:
        """Closes a socket, waiting only briefly for the other side's close."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._timing.goodbye):
                await socket.close()

    async def _greet(self, socket: Socket, accept: Callable[[Event], bool]) -> None:
        try:
            message = await socket.receive()
            if message.type is not aiohttp.WSMsgType.TEXT:
                ending(socket.close_code, told_ended=False, refreshing=True, error=None)
                raise ClientError("UNREACHABLE", 503, "the server closed the connection at once")
            answer = parse(message.data)
            if isinstance(answer, ErrorEvent):
                raise answer.as_exception()
            if not accept(answer):
                raise ClientError("UNEXPECTED_ANSWER", 400, "the server answered with something else than was asked")
        except BaseException:
            await self.hang_up(socket)
            raise


def endpoint(url: str) -> URL:
    """The WebSocket address of a server given as `http(s)://host` or `ws(s)://host`, with or without `/ws`.

    Raises ValueError for anything else.
    """
    parsed = URL(url)
    scheme = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}.get(parsed.scheme)
    if scheme is None or not parsed.host:
        raise ValueError("the address of a server looks like https://example.org")
    path = parsed.path if parsed.path.endswith("/ws") else parsed.path.rstrip("/") + "/ws"
    return parsed.with_path(path).with_scheme(scheme)


def _refusal(error: aiohttp.WSServerHandshakeError) -> ClientError:
    """A refusal before the upgrade: its body cannot be read any more, its status can."""
    codes = {401: "INVALID_TOKEN", 403: "UNAUTHORIZED_ACTION", 404: "SESSION_NOT_FOUND", 429: "RATE_LIMIT_EXCEEDED"}
    code = codes.get(error.status, "SERVICE_UNAVAILABLE" if error.status >= 500 else "UNEXPECTED_ANSWER")
    after = error.headers.get("Retry-After", "") if error.headers is not None else ""
    return ClientError(code, error.status, "the server refused to connect", float(after) if after.isdigit() else None)
