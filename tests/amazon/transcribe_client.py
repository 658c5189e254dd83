"""Our own recogniser, connected to a stand-in for Amazon Transcribe."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from chassis.settings import load
from tests.amazon.account import account
from tests.amazon.transcribe import Transcribe, serve
from transcription_svc.config import Config
from transcription_svc.engines.aws import AwsRecognizer, open_engine
from transcription_svc.engines.aws_stream import DEADLINES, Deadlines

TRANSPORTS = ("websocket", "http2")


@asynccontextmanager
async def recognizer(
    service: Transcribe, transport: str, folder: Path, deadlines: Deadlines = DEADLINES, **settings: object
) -> AsyncIterator[AwsRecognizer]:
    """`settings`: fields of Config beyond the address. `folder`: for the CA."""
    with account(service.region):
        async with serve(service, transport, folder) as address:
            fields = {
                "aws_transport": transport.removesuffix("-tls"),
                "aws_endpoint": address.url,
                "aws_ca_bundle": address.ca,
                "aws_region": service.region,
            }
            config = load(Config, []).model_copy(update=fields | settings)
            async with open_engine(config, deadlines) as engine:
                yield engine
