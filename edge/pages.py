"""Everything over HTTP that is not a WebSocket: probes, public facts, pages for people."""

import asyncio
import re
from collections.abc import Collection
from contextlib import suppress
from functools import lru_cache
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Final
from urllib.parse import quote

import orjson
import segno
from aiohttp import hdrs, web

from chassis.errors import Invalid, LingocastError, NotFound
from chassis.language import match, parse
from edge import opus
from edge.address import address_of
from edge.assets import Assets, Snapshot, answer, icon, takes_gzip
from edge.connect import join_url
from edge.domain.limits import Buckets
from edge.edge import Edge
from edge.gate import too_fast
from edge.languages import named
from edge.policy import for_page
from edge.protocol.connect import session_id
from edge.protocol.wire import milliseconds
from edge.sessions import SessionView

WEB: Final = Path(__file__).parent / "web"
MAX_QR_CHARS: Final = 200
MAX_NAME_CHARS: Final = 200
MAX_WISHES_CHARS: Final = 400
_GAPS: Final = re.compile(r"[\s_-]+")

_TITLES: Final = {400: "That was not understood", 404: "There is nothing here", 429: "Too many at once"}


class Pages:
    """The handlers. Look-ups of sessions are limited by client address, in this process alone: a room that loads the
    page must not use up what the shared limits leave it for joining."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._assets = Assets(WEB)
        self._offers_opus = opus.offered()
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
        return json_response(self._facts(view))

    async def qr(self, request: web.Request) -> web.Response:
        """The join link of a session. Any well-formed id has one; nothing is looked up."""
        self._take(request)
        url = join_url(self._edge.config.public_url, request, session_id(request.match_info["id"]))
        # Without a PUBLIC_URL the host is the client's word; drawing a long one would hold everybody up.
        if len(url) > MAX_QR_CHARS:
            raise Invalid("INVALID_PARAMETER", f"a join link has at most {MAX_QR_CHARS} characters")
        return web.Response(body=_drawn(url), content_type="image/svg+xml")

    async def file(self, request: web.Request) -> web.Response:
        """A file of the pages. Below another prefix than the present one, the present file, to be asked for again."""
        present = self._present()
        try:
            file = present.files[request.match_info["path"]]
        except KeyError:
            raise web.HTTPNotFound from None
        return answer(file, request, immutable=request.match_info["digest"] == present.digest)

    async def icon(self, request: web.Request) -> web.Response:
        return answer(icon(self._present()), request, immutable=False)

    async def home(self, request: web.Request) -> web.Response:
        """The first page; for a form that no script took care of, the way to the session that is named in it."""
        if typed := request.query.get("session", "").strip():
            name = quote(_GAPS.sub("-", typed[:MAX_NAME_CHARS]).lower(), safe="")
            return web.Response(status=303, headers={hdrs.LOCATION: f"/s/{name}"})
        return self._page("index.html", request)

    async def speak(self, request: web.Request) -> web.Response:
        return self._page("speak.html", request, microphone=True)

    async def listen(self, request: web.Request) -> web.Response:
        return await self._of_session("listen.html", request)

    async def screen(self, request: web.Request) -> web.Response:
        return await self._of_session("screen.html", request)

    def problem(self, request: web.Request, status: int, sentence: str, code: str = "") -> web.Response:
        """What went wrong, for people. `code`: by which the page finds the words in their language."""
        title = _TITLES.get(status, "This did not work")
        text = f"{sentence[:1].upper()}{sentence[1:].rstrip('.')}."
        return self._page("problem.html", request, status, title=title, sentence=text, code=code or str(status))

    async def _of_session(self, name: str, request: web.Request) -> web.Response:
        """A session's page; one that says so where there is no such session."""
        try:
            wanted = session_id(request.match_info["id"])
            view = await self._live(wanted, request)
        except (Invalid, NotFound) as error:
            return self.problem(request, 400 if isinstance(error, Invalid) else 404, error.message, error.reason)
        facts = orjson.dumps(view and self._facts(view)).decode()
        return self._page(name, request, session=wanted, facts=facts)

    async def _live(self, wanted: str, request: web.Request) -> SessionView | None:
        """Raises NotFound. Who looks up too much, or comes while the store is down, gets the page unchecked: listening
        is what it is for, and the socket will tell."""
        try:
            self._take(request)
            view = await self._edge.sessions.get(wanted)
        except NotFound as error:
            raise NotFound(error.reason, _absent(wanted)) from error
        except LingocastError:
            return None
        if not view.live:
            raise NotFound("SESSION_NOT_FOUND", _absent(wanted))
        return view

    def _facts(self, view: SessionView) -> dict[str, object]:
        """What anybody may know of a session."""
        return {
            "sessionId": view.session_id,
            "live": view.live,
            "sourceLanguage": view.source_language,
            "qualityTier": view.quality_tier,
            "hasPin": view.has_pin,
            "createdAt": milliseconds(view.created_at),
            "targetLanguages": list(self._edge.languages.offered().get(view.source_language, ())),
            "audioFormats": ["pcm", "opus"] if self._offers_opus else ["pcm"],
        }

    def _take(self, request: web.Request) -> None:
        """Raises Exhausted(RATE_LIMIT_EXCEEDED)."""
        config = self._edge.config
        if not config.limit_addresses:
            return
        address = address_of(request, config.trusted_proxies)
        if wait := self._lookups.take(address, asyncio.get_running_loop().time()):
            raise too_fast("too many look-ups; try again in a moment", wait)

    def _present(self) -> Snapshot:
        return self._assets.at(asyncio.get_running_loop().time())

    def _page(
        self, name: str, request: web.Request, status: int = 200, *, microphone: bool = False, **values: str
    ) -> web.Response:
        present = self._present()
        safe = {key: escape(value) for key, value in values.items()}
        spoken = _spoken(present.templates[name], request.headers.get(hdrs.ACCEPT_LANGUAGE, ""))
        preload = _preload(present, name, spoken)
        text = present.templates[name][spoken].substitute(safe, assets=present.prefix, preload=preload)
        headers = for_page(request.host, self._edge.config.public_url, microphone=microphone)
        page = web.Response(text=text, content_type="text/html", status=status, headers=headers)
        page.headers[hdrs.CACHE_CONTROL] = "no-cache"
        page.headers[hdrs.VARY] = f"{hdrs.ACCEPT_ENCODING}, {hdrs.ACCEPT_LANGUAGE}"
        if takes_gzip(request):
            page.enable_compression(web.ContentCoding.gzip)
        return page


def json_response(content: object, status: int = 200) -> web.Response:
    """The content as JSON."""
    return web.Response(body=orjson.dumps(content), content_type="application/json", status=status)


def _absent(wanted: str) -> str:
    return f"there is no session {wanted} at present: look whether the name is right, or ask whether it has ended"


def _preload(present: Snapshot, page: str, language: str) -> str:
    """Links to all that a page's script will ask for, with the words of the language that it will probably speak."""
    links = (*present.preloads[page], *present.words[page].get(language, ()))
    return "\n".join(f'<link rel="modulepreload" href="{present.prefix}/{name}">' for name in links)


def _spoken(offered: Collection[str], accepted: str) -> str:
    """The language for who sends this Accept-Language. Which one a person has chosen only their browser knows."""
    return next(filter(None, (match(wish, offered) for wish in _wishes(accepted))), "en")


def _wishes(accepted: str) -> list[str]:
    """The languages of an Accept-Language header, the most wanted first. What is not one is passed over."""
    wishes = []
    for part in accepted[:MAX_WISHES_CHARS].split(","):
        code, _, quality = part.partition(";")
        with suppress(Invalid, ValueError):
            wishes.append((float(quality.strip().removeprefix("q=") or 1), parse(code.strip())))
    return [code for quality, code in sorted(wishes, key=lambda wish: -wish[0]) if quality > 0]


def _language(code: str) -> dict[str, str]:
    return {"code": code, "name": named(code).name}


@lru_cache(maxsize=256)
def _drawn(url: str) -> bytes:
    drawn = BytesIO()
    segno.make_qr(url).save(drawn, kind="svg", scale=8, border=2)
    return drawn.getvalue()
