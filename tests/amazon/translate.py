"""Amazon Translate's stand-in: JSON 1.1 over HTTP, signatures and requests checked, faults on demand.

Unless it is given a translator it translates nothing: "Hello." into Spanish is "[es] Hello.", deterministic and easy to
recognise. Text in
`<span translate="no">` stays, tags and all, as Amazon documents; invented words stay because engines copy them. Told
to `mangle`, it does to both what neural engines do now and then.
"""

import asyncio
import re
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from aiohttp import web

from tests.amazon.requests import Call, Refused, Service, received
from tests.amazon.signing import Arrived, Credentials, SignatureRefused, verify

LANGUAGES: Final = (
    "af sq am ar hy az bn bs bg ca zh zh-TW hr cs da fa-AF nl en et fa tl fi fr fr-CA ka de el gu ht ha he hi hu is id "
    "ga it ja kn kk ko lv lt mk ms ml mt mr mn no ps pl pt pt-PT pa ro ru sr si sk sl so es es-MX sw sv ta te th tr uk "
    "ur uz vi cy"
)
"""What Amazon documents; `auto` is listed with them."""
MOST_BYTES: Final = 10_000
THROTTLE: Final = "throttle"
_PAGE: Final = 50
_SPAN: Final = re.compile(r'<span translate="no">(.*?)</span>')
_INVENTED: Final = re.compile(r"\bXq(\d+)x\b")


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to a request instead of an answer: an error by its code, or one of the words below."""

    code: str = ""
    status: int = 400
    stall: bool = False
    reset: bool = False
    malformed: bool = False
    empty: bool = False


FAULTS: Final[Mapping[str, Fault]] = MappingProxyType(
    {
        THROTTLE: Fault("TooManyRequestsException", 400),
        "throttle-generic": Fault("ThrottlingException", 400),
        "unavailable": Fault("ServiceUnavailableException", 500),
        "internal": Fault("InternalServerException", 500),
        "gateway": Fault("", 502),
        "stall": Fault(stall=True),
        "reset": Fault(reset=True),
        "malformed": Fault(malformed=True),
        "empty": Fault(empty=True),
        "pair": Fault("UnsupportedLanguagePairException"),
        "low-confidence": Fault("DetectedLanguageLowConfidenceException"),
        "size": Fault("TextSizeLimitExceededException"),
        "invalid": Fault("InvalidRequestException"),
        "no-terminology": Fault("ResourceNotFoundException"),
        "denied": Fault("AccessDeniedException"),
        "expired": Fault("ExpiredTokenException", 403),
        "unknown-client": Fault("UnrecognizedClientException"),
        "unsubscribed": Fault("SubscriptionRequiredException"),
    }
)


@dataclass(slots=True)
class TranslateStandIn:
    """Amazon, as far as it is asked. `faults`: for the next requests of TranslateText, one each.

    `seconds`: that an answer takes. `translator`: of text, source and target, for texts of natural length.
    """

    seconds: float = 0.0
    translator: Callable[[str, str, str], Awaitable[str]] | None = None
    credentials: Credentials = field(default_factory=Credentials)
    port: int = 0
    region: str = "us-east-1"
    languages: list[str] = field(default_factory=LANGUAGES.split)
    terminologies: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    mangle: Callable[[str], str] | None = None
    faults: deque[str] = field(default_factory=deque)
    listing_faults: deque[str] = field(default_factory=deque)
    calls: list[Call] = field(default_factory=list)
    refusals: Counter[str] = field(default_factory=Counter)
    at_once: int = 0
    most_at_once: int = 0
    url: str = ""
    _service: Service = field(default_factory=lambda: Service("translate"))
    _runner: web.AppRunner | None = None

    @property
    def texts(self) -> list[str]:
        """What was to be translated, in order of arrival."""
        return [call.members["Text"] for call in self.calls if call.operation == "TranslateText"]

    async def __aenter__(self) -> "TranslateStandIn":
        """Answers at `url`, on loopback; `port` 0 takes any."""
        application = web.Application(client_max_size=1 << 20)
        application.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(application, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            verify(
                await Arrived.over_http(request), service="translate", credentials=self.credentials, region=self.region
            )
            call = await received(self._service, request)
            self.calls.append(call)
            faults = self.faults if call.operation == "TranslateText" else self.listing_faults
            if faults:
                return await self._fault(request, FAULTS[faults.popleft()])
            answered_at = asyncio.get_running_loop().time() + self.seconds
            answer = await self._operate(call)
            await asyncio.sleep(answered_at - asyncio.get_running_loop().time())
            return self._service.answer(answer)
        except (Refused, SignatureRefused) as refused:
            self.refusals[refused.code] += 1
            return self._service.refusal(Refused(refused.code, refused.message, refused.status))
        finally:
            self.at_once -= 1

    async def _fault(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        if fault.stall:
            await asyncio.sleep(3600)
        if fault.reset:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if fault.malformed:
            return self._service.malformed()
        if fault.empty:
            return self._service.answer({"SourceLanguageCode": "en", "TargetLanguageCode": "es", "TranslatedText": ""})
        if not fault.code:
            return web.Response(status=fault.status, text="<html>Bad Gateway</html>", content_type="text/html")
        raise Refused(fault.code, "as told", fault.status)

    async def _operate(self, call: Call) -> dict[str, Any]:
        match call.operation:
            case "TranslateText":
                return await self._translate(call.members)
            case "ListLanguages":
                return self._list(call.members)
        raise Refused("AccessDeniedException", "this stand-in only translates")

    def _list(self, members: Mapping[str, Any]) -> dict[str, Any]:
        codes = ["auto", *self.languages]
        start, size = int(members.get("NextToken", 0)), min(_PAGE, members.get("MaxResults", _PAGE))
        languages = [{"LanguageName": code, "LanguageCode": code} for code in codes[start : start + size]]
        more = {"NextToken": str(start + size)} if start + size < len(codes) else {}
        return {"Languages": languages, "DisplayLanguageCode": "en", **more}

    async def _translate(self, members: Mapping[str, Any]) -> dict[str, Any]:
        text, source, target = members["Text"], members["SourceLanguageCode"], members["TargetLanguageCode"]
        if len(text.encode()) > MOST_BYTES:
            raise Refused("TextSizeLimitExceededException", "Input text size exceeds limit.")
        if {source, target} - set(self.languages):
            raise Refused("UnsupportedLanguagePairException", f"{source} to {target}")
        for name in (names := members.get("TerminologyNames", [])):
            if len(names) > 1:
                raise Refused("InvalidRequestException", "one terminology a request")
            if name not in self.terminologies:
                raise Refused("ResourceNotFoundException", f"no terminology {name}")
            for term, rendering in self.terminologies[name].items():
                text = text.replace(term, rendering)
        if source == target:
            translated = text
        elif self.translator is None:
            translated = f"[{target}] {text}"
        else:
            translated = await self.translator(text, source, target)
        if self.mangle is not None:
            translated = self.mangle(translated)
        applied = {"AppliedSettings": members["Settings"]} if "Settings" in members else {}
        return {"TranslatedText": translated, "SourceLanguageCode": source, "TargetLanguageCode": target, **applied}


def spaced(text: str) -> str:
    """Blanks where there were none: "Xq 1 x"."""
    return _INVENTED.sub(r"Xq \1 x", text)


def lowered(text: str) -> str:
    """All in lower case."""
    return text.lower()


def reversed_order(text: str) -> str:
    """The marked words in another order, as other languages have them."""
    found = _SPAN.findall(text)
    return _SPAN.sub(lambda _: f'<span translate="no">{found.pop()}</span>', text)


def lost(text: str) -> str:
    """What was marked is not there any more, of codes; other names stay."""
    return _INVENTED.sub("it", text)


def all_lost(text: str) -> str:
    """Nothing of what was marked is there any more."""
    return _SPAN.sub("it", text)
