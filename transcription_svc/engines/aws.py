"""Recognition by Amazon Transcribe, streaming. Which of two wires carries it is a setting; all else is the same."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final

from botocore.exceptions import NoRegionError

from chassis.aws import FAILURES, Misconfigured, failure_of, session
from transcription_svc.config import Config
from transcription_svc.engines import Capabilities, StreamOptions
from transcription_svc.engines.aws_failures import SERVICE, Refusal, error_of, interrupted
from transcription_svc.engines.aws_languages import LANGUAGES, code_of, named_for
from transcription_svc.engines.aws_stream import DEADLINES, AwsStream, Deadlines, Wire

TRANSPORTS: Final = {
    "websocket": "transcription_svc.engines.aws_transcribe_ws",
    "http2": "transcription_svc.engines.aws_transcribe",
}
# Amazon's quotas. Both hold for each stream.
SILENCE_SECONDS: Final = 15.0
STREAM_SECONDS: Final = 4 * 3600.0


@dataclass(frozen=True, slots=True)
class Request:
    """What a stream is opened with, in Amazon's words; empty for nothing."""

    language: str
    stability: str
    vocabulary: str = ""
    vocabulary_filter: str = ""
    vocabulary_filter_method: str = ""
    language_model: str = ""


Connect = Callable[[Request], AbstractAsyncContextManager[Wire]]
"""A wire for one stream. Entering raises Refusal, Unavailable, or Misconfigured."""


@asynccontextmanager
async def open_engine(config: Config, deadlines: Deadlines = DEADLINES) -> AsyncIterator["AwsRecognizer"]:
    """Talks to nobody yet. Raises Misconfigured where there is no region, or not the file of CAs that is named."""
    region = config.aws_region or await _configured_region()
    if config.aws_ca_bundle and not await asyncio.to_thread(Path(config.aws_ca_bundle).is_file):
        raise Misconfigured("TRANSCRIPTION_FAILED", f"{SERVICE} cannot be used: AWS_CA_BUNDLE names no file")
    transport = import_module(TRANSPORTS[config.aws_transport])
    async with transport.open_wires(config, region) as connect:
        yield AwsRecognizer(connect, config, deadlines)


async def _configured_region() -> str:
    try:
        region = (await asyncio.to_thread(session)).region_name
        if not region:
            raise NoRegionError
    except FAILURES as error:
        raise Misconfigured("TRANSCRIPTION_FAILED", failure_of(error, SERVICE).message) from error
    return str(region)


class AwsRecognizer:
    """The settings and what connects. Amazon counts the streams; it allows 25 at once unless asked for more."""

    def __init__(self, connect: Connect, config: Config, deadlines: Deadlines = DEADLINES) -> None:
        self.capabilities = Capabilities(
            "aws", LANGUAGES, gives_stability=True, silence_seconds=SILENCE_SECONDS, stream_seconds=STREAM_SECONDS
        )
        self._connect = connect
        self._config = config
        self._deadlines = deadlines

    @asynccontextmanager
    async def open(self, options: StreamOptions) -> AsyncIterator[AwsStream]:
        """As the port says. Raises Invalid(UNSUPPORTED_LANGUAGE) and Misconfigured(TRANSCRIPTION_FAILED) as well."""
        request = self._request(options)
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(self._deadlines.open):
                    wire = await stack.enter_async_context(self._connect(request))
            except TimeoutError as error:
                raise interrupted("does not answer") from error
            except Refusal as refusal:
                raise error_of(refusal, under_way=False) from refusal
            stream = AwsStream(wire, self._deadlines, final_only=options.final_only)
            try:
                yield stream
            finally:
                await stream.close()

    def _request(self, options: StreamOptions) -> Request:
        config, wanted = self._config, options.language
        filter_ = named_for(wanted, config.aws_vocabulary_filters)
        return Request(
            code_of(wanted),
            stability(options.min_stability),
            named_for(wanted, config.aws_vocabularies),
            filter_,
            config.aws_vocabulary_filter_method if filter_ else "",
            named_for(wanted, config.aws_language_models),
        )


def stability(least: float) -> str:
    """Amazon's level for a least stability of words.

    Amazon's `high` fixes words soonest and at the cost of some of them; who wants surer words waits longer.
    """
    return "high" if least < 0.80 else "medium" if least < 0.90 else "low"
