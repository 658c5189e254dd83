"""Plays real speech into the real system and writes what came of it: `make bench ARGS=speech`.

Fed at real-time speed, unsegmented, computation included. The table names the machine and the versions; a figure
without them is worth nothing. Local engines only: scripted ones are never quoted as quality.
"""

import os
import re
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rich.console import Console

from chassis.calling import connect
from chassis.settings import data_default
from chassis.system import System, launched
from edge.client.report import LanguageReport, Spread
from edge.client.screen import open_screen
from edge.client.talk import Talk, perform, silent_talk
from protos.translation.v1 import translation_pb2
from protos.translation.v1.translation_pb2_grpc import TranslationServiceStub
from tests.bench.report import cells, machine
from tests.recordings import HERE, Recording, chrf, talk, two_cities, word_error_rate

PACKAGES = ("faster-whisper", "ctranslate2", "fxtranslate", "kokoro-onnx", "onnxruntime", "grpcio", "aiohttp", "numpy")


@dataclass(frozen=True)
class Round:
    """One recording played once to listeners in some languages."""

    recording: Recording
    talk: Talk
    gold: dict[str, float]
    cpu_share: float
    memory_bytes: int

    def text(self, language: str | None = None) -> str:
        """What was captioned, in the source language for None."""
        heard = self.talk.source if language is None else self.talk.listeners[language]
        return " ".join(caption.text for caption in heard.captions.values())


async def run(out: Path) -> None:
    """Writes `bench.md` into the folder."""
    data = Path(os.environ.get("LINGOCAST_DATA") or data_default())
    recording = talk("en", "audio1.wav", "audio2.wav") if HERE else two_cities(data)
    with tempfile.TemporaryDirectory() as folder:
        # Its own sessions and key beside the models that are there.
        (Path(folder) / "models").symlink_to(data / "models")
        async with launched(data=Path(folder), engines="local", report=print) as system:
            rounds = [await play(system, recording, languages) for languages in (("pt",), ("pt", "es"))]
    report = written(rounds)
    (out / "bench.md").write_text(report, "utf-8")
    print(report)


async def play(system: System, recording: Recording, languages: tuple[str, ...]) -> Round:
    """One round. Its user is new each time: one speaker has one live session."""
    token = await system.mint("bench-" + "-".join(languages))
    performed = silent_talk(recording.language, languages)
    screen = open_screen(recording.language, languages, Console(file=sys.stderr, force_terminal=False))
    used = system.cpu_seconds()
    with screen:
        await perform(performed, system.url, token, recording.audio, screen)
    used = system.cpu_seconds() - used
    gold = await translated(system, recording, languages)
    return Round(recording, performed, gold, used / performed.log.seconds, system.rss_bytes())


async def translated(system: System, recording: Recording, languages: tuple[str, ...]) -> dict[str, float]:
    """chrF of the same engine's translation of the true transcript: the best that recognition and cutting could do."""
    sentences = re.split(r"(?<=[.!?])\s+", recording.text)
    texts: dict[str, list[str]] = {language: [] for language in languages}
    async with connect(system.addresses["translation"]) as channel:
        stub = TranslationServiceStub(channel)
        for sentence in sentences:
            request = translation_pb2.TranslateRequest(
                text=sentence, source_language=recording.language, target_languages=languages
            )
            async for response in stub.Translate(request):
                texts[response.language].append(response.translation.text)
    known = recording.references
    return {language: chrf(known[language], " ".join(texts[language])) for language in languages if language in known}


def written(rounds: list[Round]) -> str:
    """The report in Markdown."""
    first = rounds[0].recording
    seconds = f"{first.seconds:.0f} s of {first.language} ({first.name})"
    lines = [
        "# Bench",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, {machine()}; {', '.join(f'{name} {version(name)}' for name in PACKAGES)}.",
        f"Local engines; {seconds} at real-time speed to listeners in one and in two languages. Lags in seconds.",
        "",
        "Caption lag: end of a segment's speech to its final caption at the listener. Voice lag: to its audio playing.",
        "",
        "| listeners | | caption lag p50/p90 | voice lag p50/p90 | drift | silence | dropped | chrF | of transcript |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [row for each in rounds for row in language_rows(each)]
    lines += ["", "| listeners | source WER | source caption lag p50/p90 | CPU | memory |", "|---|---|---|---|---|"]
    lines += [source_row(each) for each in rounds]
    lines += ["", "CPU: processor seconds of all five processes per second of speech. chrF: against a vendor's loose"]
    lines += ["rendering of the same text; beside it what the same engine makes of the true transcript."]
    return "\n".join(lines) + "\n"


def language_rows(each: Round) -> list[str]:
    """A row for each language of a round."""
    report = each.talk.report()
    return [
        cells(
            "+".join(each.talk.listeners),
            one.language,
            pair(one.caption_lag),
            pair(one.voice_lag),
            f"{one.drift.first:.2f} → {one.drift.last:.2f}" if one.drift else "–",
            f"{one.silence_share:.0%}" if one.silence_share is not None else "–",
            dropped(one),
            f"{chrf(each.recording.references[one.language], each.text(one.language)):.1f}"
            if one.language in each.recording.references
            else "–",
            f"{each.gold[one.language]:.1f}" if one.language in each.gold else "–",
        )
        for one in report.languages
    ]


def source_row(each: Round) -> str:
    """The row of what does not depend on the language."""
    return cells(
        "+".join(each.talk.listeners),
        f"{word_error_rate(each.recording.text, each.text()):.3f}",
        pair(each.talk.report().source_caption_lag),
        f"{each.cpu_share:.2f}",
        f"{each.memory_bytes / 1e9:.2f} GB",
    )


def dropped(one: LanguageReport) -> str:
    """Cues that were given up, of all."""
    return f"{one.dropped_cues} of {one.cues + one.dropped_cues}"


def pair(spread: Spread | None) -> str:
    """Median and 90th percentile."""
    return f"{spread.p50:.2f} / {spread.p90:.2f}" if spread else "–"
