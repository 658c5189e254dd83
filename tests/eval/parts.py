"""The parts of the evaluation. Each starts its own system, plays, and answers with what was recorded."""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from chassis.language import match
from chassis.system import ROOT, System, launched
from tests.bench.report import machine
from tests.eval import corpus, goals
from tests.eval.amazon import amazon as standing_in
from tests.eval.ear import WhisperEar
from tests.eval.records import Journey, Part, Performance
from tests.eval.session import play
from tests.eval.share import journeys
from tests.fakes.collector import collecting
from tests.recordings import HERE, SPEECH, Recording

PACKAGES = (
    *("faster-whisper", "ctranslate2", "fxtranslate", "kokoro-onnx", "onnxruntime", "grpcio", "aiohttp", "numpy"),
    *("jiwer", "sacrebleu"),
)
PREFERRED = ("pt", "es", "fr", "it", "en")
# Two languages with neural voices, and three that would have or borrow one and are given a plain one.
NEURAL = ("pt", "es")
PLAIN = {"ca": "espeak-ng/ca", "gl": "espeak-ng/es@gl", "fr": "espeak-ng/fr-fr"}
QUICK_SECONDS = 22.0
# Everybody comes from one address here. That texts come again is the evaluation's doing: no translation is remembered
# until then.
SETTINGS = {"EDGE_LIMIT_ADDRESSES": "false", "TRANSLATION_CACHE_TTL_SECONDS": "10"}


@dataclass
class Course:
    """What all parts share. `recordings`: a folder as corpus.py describes, and no others; None: those that are here.
    `quick`: small, for trials of the code, with no more than `longest` seconds of a recording."""

    data: Path
    out: Path
    recordings: Path | None
    ear: WhisperEar
    quick: bool = False
    longest: float = QUICK_SECONDS
    minutes: float = 20.0
    languages: tuple[str, ...] = ()
    _scripts: dict[str, corpus.Script] = field(default_factory=dict)

    @cached_property
    def files(self) -> list[Sequence[Recording]]:
        """All talks there are, file by file. Blocks. Raises ValueError."""
        if self.recordings:
            return list(corpus.talks(self.recordings))
        beside = corpus.talks(SPEECH) if HERE else []
        found: list[Sequence[Recording]] = [*beside, *corpus.packaged(self.data)]
        if not found:
            raise ValueError("there is no recording: name a folder with --recordings, or run `make models`")
        return found

    @property
    def main(self) -> Sequence[Recording]:
        """The talk that most is measured on: English, else what there is; with as many references as can be."""
        return max(
            self.files,
            key=lambda files: (
                files[0].language == "en",
                len(files[0].references),
                sum(each.seconds for each in files),
            ),
        )

    def script(self, files: Sequence[Recording]) -> corpus.Script:
        """With the times of its words; blocks while they are found. To be called before a system is started."""
        name = files[0].name
        if name not in self._scripts:
            # Single sentences are not one talk: a pause between them.
            whole = corpus.script(files, self.ear, gap=0.5 if len(files) > 3 else 0.0)
            self._scripts[name] = corpus.beginning(whole, self.longest) if self.quick else whole
        return self._scripts[name]

    def targets(self, system: System, script: corpus.Script, count: int = 1) -> list[str]:
        """Languages to listen in: those asked for, then those with references, then the best known.

        Raises ValueError where none, or none of those asked for, is offered.
        """
        offered = _offered(system, script.language)
        wanted = [found for code in self.languages if (found := match(code, offered))]
        if not offered or (self.languages and not wanted):
            raise ValueError(f"{script.name}: from {script.language} there are: {', '.join(offered) or 'no languages'}")
        ranked = sorted(offered, key=lambda code: (code not in script.languages, _rank(code)))
        return [*wanted, *(code for code in ranked if code not in wanted)][:count]


@dataclass(frozen=True)
class Round:
    """One performance of the main talk: into how many languages, and whether from finals only."""

    name: str
    languages: int = 1
    final_only: bool = False


ROUNDS = (Round(goals.ONE), Round(goals.FINAL_ONLY, final_only=True), Round(goals.TWO, languages=2))
Played = tuple[list[Performance], dict[str, dict[str, bytes]]]


async def clean(course: Course, rounds: Sequence[Round] = ROUNDS) -> Part:
    """The main talk into one language, into the same from finals only, and into two."""
    script = course.script(course.main)

    async def played(system: System) -> Played:
        performances, heard = [], {}
        for each in rounds:
            languages = course.targets(system, script, each.languages)
            performance, heard[each.name] = await play(
                system, each.name, script, languages, final_only=each.final_only, gold=True
            )
            performances.append(performance)
        return performances, heard

    return await _measured(course, "clean", "local", {}, played)


async def recordings(course: Course) -> Part:
    """Every other recording into one language."""
    others = [files for files in course.files if files is not course.main]
    scripts = [course.script(files) for files in others[: 2 if course.quick else None]]

    async def played(system: System) -> Played:
        performances, heard = [], {}
        for script in scripts:
            try:
                languages = course.targets(system, script)
            except ValueError as error:
                print(f"left out: {error}", file=sys.stderr)
                continue
            performance, heard[script.name] = await play(system, script.name, script, languages, gold=True)
            performances.append(performance)
        return performances, heard

    return await _measured(course, "recordings", "local", {}, played)


async def five(course: Course) -> Part:
    """The main talk into five languages: two with neural voices, three with plain ones."""
    script = course.script(course.main)

    async def played(system: System) -> Played:
        offered = _offered(system, script.language)
        languages = [code for code in (*NEURAL, *PLAIN) if code in offered]
        performance, heard = await play(system, goals.FIVE, script, languages, gold=True)
        return [performance], {goals.FIVE: heard}

    plainly = {"SYNTHESIS_VOICES": ",".join(f"{code}:{voice}" for code, voice in PLAIN.items())}
    return await _measured(course, "five", "local", plainly, played)


async def drift(course: Course) -> Part:
    """The English recordings over and over into one language, for twenty minutes."""
    language = course.main[0].language
    long = [
        files for files in course.files if files[0].language == language and sum(each.seconds for each in files) > 30
    ]
    scripts = [course.script(files) for files in long or [course.main]]
    script = corpus.repeated(scripts, 60.0 if course.quick else course.minutes * 60)

    async def played(system: System) -> Played:
        performance, _ = await play(system, goals.LONG, script, course.targets(system, course.script(course.main)))
        return [performance], {}

    return await _measured(course, "drift", "local", {}, played)


async def share(course: Course, phrases: tuple[int, int] | None = None) -> Part:
    """Our own share of the delay: so many phrases as it is, and so many more with traces, which tell when translation
    was called."""
    untraced, traced_ones = phrases or ((4, 3) if course.quick else (40, 20))
    found: list[Journey] = []

    async def plain(system: System) -> Played:
        found.extend(await journeys(system, untraced))
        return [], {}

    part = await _measured(course, "share", "scripted", {}, plain)
    async with collecting() as (collector, endpoint):

        async def traced(system: System) -> Played:
            calls = await journeys(system, traced_ones, collector)
            found.extend(Journey(None, None, each.translation, each.waited) for each in calls)
            return [], {}

        again = await _measured(course, "share", "scripted", {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}, traced)
    return replace(part, journeys=found, seconds=part.seconds + again.seconds)


async def amazon(course: Course) -> Part:
    """The main talk into one language, with stand-ins for Amazon's services at Amazon's published pace."""
    script = course.script(course.main)

    async def played(system: System) -> Played:
        performance, _ = await play(system, goals.AMAZON, script, course.targets(system, script))
        return [performance], {}

    async with standing_in(script) as settings:
        return await _measured(course, "amazon", "aws", settings, played)


PARTS: dict[str, Callable[[Course], Coroutine[None, None, Part]]] = {
    "share": share,
    "clean": clean,
    "recordings": recordings,
    "five": five,
    "amazon": amazon,
    "drift": drift,
}


async def _measured(
    course: Course,
    name: str,
    engines: str,
    environment: Mapping[str, str],
    rounds: Callable[[System], Awaitable[Played]],
) -> Part:
    """Runs the rounds on a fresh system; afterwards, on a quiet machine, hears what can be understood of the voices."""
    settings = {**SETTINGS, **environment}
    began = time.monotonic()
    async with fresh(course.data, engines, settings) as system:
        performances, heard = await rounds(system)
    if engines == "local":
        performances = [
            await asyncio.to_thread(_heard_back, course, each, heard.get(each.name, {})) for each in performances
        ]
    return Part(
        name=name,
        made_at=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        machine=machine(),
        commit=commit(),
        engines=engines,
        settings=_told(settings),
        versions=versions(),
        quick=course.quick,
        seconds=time.monotonic() - began,
        performances=performances,
    )


@asynccontextmanager
async def fresh(data: Path, engines: str, settings: Mapping[str, str]) -> AsyncIterator[System]:
    """A system with its own sessions and key beside the models that are there."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "models").symlink_to(data / "models")
        async with launched(data=Path(folder), engines=engines, env=settings) as system:
            yield system


def _heard_back(course: Course, performance: Performance, heard: Mapping[str, bytes]) -> Performance:
    """With what Whisper understands of the voices, which are kept as files too."""
    folder = course.out / "audio"
    folder.mkdir(parents=True, exist_ok=True)
    tracks = dict(performance.tracks)
    for language, pcm in heard.items():
        tracks[language] = replace(tracks[language], heard_back=course.ear.text(pcm, language))
        name = "".join(each if each.isalnum() else "-" for each in performance.name)
        with wave.open(str(folder / f"{name}-{language}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(16_000)
            file.writeframes(pcm)
    return replace(performance, tracks=tracks)


def commit() -> str:
    """The version of the code, marked when it was changed since."""
    name = _git("rev-parse", "--short", "HEAD") or "unknown"
    return f"{name} and changes" if _git("status", "--porcelain", "-uno") else name


def _git(*arguments: str) -> str:
    """What git answers; nothing where it fails, as outside of a repository."""
    git = ("git", "-c", f"safe.directory={ROOT}", *arguments)
    return subprocess.run(git, check=False, cwd=ROOT, capture_output=True, text=True).stdout.strip()


def versions() -> dict[str, str]:
    """Of the packages that figures depend on, as far as they are installed."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _told(settings: Mapping[str, str]) -> dict[str, str]:
    """Settings for the report, with those of the environment that services read; nothing secret, no addresses."""
    prefixes = ("TRANSCRIPTION_", "SYNTHESIS_", "TRANSLATION_", "EDGE_", "SESSION_")
    ours = {name: value for name, value in os.environ.items() if name.startswith(prefixes)}
    return {
        name: value
        for name, value in sorted({**ours, **settings}.items())
        if not any(word in name for word in ("KEY", "SECRET", "TOKEN", "ENDPOINT", "ADDRESS", "LISTEN", "BUNDLE"))
        or name == "EDGE_LIMIT_ADDRESSES"
    }


def _offered(system: System, language: str) -> list[str]:
    """What can be listened in when that is spoken, a region of a language being that language."""
    source = match(language, system.ready.languages)
    return [code for code in system.ready.languages.get(source or "", ()) if code != source]


def _rank(code: str) -> int:
    return PREFERRED.index(code) if code in PREFERRED else len(PREFERRED)
