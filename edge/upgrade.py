"""The answer to who asks for a socket: an upgrade, or a refusal in the way that their flavour can read.

Plain clients get an HTTP status. A browser cannot read the answer to a refused upgrade, so `lingocast.v1` clients are
upgraded all the same, told, and closed.
"""

import socket as sockets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog
from aiohttp import ClientConnectionResetError, WSCloseCode, web

from chassis.errors import LingocastError
from edge.protocol import server
from edge.protocol.errors import close_code, error_message
from edge.protocol.wire import SUBPROTOCOL, Flavour
from edge.refusals import RefusalLog

log = structlog.get_logger()
refusals = RefusalLog(log, rate=10.0, burst=100)
"""Of connections, by all clients together."""

FRAME_LIMIT: Final = 1 << 20
"""aiohttp's own limit, which closes the socket; ours, which only refuses the message, is far below."""

SEND_BUFFER_BYTES: Final = 64 * 1024
"""Of the kernel, for each socket. Without a cap it hides minutes of stale audio, and no slow listener is ever seen."""

UPGRADED: Final = web.RequestKey("upgraded", bool)
"""Set once the answer to a request is a WebSocket: from then on there is no other."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks to come in, and in which flavour."""

    request: web.Request
    flavour: Flavour

    @classmethod
    def of(cls, request: web.Request) -> "Caller":
        """The flavour is chosen by the subprotocols that are offered."""
        offered = request.headers.get("Sec-WebSocket-Protocol", "")
        named = {name.strip() for name in offered.split(",")}
        return cls(request, Flavour.V1 if SUBPROTOCOL in named else Flavour.PLAIN)

    def token(self, in_query: str) -> str:
        """The bearer token of the header, else the one in the query."""
        scheme, _, token = self.request.headers.get("Authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else in_query


class WebSocket(web.WebSocketResponse):
    """Says so before its close frame goes out, whoever began to close: nothing may follow that frame (RFC 6455,
    section 5.5.1), and not everything that is written here goes through aiohttp."""

    _before_close: Callable[[], None] | None = None

    def before_close(self, act: Callable[[], None]) -> None:
        self._before_close = act

    async def close(self, *, code: int = WSCloseCode.OK, message: bytes = b"", drain: bool = True) -> bool:
        if self._before_close is not None:
            self._before_close()
        return await super().close(code=code, message=message, drain=drain)


async def refuse(error: LingocastError, caller: Caller) -> web.StreamResponse:
    """Tells why not, and closes."""
    if caller.flavour is Flavour.PLAIN or caller.request.transport is None:
        return json_refusal(error)
    told = _told(error)
    ws = await upgrade(caller)
    try:
        await ws.send_str(told.to_json().decode())
        await ws.close(code=close_code(error), message=told.code.encode())
    except (ClientConnectionResetError, ConnectionResetError):
        log.debug("refused_peer_was_gone")
    return ws


def json_refusal(error: LingocastError) -> web.Response:
    """Status and JSON, whatever the flavour."""
    told = _told(error)
    body, headers = told.to_json(), retry_headers(told)
    return web.Response(status=told.status, body=body, content_type="application/json", headers=headers)


def retry_headers(told: server.ErrorMessage) -> dict[str, str]:
    """`Retry-After`, where an error knows it."""
    return {} if told.retry_after is None else {"Retry-After": str(told.retry_after)}


async def upgrade(caller: Caller) -> WebSocket:
    """A WebSocket, with bounded buffers and no compression: fan-out writes the same bytes to all."""
    ws = WebSocket(
        timeout=2.0,  # For the answer to our close frame.
        protocols=(SUBPROTOCOL,) if caller.flavour is Flavour.V1 else (),
        compress=False,
        max_msg_size=FRAME_LIMIT,
        # Every frame looks whether the peer keeps up, so that what it misses stays in the mailbox, where it can drop.
        writer_limit=0,
        decode_text=False,
    )
    transport = caller.request.transport
    if transport is not None:
        raw = transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_SNDBUF, SEND_BUFFER_BYTES)
        transport.set_write_buffer_limits(high=SEND_BUFFER_BYTES)
    caller.request[UPGRADED] = True
    await ws.prepare(caller.request)
    return ws


def _told(error: LingocastError) -> server.ErrorMessage:
    told = error_message(error)
    refusals.note(told)
    return told
