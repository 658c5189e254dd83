"""Everything over HTTP that is not a WebSocket: probes, public facts, pages for people."""

import asyncio
from functools import lru_cache
from html import escape
from io import BytesIO
from pathlib import Path
from string import Template
from typing import Final

import orjson
import segno
from aiohttp import web

from chassis.errors import Invalid, LingocastError, NotFound
from edge.address import address_of
from edge.connect import join_url
from edge.domain.limits import Buckets
from edge.edge import Edge
from edge.gate import too_fast
from edge.languages import named
from edge.protocol.connect import session_id
from edge.protocol.wire import milliseconds

WEB: Final = Path(__file__).parent / "web"
MAX_QR_CHARS: Final = 200

_TITLES: Final = {400: "That was not understood", 404: "There is nothing here", 429: "Too many at once"}


class Pages:
    """The handlers. Look-ups of sessions are limited by client address, in this process alone: a room that loads the
    page must not use up what the shared limits leave it for joining."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._templates = {path.name: Template(path.read_text("utf-8")) for path in WEB.glob("*.html")}
        a_minute = edge.config.lookups_per_minute
        self._lookups = Buckets(rate=a_minute / 60, burst=a_minute)

    async def healthz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(self, _: web.Request) -> web.Response:
        return web.Response(text="ready\n") if self._edge.ready else web.Response(status=503, text="not ready\n")

    async def languages(self, _: web.Request) -> web.Response:
        sources = [
            {"code": source, "name": named(source).name, "targets": [_language(target) for target in targets]}
            for source, targets in sorted(self._edge.languages.offered().items())
        ]
        return json_response({"sources": sources})

    async def session(self, request: web.Request) -> web.Response:
        self._take(request)
        view = await self._edge.sessions.get(session_id(request.match_info["id"]))
        return json_response(
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
        self._take(request)
        url = join_url(self._edge.config.public_url, request, session_id(request.match_info["id"]))
        # Without a PUBLIC_URL the host is the client's word; drawing a long one would hold everybody up.
        if len(url) > MAX_QR_CHARS:
            raise Invalid("INVALID_PARAMETER", f"a join link has at most {MAX_QR_CHARS} characters")
        return web.Response(body=_drawn(url), content_type="image/svg+xml")

    async def style(self, _: web.Request) -> web.Response:
        return web.Response(body=(WEB / "style.css").read_bytes(), content_type="text/css", charset="utf-8")

    async def home(self, _: web.Request) -> web.Response:
        return self._page("index.html")

    async def speak(self, request: web.Request) -> web.Response:
        return self._page("speak.html", host=request.host)

    async def listen(self, request: web.Request) -> web.Response:
        """A session's page; one that says so where there is no such session."""
        try:
            wanted = session_id(request.match_info["id"])
            await self._must_live(wanted, request)
        except (Invalid, NotFound) as error:
            return self.problem(400 if isinstance(error, Invalid) else 404, error.message)
        return self._page("listen.html", session=wanted, host=request.host)

    def problem(self, status: int, sentence: str) -> web.Response:
        """What went wrong, for people."""
        title = _TITLES.get(status, "This did not work")
        text = f"{sentence[:1].upper()}{sentence[1:].rstrip('.')}."
        return self._page("problem.html", status=status, title=title, sentence=text)

    async def _must_live(self, wanted: str, request: web.Request) -> None:
        """Raises NotFound. Who looks up too much, or comes while the store is down, gets the page unchecked: listening
        is what it is for, and the socket will tell."""
        try:
            self._take(request)
            live = (await self._edge.sessions.get(wanted)).live
        except NotFound as error:
            raise NotFound(error.reason, _absent(wanted)) from error
        except LingocastError:
            return
        if not live:
            raise NotFound("SESSION_NOT_FOUND", _absent(wanted))

    def _take(self, request: web.Request) -> None:
        """Raises Exhausted(RATE_LIMIT_EXCEEDED)."""
        config = self._edge.config
        if not config.limit_addresses:
            return
        address = address_of(request, config.trusted_proxies)
        if wait := self._lookups.take(address, asyncio.get_running_loop().time()):
            raise too_fast("too many look-ups; try again in a moment", wait)

    def _page(self, name: str, status: int = 200, **values: str) -> web.Response:
        safe = {key: escape(value) for key, value in values.items()}
        return web.Response(text=self._templates[name].substitute(safe), content_type="text/html", status=status)


def json_response(content: object, status: int = 200) -> web.Response:
    """The content as JSON."""
    return web.Response(body=orjson.dumps(content), content_type="application/json", status=status)


def _absent(wanted: str) -> str:
    return f"there is no session {wanted} at present: look whether the name is right, or ask whether it has ended"


def _language(code: str) -> dict[str, str]:
    return {"code": code, "name": named(code).name}


@lru_cache(maxsize=256)
def _drawn(url: str) -> bytes:
    drawn = BytesIO()
    segno.make_qr(url).save(drawn, kind="svg", scale=8, border=2)
    return drawn.getvalue()
