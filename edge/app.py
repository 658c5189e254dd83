"""The HTTP side: routes, probes, public facts, pages."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import lru_cache
from html import escape
from io import BytesIO
from pathlib import Path
from string import Template
from typing import Final, TypeAlias

import orjson
import segno
import structlog
from aiohttp import web

from chassis.errors import Invalid, LingocastError, Unavailable
from edge.connect import UPGRADED, Entrance, join_url, retry_headers
from edge.discretion import HTTP_LOGGER, hush
from edge.edge import Edge
from edge.languages import named
from edge.protocol.connect import session_id
from edge.protocol.errors import error_message
from edge.protocol.wire import milliseconds

log = structlog.get_logger()

WEB: Final = Path(__file__).parent / "web"
MAX_QR_CHARS: Final = 200

_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    "Server": "lingocast",
    "X-Content-Type-Options": "nosniff",
    # Session ids are in the path; other sites need not learn them.
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
}

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_app(edge: Edge, jwks: dict[str, object] | None = None) -> web.Application:
    """All routes. `jwks`: the local issuer's public keys, where it is in use."""
    pages = Pages(edge)
    app = web.Application(middlewares=[_errors])
    app.on_response_prepare.append(_secure)
    app.add_routes(
        [
            web.get("/ws", Entrance(edge).__call__),
            web.get("/healthz", pages.healthz),
            web.get("/readyz", pages.readyz),
            web.get("/api/languages", pages.languages),
            web.get("/api/sessions/{id}", pages.session),
            web.get("/api/sessions/{id}/qr.svg", pages.qr),
            web.get("/", pages.page("index.html")),
            web.get("/speak", pages.page("speak.html")),
            web.get("/s/{id}", pages.page("listen.html")),
            web.get("/style.css", pages.style),
        ]
    )
    if jwks is not None:
        app.router.add_get("/.well-known/jwks.json", _fixed(jwks))
    return app


@asynccontextmanager
async def serve_http(app: web.Application, host: str, port: int) -> AsyncIterator[str]:
    """Serves while the block runs; gives the address people use, with the port that was bound."""
    hush()
    # Sockets are closed by the drain; what is left then has no claim to more time.
    runner = web.AppRunner(app, handle_signals=False, access_log=None, logger=HTTP_LOGGER, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        bound = runner.addresses[0][1]
        shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)
        yield f"http://{shown}:{bound}"
    finally:
        await runner.cleanup()


class Pages:
    """Everything that is not a WebSocket."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._templates = {path.name: Template(path.read_text("utf-8")) for path in WEB.glob("*.html")}

    async def healthz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(self, _: web.Request) -> web.Response:
        return web.Response(text="ready\n") if self._edge.ready else web.Response(status=503, text="not ready\n")

    async def languages(self, _: web.Request) -> web.Response:
        sources = [
            {"code": source, "name": named(source).name, "targets": [_language(target) for target in targets]}
            for source, targets in sorted(self._edge.languages.offered().items())
        ]
        return _json({"sources": sources})

    async def session(self, request: web.Request) -> web.Response:
        view = await self._edge.sessions.get(session_id(request.match_info["id"]))
        return _json(
            {
                "sessionId": view.session_id,
                "live": view.live,
                "sourceLanguage": view.source_language,
                "qualityTier": view.quality_tier,
                "hasPin": view.has_pin,
                "createdAt": milliseconds(view.created_at),
                "targetLanguages": list(self._edge.languages.offered().get(view.source_language, ())),
            }
        )

    async def qr(self, request: web.Request) -> web.Response:
        """The join link of a session. Any well-formed id has one; nothing is looked up."""
        url = join_url(self._edge.config.public_url, request, session_id(request.match_info["id"]))
        # Without a PUBLIC_URL the host is the client's word; drawing a long one would hold everybody up.
        if len(url) > MAX_QR_CHARS:
            raise Invalid("INVALID_PARAMETER", f"a join link has at most {MAX_QR_CHARS} characters")
        return web.Response(body=_drawn(url), content_type="image/svg+xml")

    async def style(self, _: web.Request) -> web.Response:
        return web.Response(body=(WEB / "style.css").read_bytes(), content_type="text/css", charset="utf-8")

    def page(self, name: str) -> Handler:
        async def show(request: web.Request) -> web.Response:
            wanted = request.match_info.get("id")
            values = {"session": escape(session_id(wanted)) if wanted else "", "host": escape(request.host)}
            return web.Response(text=self._templates[name].substitute(values), content_type="text/html")

        return show


@lru_cache(maxsize=256)
def _drawn(url: str) -> bytes:
    drawn = BytesIO()
    segno.make_qr(url).save(drawn, kind="svg", scale=8, border=2)
    return drawn.getvalue()


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        # It goes into links and pages; bytes that are no UTF-8 would fail there, after a session was opened.
        if not request.host.isascii():
            raise Invalid("INVALID_PARAMETER", "the Host header is not a name")
        return await handler(request)
    except LingocastError as error:
        told = error_message(error)
    except web.HTTPException:
        raise
    except Exception:
        if request.get(UPGRADED):
            raise  # aiohttp logs it and cuts the connection, which is all that is left to do.
        told = error_message(Unavailable("INTERNAL", "this failed on our side"))
        log.exception("request_failed", correlation=told.correlation_id)
    body, headers = told.to_json(), retry_headers(told)
    return web.Response(status=told.status, body=body, content_type="application/json", headers=headers)


async def _secure(_: web.Request, response: web.StreamResponse) -> None:
    if not isinstance(response, web.WebSocketResponse):
        response.headers.update(_HEADERS)


def _fixed(content: dict[str, object]) -> Handler:
    async def show(_: web.Request) -> web.Response:
        return _json(content)

    return show


def _language(code: str) -> dict[str, str]:
    return {"code": code, "name": named(code).name}


def _json(content: object) -> web.Response:
    return web.Response(body=orjson.dumps(content), content_type="application/json")
