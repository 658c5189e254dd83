"""Amazon Polly's stand-in: REST and JSON over HTTP, audio streamed; signatures and requests checked, faults on demand.

It speaks: see `polly_speech`. What the real engines refuse (SSML, voices, engines, lengths, sample rates) it refuses
with their codes.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from aiohttp import web

from chassis import pcm
from tests.amazon.polly_speech import Said, SsmlRefusedError, billed, read, speech
from tests.amazon.polly_voices import VOICES
from tests.amazon.requests import Call, Refused, Service, received
from tests.amazon.signing import Arrived, Credentials, SignatureRefused, verify

BILLED_CHARACTERS: Final = 3_000
TOTAL_CHARACTERS: Final = 6_000
_RATES: Final = {"pcm": {"8000", "16000"}}
_PAGE: Final = 40
_BLOCK: Final = pcm.byte_count(0.1)


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to a request instead of an answer, or after `audio_seconds` of one.

    An error by its code and HTTP status, or else `how`: stall, reset, odd (an answer that is no audio), trickle, hold
    (waits until the test sets `go_on`), silence (no audio at all).
    """

    code: str = ""
    status: int = 400
    how: str = ""
    audio_seconds: float = 0.0


FAULTS: Final[Mapping[str, Fault]] = MappingProxyType(
    {
        "throttle": Fault("ThrottlingException"),
        "unavailable": Fault("ServiceUnavailableException", 503),
        "failure": Fault("ServiceFailureException", 500),
        "gateway": Fault("", 502),
        "ssml": Fault("InvalidSsmlException"),
        "length": Fault("TextLengthExceededException"),
        "rate": Fault("InvalidSampleRateException"),
        "language": Fault("LanguageNotSupportedException"),
        "engine": Fault("EngineNotSupportedException"),
        "validation": Fault("ValidationException"),
        "lexicon": Fault("LexiconNotFoundException", 404),
        "denied": Fault("AccessDeniedException"),
        "expired": Fault("ExpiredTokenException", 403),
        "unknown-client": Fault("UnrecognizedClientException", 403),
        "unsubscribed": Fault("SubscriptionRequiredException"),
        "stall": Fault(how="stall"),
        "reset": Fault(how="reset"),
        "odd": Fault(how="odd"),
        "silence": Fault(how="silence"),
        "stall-in-audio": Fault(how="stall", audio_seconds=1.5),
        "reset-in-audio": Fault(how="reset", audio_seconds=1.5),
        "hold-in-audio": Fault(how="hold", audio_seconds=1.5),
        "trickle": Fault(how="trickle", audio_seconds=1.5),
    }
)


@dataclass(slots=True)
class PollyStandIn:
    """Amazon, as far as it is asked. `first_byte_seconds`: until an answer begins; Amazon's published pace is 0.3.

    `faults`: for the next requests of SynthesizeSpeech, one each, "" for none; `listing_faults`: of DescribeVoices.
    `quota`: requests spoken at once; beyond it throttles, as Amazon does.
    """

    first_byte_seconds: float = 0.0
    credentials: Credentials = field(default_factory=Credentials)
    region: str = "us-east-1"
    voices: Sequence[Mapping[str, Any]] = VOICES
    quota: int | None = None
    faults: deque[str] = field(default_factory=deque)
    listing_faults: deque[str] = field(default_factory=deque)
    calls: list[Call] = field(default_factory=list)
    refusals: Counter[str] = field(default_factory=Counter)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when somebody left in the middle of an answer."""
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    at_once: int = 0
    most_at_once: int = 0
    url: str = ""
    _service: Service = field(default_factory=lambda: Service("polly"))

    @property
    def spoken(self) -> list[dict[str, Any]]:
        """The members of what was to be spoken, in order of arrival."""
        return [call.members for call in self.calls if call.operation == "SynthesizeSpeech"]

    @asynccontextmanager
    async def served(self, port: int = 0) -> AsyncIterator["PollyStandIn"]:
        """Answers at `url`, on loopback."""
        application = web.Application(client_max_size=1 << 20)
        application.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(application, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", port)
            await site.start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield self
        finally:
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            arrived = await Arrived.over_http(request)
            verify(arrived, service="polly", credentials=self.credentials, region=self.region)
            call = await received(self._service, request)
            self.calls.append(call)
            match call.operation:
                case "DescribeVoices":
                    fault = FAULTS.get(self.listing_faults.popleft() if self.listing_faults else "")
                    return await self._broken(request, fault) if fault else self._describe(call.members)
                case "SynthesizeSpeech":
                    return await self._synthesize(request, call.members)
            raise Refused("AccessDeniedException", "this stand-in only speaks")
        except (Refused, SignatureRefused) as refused:
            self.refusals[refused.code] += 1
            return self._service.refusal(Refused(refused.code, refused.message, refused.status))
        except asyncio.CancelledError:
            self.gone.set()
            raise
        except ConnectionError:
            # Cut, by whom ever: nothing more can be said.
            self.gone.set()
            return web.Response()
        finally:
            self.at_once -= 1

    def _describe(self, members: Mapping[str, Any]) -> web.Response:
        wanted = [
            dict(voice)
            for voice in self.voices
            if members.get("Engine", "") in ("", *voice["SupportedEngines"])
            and members.get("LanguageCode", "") in ("", voice["LanguageCode"])
        ]
        start = int(members.get("NextToken", 0))
        more = {"NextToken": str(start + _PAGE)} if start + _PAGE < len(wanted) else {}
        return self._service.answer({"Voices": wanted[start : start + _PAGE], **more})

    async def _synthesize(self, request: web.Request, members: Mapping[str, Any]) -> web.StreamResponse:
        if self.quota is not None and self.at_once > self.quota:
            raise Refused("ThrottlingException", "Rate exceeded")
        fault = FAULTS.get(self.faults.popleft() if self.faults else "")
        if fault is not None and not fault.audio_seconds:
            return await self._broken(request, fault)
        said, language = self._checked(members)
        await asyncio.sleep(self.first_byte_seconds)
        audio = pcm.to_bytes(await speech(said, language))
        response = web.StreamResponse(
            headers={"Content-Type": "audio/pcm", "x-amzn-RequestCharacters": str(_billed(members))}
        )
        response.enable_chunked_encoding()
        await response.prepare(request)
        until = pcm.byte_count(fault.audio_seconds) if fault else len(audio)
        for at in range(0, until, _BLOCK):
            await response.write(audio[at : min(at + _BLOCK, until)])
        if fault is not None:
            await self._break_off(request, response, fault, audio[until:])
        await response.write_eof()
        return response

    def _checked(self, members: Mapping[str, Any]) -> tuple[list[Said], str]:
        """What to say and in which language. Raises Refused as the real engines do."""
        engine = members.get("Engine", "standard")
        voice = next((voice for voice in self.voices if voice["Id"] == members["VoiceId"]), None)
        if voice is None or engine not in voice["SupportedEngines"]:
            raise Refused("ValidationException", f"This voice does not support the selected engine: {engine}")
        languages = [voice["LanguageCode"], *voice.get("AdditionalLanguageCodes", ())]
        language = members.get("LanguageCode", languages[0])
        if language not in languages:
            raise Refused("LanguageNotSupportedException", "This voice does not support the requested language")
        if members["OutputFormat"] != "pcm":
            raise Refused("ValidationException", "this stand-in speaks PCM only")
        if members.get("SampleRate", "16000") not in _RATES["pcm"]:
            raise Refused("InvalidSampleRateException", "The specified sample rate is not valid.")
        if len(members["Text"]) > TOTAL_CHARACTERS or _billed(members) > BILLED_CHARACTERS:
            raise Refused("TextLengthExceededException", "Maximum text length has been exceeded")
        if members.get("TextType") != "ssml":
            return [Said(members["Text"])], language
        try:
            return read(members["Text"], engine), language
        except SsmlRefusedError as error:
            raise Refused("InvalidSsmlException", str(error)) from error

    async def _broken(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        match fault.how:
            case "stall":
                await asyncio.sleep(3600)
            case "reset":
                _abort(request)
            case "odd":
                return web.Response(text="<html>Welcome to the hotel</html>", content_type="text/html")
            case "silence":
                return web.Response(body=b"", content_type="audio/pcm")
            case _ if not fault.code:
                return web.Response(status=fault.status, text="<html>Bad Gateway</html>", content_type="text/html")
        raise Refused(fault.code, "as told", fault.status)

    async def _break_off(self, request: web.Request, response: web.StreamResponse, fault: Fault, rest: bytes) -> None:
        match fault.how:
            case "stall":
                await asyncio.sleep(3600)
            case "reset":
                # Not at once: what was written is to arrive.
                await asyncio.sleep(0.1)
                _abort(request)
            case "trickle":
                for at in range(0, len(rest), 2):
                    await response.write(rest[at : at + 2])
                    await asyncio.sleep(0.2)
            case "hold":
                await self.go_on.wait()
                await response.write(rest)


def _billed(members: Mapping[str, Any]) -> int:
    text = members["Text"]
    try:
        return billed(text) if members.get("TextType") == "ssml" else len(text)
    except SsmlRefusedError:
        return len(text)


def _abort(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
    raise ConnectionResetError
