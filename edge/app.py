"""The HTTP side: routes, what every answer carries, and how failures are told: JSON to programs, a page to people."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, TypeAlias

import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware

from chassis.errors import Invalid, LingocastError
from edge import policy
from edge.assets import PREFIX
from edge.connect import Entrance
from edge.discretion import HTTP_LOGGER, hush
from edge.edge import Edge
from edge.pages import Pages, json_response
from edge.protocol.errors import Internal, error_message
from edge.tuning import Tuning
from edge.upgrade import UPGRADED, retry_headers

log = structlog.get_logger()

_API: Final = "/api/"
_PLAIN: Final = {"text/javascript", "text/css"}
"""Files that are nothing by themselves."""
_PREFLIGHT: Final = {
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Max-Age": "86400",
    "Allow": "GET, HEAD, OPTIONS",
}
_SENTENCES: Final = {404: "this address leads nowhere", 405: "this address is not for that method"}

BACKLOG: Final = 4_096
"""Connections that wait to be accepted: a full hall that joins at one word. The kernel takes less where
net.core.somaxconn is lower; beyond it clients try again after a second."""

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_app(edge: Edge, jwks: dict[str, object] | None = None) -> web.Application:
    """All routes. `jwks`: the local issuer's public keys, where it is in use."""
    pages, entrance = Pages(edge), Entrance(edge)
    app = web.Application(middlewares=[_errors(pages)])
    app.on_response_prepare.append(_finish)
    app.add_routes(
        [
            web.get("/ws", entrance.__call__),
            web.get("/listen/{id}/{language}", Tuning(edge, entrance).__call__),
            web.get("/healthz", pages.healthz),
            web.get("/readyz", pages.readyz),
            web.get("/api/languages", pages.languages),
            web.get("/api/sessions/{id}", pages.session),
            web.get("/api/sessions/{id}/qr.svg", pages.qr),
            web.get("/", pages.home),
            web.get("/speak", pages.speak),
            web.get("/s/{id}", pages.listen),
            web.get("/s/{id}/screen", pages.screen),
            web.get(f"{PREFIX}/{{digest}}/{{path:.+}}", pages.file),
            web.get("/favicon.ico", pages.icon),
        ]
    )
    if jwks is not None:
        app.router.add_get("/.well-known/jwks.json", _fixed(jwks))
    return app


@asynccontextmanager
async def serve_http(app: web.Application, host: str, port: int, *, share_port: bool = False) -> AsyncIterator[str]:
    """Serves while the block runs; gives the address people use, with the port that was bound. `share_port`: other
    processes of this user may serve it too, and each gets its share of the connections."""
    hush()
    # Sockets are closed by the drain; what is left then has no claim to more time.
    runner = web.AppRunner(app, handle_signals=False, access_log=None, logger=HTTP_LOGGER, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, backlog=BACKLOG, reuse_port=share_port or None).start()
        bound = runner.addresses[0][1]
        shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)
        yield f"http://{shown}:{bound}"
    finally:
        await runner.cleanup()


def _errors(pages: Pages) -> Middleware:
    @web.middleware
    async def handle(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            # It goes into links and pages; bytes that are no UTF-8 would fail there, after a session was opened.
            if not request.host.isascii():
                raise Invalid("INVALID_PARAMETER", "the Host header is not a name")
            if request.method == "OPTIONS" and request.path.startswith(_API):
                return web.Response(status=204, headers=_PREFLIGHT)
            return await handler(request)
        except LingocastError as error:
            return _told(error)
        except web.HTTPException as error:
            return _no_such_address(error, request, pages)
        except Exception:
            if request.get(UPGRADED):
                raise  # aiohttp logs it and cuts the connection, which is all that is left to do.
            failure = Internal()
            log.exception("request_failed", correlation=failure.correlation_id)
            return _told(failure)

    return handle


def _told(error: LingocastError) -> web.Response:
    told = error_message(error)
    headers = retry_headers(told)
    return web.Response(status=told.status, body=told.to_json(), content_type="application/json", headers=headers)


def _no_such_address(error: web.HTTPException, request: web.Request, pages: Pages) -> web.Response:
    """aiohttp's own refusals: no such path, not that method, a body too long."""
    sentence = _SENTENCES.get(error.status, error.reason.lower())
    if "text/html" in request.headers.get("Accept", "") and not request.path.startswith(_API):
        answer = pages.problem(request, error.status, sentence)
    else:
        answer = json_response({"type": "error", "status": error.status, "message": sentence}, error.status)
    if "Allow" in error.headers:
        answer.headers["Allow"] = error.headers["Allow"]
    return answer


async def _finish(request: web.Request, response: web.StreamResponse) -> None:
    if not isinstance(response, web.WebSocketResponse):
        response.headers["Server"] = "lingocast"  # In the place of aiohttp's own.
        # A picture can also be opened as a page, and a missing file is told as one.
        plain = response.content_type in _PLAIN and request.path.startswith(f"{PREFIX}/")
        for name, value in (policy.FILES if plain else policy.EVERYWHERE).items():
            response.headers.setdefault(name, value)
        if request.path.startswith(_API):
            response.headers.update(policy.PUBLIC)


def _fixed(content: dict[str, object]) -> Handler:
    async def show(_: web.Request) -> web.Response:
        return json_response(content)

    return show
