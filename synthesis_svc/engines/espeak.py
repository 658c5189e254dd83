"""espeak-ng: a plain voice in more than a hundred languages, for hardly any work.

A program of its own, one short process for each piece of text (about 10 ms): it stays a separate work (GPL), a crash
of it costs one cue, and cancelling is a kill.
"""

import asyncio
import re
import shutil
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final, cast

import numpy as np
import soxr
import structlog

from chassis import language as languages
from chassis.errors import Invalid, Unavailable
from chassis.pcm import SAMPLE_RATE, Samples, samples
from synthesis_svc import ssml
from synthesis_svc.domain.borrowed import borrowers, respelled
from synthesis_svc.domain.framing import CLAUSE_PAUSE_SECONDS, Limits, pieces
from synthesis_svc.domain.sound import Mastering, silence, trimmed
from synthesis_svc.domain.voices import Voice
from synthesis_svc.engines import Order, Speech

if TYPE_CHECKING:
    from synthesis_svc.config import Config

log = structlog.get_logger()

NAME: Final = "espeak-ng"
# The volume is not asked for: loudness is one level for all engines, made afterwards in decibels.
MARKUP: Final = ssml.Markup(rate=True, emphasis=True, breaks=True)

_SECONDS_A_PIECE: Final = 10.0
# The program works hundreds of times faster than speech: only the first piece of a long text is kept short.
_LIMITS: Final = Limits(first=120, first_most=240, most=800)
_PLAIN_WORDS_PER_MINUTE: Final = 175
_WAV_HEADER: Final = 44
# Priority, language, age and gender, name, file: the columns of --voices.
_LISTING: Final = re.compile(r"\s*\d+\s+(?P<code>\S+)\s+\S+\s+(?P<name>\S+)\s+(?P<file>\S+)")
# Where its name for a language is not the one that people choose, and which accent stands for the whole language.
_CODES: Final = {"cmn": "zh", "en-us": "en", "en-gb": "en-GB", "fr-fr": "fr", "pt-br": "pt", "pt": "pt-PT"}


class Espeak:
    """The program and the voices it listed. At most `processes` run at once; further cues wait."""

    def __init__(self, program: str, voices: Sequence[Voice], own_names: dict[str, str], processes: int) -> None:
        self._program = program
        self._own_names = own_names
        self._processes = asyncio.Semaphore(processes)
        self.voices = voices

    @asynccontextmanager
    async def speak(self, order: Order) -> AsyncIterator[Speech]:
        """As the port says."""
        async with aclosing(self._audio(order)) as audio:
            yield Speech(order.voice, audio)

    async def _audio(self, order: Order) -> AsyncGenerator[bytes, None]:
        mastering = Mastering(order.delivery.volume_db)
        pause = 0.0
        for piece in pieces(order.text, _LIMITS):
            wave = trimmed(await self._spoken(respelled(piece.text, order.language), order))
            if wave.size:
                yield silence(pause) + mastering.finish(wave)
            pause = max(piece.pause_seconds, CLAUSE_PAUSE_SECONDS) / order.delivery.tempo + order.delivery.pause_seconds

    async def _spoken(self, text: str, order: Order) -> Samples:
        document = ssml.build(text, order.language, order.delivery, MARKUP)
        try:
            return await self._run(document, order.voice, "-m")
        except Unavailable as error:
            log.warning("ssml_refused", reason=error.message, language=order.language)
        return await self._run(text, order.voice, "-s", str(round(_PLAIN_WORDS_PER_MINUTE * order.delivery.tempo)))

    async def _run(self, text: str, voice: Voice, *options: str) -> Samples:
        arguments = ("-v", self._own_names[voice.name], "-b", "1", "--stdin", "--stdout", *options)
        async with self._processes:
            output = await _output(self._program, arguments, text.encode())
        if len(output) < _WAV_HEADER or output[:4] != b"RIFF":
            raise Unavailable("SYNTHESIS_FAILED", "espeak-ng made no audio")
        # The lengths in the header are unknown to a program that writes to a pipe; the rate is right.
        rate = int.from_bytes(output[24:28], "little")
        body = output[_WAV_HEADER:]
        wave = soxr.resample(samples(body[: len(body) // 2 * 2]), rate, SAMPLE_RATE)
        return cast(Samples, wave.astype(np.float32))


async def _output(program: str, arguments: Sequence[str], text: bytes) -> bytes:
    """What the program writes. It does not outlive this call. Raises Unavailable(SYNTHESIS_FAILED)."""
    try:
        process = await asyncio.create_subprocess_exec(program, *arguments, stdin=PIPE, stdout=PIPE, stderr=DEVNULL)
    except OSError as error:
        raise Unavailable("SYNTHESIS_FAILED", f"espeak-ng does not start: {error.strerror}") from error
    try:
        async with asyncio.timeout(_SECONDS_A_PIECE):
            output, _ = await process.communicate(text)
    except TimeoutError as error:
        raise Unavailable("SYNTHESIS_FAILED", f"espeak-ng took over {_SECONDS_A_PIECE:.0f} s") from error
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await asyncio.shield(process.wait())
    if process.returncode:
        raise Unavailable("SYNTHESIS_FAILED", f"espeak-ng ended with code {process.returncode}")
    return output


def listed(listing: str) -> list[tuple[Voice, str]]:
    """The voices of `espeak-ng --voices`, each with the program's own name for it, one for each language."""
    found: dict[str, tuple[Voice, str]] = {}
    for line in listing.splitlines()[1:]:
        match = _LISTING.match(line)
        if match is None:
            continue
        own = match["code"]
        try:
            code = languages.parse(_CODES.get(own, own))
        except Invalid:
            continue  # A dialect or notation that BCP 47's plain codes do not name (en-gb-x-rp, cmn-latn-pinyin).
        found.setdefault(code, (Voice(f"{NAME}/{own}", code, NAME), own))
    lent = [
        (Voice(f"{NAME}/{own}@{borrower}", borrower, NAME), own)
        for code, (_, own) in found.items()
        for borrower in borrowers(code)
        if borrower not in found
    ]
    return [*found.values(), *lent]


@asynccontextmanager
async def open_espeak(config: "Config") -> AsyncIterator[Espeak]:
    """Asks the program for its voices. Raises Unavailable(ENGINE_NOT_INSTALLED)."""
    program = shutil.which(config.espeak_program)
    if program is None:
        raise Unavailable(
            "ENGINE_NOT_INSTALLED", f"the program {config.espeak_program} is not installed: apt-get install espeak-ng"
        )
    found = listed((await _output(program, ["--voices"], b"")).decode())
    log.info("espeak_ready", voices=len(found))
    names = {voice.name: own for voice, own in found}
    yield Espeak(program, tuple(voice for voice, _ in found), names, config.espeak_processes)
