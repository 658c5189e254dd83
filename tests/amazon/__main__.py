"""Amazon's stand-ins as a program of their own: `python -m tests.amazon transcribe translate polly`.

Prints one line of JSON, the environment that makes a service use them, and serves until SIGTERM or SIGINT. With
`transcribe=9001` a port is chosen, else it is a free one. They take the credentials in that environment alone.
"""

import argparse
import asyncio
import json
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.amazon.polly import PollyStandIn
from tests.amazon.signing import Credentials
from tests.amazon.transcribe import ScriptedWord, Transcribe, serve
from tests.amazon.translate import TranslateStandIn


@dataclass(frozen=True)
class Options:
    """What all of them are given. `scripts`: what is spoken, by language."""

    folder: Path
    scripts: dict[str, list[ScriptedWord]] = field(default_factory=dict)


Environment = dict[str, str]
Part = Callable[[Options, int], AbstractAsyncContextManager[Environment]]


def transcribe(transport: str) -> Part:
    """Amazon Transcribe over one of its interfaces."""

    @asynccontextmanager
    async def run(options: Options, port: int) -> AsyncIterator[Environment]:
        # As many streams as are asked for: what is measured is ours, not Amazon's quota.
        service = Transcribe(script=options.scripts or None, streams_at_once=1000)
        async with serve(service, transport, options.folder, port) as address:
            found = {
                "AWS_ENDPOINT_URL_TRANSCRIBE_STREAMING": address.url,
                "TRANSCRIPTION_AWS_TRANSPORT": transport.removesuffix("-tls"),
            }
            yield found | ({"AWS_CA_BUNDLE": address.ca} if address.ca else {})

    return run


@asynccontextmanager
async def polly(options: Options, port: int) -> AsyncIterator[Environment]:
    """Amazon Polly, at its published pace."""
    async with PollyStandIn(first_byte_seconds=0.3).served(port) as amazon:
        yield {"AWS_ENDPOINT_URL_POLLY": amazon.url}


@asynccontextmanager
async def translate(options: Options, port: int) -> AsyncIterator[Environment]:
    """Amazon Translate, at its published pace."""
    async with TranslateStandIn(seconds=0.15, port=port) as amazon:
        yield {"AWS_ENDPOINT_URL_TRANSLATE": amazon.url}


PARTS: dict[str, Part] = {
    "transcribe": transcribe("websocket"),
    "transcribe-tls": transcribe("websocket-tls"),
    "transcribe-http2": transcribe("http2"),
    "polly": polly,
    "translate": translate,
}


def read_script(argument: str) -> tuple[str, list[ScriptedWord]]:
    """`en=words.json`: a list of [word, start, end], seconds from the first sample."""
    language, _, file = argument.partition("=")
    words = json.loads(Path(file).read_text())
    return language, [ScriptedWord(str(text), float(start), float(end)) for text, start, end in words]


async def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.amazon", description=__doc__)
    parser.add_argument("part", nargs="+", help=f"{', '.join(PARTS)}; each may be followed by =port")
    parser.add_argument("--script", action="append", type=read_script, default=[], metavar="LANGUAGE=FILE")
    parser.add_argument("--folder", type=Path, help="where the CA goes; without it: a temporary one")
    options = parser.parse_args(arguments)
    chosen = [part.partition("=") for part in options.part]
    if strange := {name for name, _, _ in chosen} - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(strange))}")
    credentials = Credentials()
    environment = {
        "AWS_ACCESS_KEY_ID": credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": credentials.secret,
        "AWS_REGION": "us-east-1",
    }
    over = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    async with AsyncExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        given = Options(folder, dict(options.script))
        for name, _, port in chosen:
            environment |= await stack.enter_async_context(PARTS[name](given, int(port or 0)))
        print(json.dumps(environment), flush=True)
        await over.wait()
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
