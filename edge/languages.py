"""What can be spoken and heard, as transcription_svc says, kept at hand for every join."""

import asyncio
from dataclasses import dataclass

import grpc
import structlog
from babel import Locale, UnknownLocaleError

from chassis import language
from chassis.errors import LingocastError, Unavailable, rpc_errors
from edge.protocol.errors import NotOffered
from protos.transcription.v1 import transcription_pb2 as pb
from protos.transcription.v1.transcription_pb2_grpc import TranscriptionServiceStub

log = structlog.get_logger()

RETRY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Named:
    """A language by its code and its name in itself (`español`)."""

    code: str
    name: str


class Languages:
    """The languages on offer. Asked for until an answer comes, then every `period` seconds; the last answer holds."""

    def __init__(self, channel: grpc.aio.Channel, period: float) -> None:
        self._stub = TranscriptionServiceStub(channel)
        self._period = period
        self._targets: dict[str, tuple[str, ...]] = {}
        self.reachable = False
        """Whether the last question was answered."""

    @property
    def known(self) -> bool:
        return bool(self._targets)

    async def keep(self) -> None:
        """Runs for ever."""
        while True:
            try:
                await self.ask()
            except LingocastError as error:
                if self.reachable or not self.known:
                    log.warning("languages_not_known", reason=error.reason)
                self.reachable = False
            await asyncio.sleep(self._period if self.reachable else RETRY_SECONDS)

    async def ask(self) -> None:
        with rpc_errors():
            answer = await self._stub.ListLanguages(pb.ListLanguagesRequest())
        offered = {source.language: tuple(target.language for target in source.targets) for source in answer.sources}
        if offered:
            self._targets = offered
        self.reachable = bool(offered)

    def source(self, wanted: str) -> str:
        """The code on offer that serves a speaker of `wanted`. Raises NotOffered, or Unavailable before any answer."""
        self._require()
        found = language.match(wanted, self._targets)
        if found is None:
            raise NotOffered(wanted, tuple(sorted(self._targets)))
        return found

    def target(self, source: str, wanted: str) -> str:
        """The code on offer that serves a listener of `wanted` when `source` is spoken. Raises as `source` does."""
        self._require()
        offered = self._targets.get(source, ())
        found = language.match(wanted, offered)
        if found is None:
            raise NotOffered(wanted, offered)
        return found

    def offered(self) -> dict[str, tuple[str, ...]]:
        """Targets by source."""
        return dict(self._targets)

    def _require(self) -> None:
        if not self._targets:
            raise Unavailable("SERVICE_UNAVAILABLE", "the languages are not known yet; try again in a moment")


def named(code: str) -> Named:
    """A language with its name in itself; its code where nobody knows that."""
    try:
        name = Locale.parse(code, sep="-").get_display_name(code.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        name = None
    return Named(code, name or code)
