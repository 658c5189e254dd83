"""The demo: a real talk, played at real-time speed into a running (or freshly started) system.

Captions appear in the terminal as they come; afterwards `out/` holds what was heard (`<lang>.wav`) and read
(`<lang>.vtt`, `source.vtt`), and the lags are printed. The one part of the client that knows the project's services.
"""

import argparse
import asyncio
import os
import sys
import wave
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
from rich import box
from rich.console import Console
from rich.table import Table

from chassis.errors import LingocastError
from chassis.models import Catalogue
from chassis.settings import data_default
from chassis.supervision import StartFailed
from chassis.system import launched
from edge.auth import LocalIssuer
from edge.client.messages import ClientError
from edge.client.pacing import decode
from edge.client.report import COLUMNS, Report
from edge.client.screen import open_screen
from edge.client.talk import Rhythm, Talk, perform, silent_talk
from edge.client.webvtt import webvtt


def main(arguments: Sequence[str] | None = None, rhythm: Rhythm | None = None) -> int:
    """The command line. Returns the exit status."""
    options = _options(arguments)
    console = Console()
    try:
        return asyncio.run(_run(options, console, rhythm or Rhythm()))
    except (ClientError, LingocastError, StartFailed, OSError, ValueError) as error:
        sys.stderr.write(f"{getattr(error, 'message', error)}\n")
        return 1
    except KeyboardInterrupt:
        return 130


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    data = Path(os.environ.get("LINGOCAST_DATA") or data_default())
    port = os.environ.get("PORT") or "8080"
    parser = argparse.ArgumentParser(prog="python -m edge.client.demo", description=__doc__)
    parser.add_argument("--url", help=f"a running system (default: http://127.0.0.1:{port}, else one is started)")
    parser.add_argument("--token", help="a speaker's token (default: of the local issuer)")
    parser.add_argument("--audio", type=Path, help="WAV, FLAC or MP3 (default: the sample talk of `make models`)")
    parser.add_argument("--langs", default="pt,es", help="languages to listen in (default: %(default)s)")
    parser.add_argument("--source", default="en", help="language of the talk (default: %(default)s)")
    parser.add_argument("--tier", default="standard", choices=("standard", "premium"), help="quality tier")
    parser.add_argument("--audio-format", default="pcm", choices=("pcm", "opus"), help="as it comes to the listeners")
    parser.add_argument(
        "--out", type=Path, default=Path("out"), help="folder for what was heard (default: %(default)s)"
    )
    parser.add_argument("--data", type=Path, default=data, help="data directory (LINGOCAST_DATA)")
    parser.add_argument("--engines", default=os.environ.get("ENGINES") or "local", help="engines of a started system")
    parser.set_defaults(usual=f"http://127.0.0.1:{port}")
    return parser.parse_args(arguments)


async def _run(options: argparse.Namespace, console: Console, rhythm: Rhythm) -> int:
    audio = options.audio or Catalogue.load(options.data).path("sample-talk", "two_cities.wav")
    pcm = await asyncio.to_thread(decode, audio)
    languages = list(dict.fromkeys(filter(None, (code.strip() for code in options.langs.split(",")))))
    talk = silent_talk(options.source, languages)
    interrupted = False
    async with _system(options, console) as (url, token):
        try:
            with open_screen(options.source, languages, console) as screen:
                given = {"quality_tier": options.tier, "audio_format": options.audio_format}
                await perform(talk, url, token, pcm, screen, rhythm=rhythm, **given)
        except asyncio.CancelledError:
            # Ctrl-C: the session has been ended on the way out; what was heard until then is kept.
            interrupted = True
            task = asyncio.current_task()
            assert task is not None
            task.uncancel()
        finally:
            await asyncio.to_thread(_write, talk, options.out)
    show(talk.report(), options.out, console)
    return 130 if interrupted else 0


@asynccontextmanager
async def _system(options: argparse.Namespace, console: Console) -> AsyncIterator[tuple[str, str]]:
    """Address and token of the system to use: the one named, the one at the usual address, or a new one."""
    async with AsyncExitStack() as stack:
        url = options.url or options.usual
        if not await _ready(url):
            if options.url:
                raise ClientError("UNREACHABLE", 503, f"no system answers at {url}/readyz")
            console.print("starting a system …", style="dim")
            launching = launched(
                data=options.data, engines=options.engines, report=lambda line: console.print(line, style="dim")
            )
            url = (await stack.enter_async_context(launching)).url
        token = options.token
        if token is None:
            issuer = await asyncio.to_thread(LocalIssuer.open, options.data)
            token = issuer.mint("demo")
        yield url, token


async def _ready(url: str) -> bool:
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as http,
            http.get(f"{url.rstrip('/')}/readyz") as answer,
        ):
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False


def _write(talk: Talk, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    (out / "source.vtt").write_text(webvtt(talk.source.captions.values()), "utf-8")
    for heard in talk.listeners.values():
        heard.playback.finish()
    for language, track in talk.tracks().items():
        (out / f"{language}.vtt").write_text(webvtt(talk.listeners[language].captions.values()), "utf-8")
        with wave.open(str(out / f"{language}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(talk.listeners[language].playback.sample_rate)
            file.writeframes(track)


def show(report: Report, out: Path, console: Console) -> None:
    """The table of lags, and where the files are."""
    # A column for each language, not a line: so it fits a terminal of 80 columns.
    heads, *lines = zip(COLUMNS, *report.rows(), strict=True)
    table = Table(*heads, box=box.SIMPLE, title="lags in seconds, p50/p90; drift of the voice lag: first→last third")
    for line in lines:
        table.add_row(*line)
    console.print(table)
    console.print(f"what was heard and read: {out}/", highlight=False)


if __name__ == "__main__":
    sys.exit(main())
