"""Has the real voices of this machine speak one talk into several languages, beside a recogniser at work.

For each set of languages: how long a text waits for its first sound, how far the voice is behind when it plays, how
many cues the plain voice spoke and how often a language changed its voice, and what the recogniser felt of it.
"""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice, pairwise
from pathlib import Path
from time import perf_counter, process_time
from typing import Final

from chassis import pcm
from chassis.errors import LingocastError
from synthesis_svc import ssml
from synthesis_svc.config import Config
from synthesis_svc.domain.prosody import Delivery, Dynamics, Emotion, deliver
from synthesis_svc.domain.voices import Casting, tiers
from synthesis_svc.engines import Order, Synthesizer, open_engine
from tests.bench.report import machine, percentile, table

SECONDS: Final = 60.0
SETS: Final = (
    ("pt",),
    ("pt", "es"),
    ("pt", "es", "de", "nl", "sv"),
    ("pt", "es", "fr", "it"),
    ("pt", "es", "fr", "it*"),
)
"""Languages spoken at the same time; a star: in tier premium."""
# Characters a second of somebody who speaks at 160 words a minute.
_PACE: Final = 15.5
# What lag control asks for in continuous speech: the voices' own pace is the speaker's, and leaves no room.
_TEMPO: Final = 1.15
# Universal Declaration of Human Rights (1948), from articles 1, 3, 13 and 24.
TEXTS: Final = {
    "pt": (
        "Todos os seres humanos nascem livres e iguais em dignidade e em direitos.",
        "Dotados de razão e de consciência, devem agir uns para com os outros em espírito de fraternidade.",
        "Todo indivíduo tem direito à vida, à liberdade e à segurança pessoal.",
        "Toda a pessoa tem direito ao repouso e aos lazeres, e a férias periódicas pagas.",
    ),
    "es": (
        "Todos los seres humanos nacen libres e iguales en dignidad y derechos.",
        "Dotados como están de razón y conciencia, deben comportarse fraternalmente los unos con los otros.",
        "Todo individuo tiene derecho a la vida, a la libertad y a la seguridad de su persona.",
        "Toda persona tiene derecho al descanso, al disfrute del tiempo libre y a vacaciones pagadas.",
    ),
    "fr": (
        "Tous les êtres humains naissent libres et égaux en dignité et en droits.",
        "Ils sont doués de raison et de conscience et doivent agir dans un esprit de fraternité.",
        "Tout individu a droit à la vie, à la liberté et à la sûreté de sa personne.",
        "Toute personne a droit au repos et aux loisirs, et à des congés payés périodiques.",
    ),
    "it": (
        "Tutti gli esseri umani nascono liberi ed eguali in dignità e diritti.",
        "Essi sono dotati di ragione e di coscienza e devono agire in spirito di fratellanza.",
        "Ogni individuo ha diritto alla vita, alla libertà ed alla sicurezza della propria persona.",
        "Ogni individuo ha diritto al riposo ed allo svago, e a ferie periodiche retribuite.",
    ),
    "de": (
        "Alle Menschen sind frei und gleich an Würde und Rechten geboren.",
        "Sie sind mit Vernunft und Gewissen begabt und sollen einander im Geist der Brüderlichkeit begegnen.",
        "Jeder hat das Recht auf Leben, Freiheit und Sicherheit der Person.",
        "Jeder hat das Recht auf Erholung und Freizeit und auf regelmäßigen bezahlten Urlaub.",
    ),
    "nl": (
        "Alle mensen worden vrij en gelijk in waardigheid en rechten geboren.",
        "Zij zijn begiftigd met verstand en geweten, en behoren zich broederlijk te gedragen.",
        "Eenieder heeft het recht op leven, vrijheid en onschendbaarheid van zijn persoon.",
        "Eenieder heeft recht op rust en op eigen vrije tijd, en op betaalde vakantie.",
    ),
    "sv": (
        "Alla människor är födda fria och lika i värde och rättigheter.",
        "De har utrustats med förnuft och samvete och bör handla gentemot varandra i en anda av gemenskap.",
        "Var och en har rätt till liv, frihet och personlig säkerhet.",
        "Var och en har rätt till vila och fritid, och till regelbunden betald semester.",
    ),
}


@dataclass(slots=True)
class Feed:
    """What one language's voice did. Seconds."""

    language: str
    tier: str = "standard"
    waits: list[float] = field(default_factory=list)
    behind: list[float] = field(default_factory=list)
    audio: float = 0.0
    engines: list[str] = field(default_factory=list)
    failed: int = 0

    @property
    def plain(self) -> float:
        """Share of cues spoken by the plain voice."""
        return self.engines.count("espeak-ng") / max(len(self.engines), 1)

    @property
    def changes(self) -> int:
        return sum(before != after for before, after in pairwise(self.engines))


async def run(out: Path, sets: Sequence[Sequence[str]] = SETS, seconds: float = SECONDS) -> None:
    """Measures and writes `bench-voices.md`."""
    lines = [f"On {machine()}; each set for {seconds:.0f} s at 160 words a minute.", ""]
    config = Config()
    rows: list[list[str]] = []
    hearing: list[list[str]] = [["none", *_heard(await _hear(seconds))]]
    async with open_engine(config) as engine:
        for languages in sets:
            feeds = [Feed(code.rstrip("*"), "premium" if "*" in code else "standard") for code in languages]
            listening, used = await _spoken_beside_hearing(engine, config, feeds, seconds)
            rows += [_row(languages, feed, used) for feed in feeds]
            hearing.append([" ".join(languages), *_heard(listening)])
            print("\n".join("  ".join(row) for row in rows[-len(feeds) :]), flush=True)
    head = ("together", "language", "first sound p50/p90", "behind p50/p90", "plain", "changes", "failed", "CPU of all")
    lines += table(head, rows)
    lines += table(("voices beside", "recogniser's lag p50/p90", "its CPU"), hearing)
    lines += [f"SSML of a text of 120 characters: {_ssml_ms(120):.2f} ms, of 6,000: {_ssml_ms(6000):.2f} ms.", ""]
    (out / "bench-voices.md").write_text("\n".join(lines))
    print("\n".join(lines))


async def _spoken_beside_hearing(
    engine: Synthesizer, config: Config, feeds: Sequence[Feed], seconds: float
) -> tuple[dict[str, float], float]:
    begun, used = perf_counter(), process_time()
    async with asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(_hear(seconds))
        for feed in feeds:
            tasks.create_task(_speak(engine, config, feed, seconds))
    return listening.result(), (process_time() - used) / (perf_counter() - begun)


async def _hear(seconds: float) -> dict[str, float]:
    """A recogniser in a process of its own, as in the real system."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.hearing", str(seconds), stdout=PIPE
    )
    output, _ = await process.communicate()
    found: dict[str, float] = json.loads(output)
    return found


async def _speak(engine: Synthesizer, config: Config, feed: Feed, seconds: float) -> None:
    """As the lane of a language does: cue after cue, each read as fast as it is made, played at its own pace."""
    tier = tiers(config.standard_patience_seconds, config.premium_patience_seconds)[feed.tier]
    voice = Casting(engine.voices, {}).default(feed.language, tier)
    begun = asyncio.get_running_loop().time()
    ready, plays_until = 0.0, 0.0
    for text in islice(cycle(TEXTS[feed.language]), 10_000):
        ready += len(text) / _PACE
        if ready > seconds:
            return
        await asyncio.sleep(begun + ready - asyncio.get_running_loop().time())
        first: float | None = None
        try:
            order = Order(text, feed.language, voice, Delivery(tempo=_TEMPO), tier, feed=f"{feed.language} {feed.tier}")
            async with engine.speak(order) as speech:
                feed.engines.append(speech.voice.engine)
                async for block in speech.audio:
                    now = asyncio.get_running_loop().time() - begun
                    if first is None:
                        first = now
                        feed.waits.append(now - ready)
                        feed.behind.append(max(now, plays_until) - ready)
                    plays_until = max(plays_until, now) + pcm.seconds(block)
                    feed.audio += pcm.seconds(block)
        except LingocastError:
            feed.failed += 1


def _row(languages: Sequence[str], feed: Feed, used: float) -> list[str]:
    return [
        " ".join(languages),
        feed.language + "*" * (feed.tier == "premium"),
        _two(feed.waits),
        _two(feed.behind),
        f"{feed.plain:.0%} of {len(feed.engines)}",
        str(feed.changes),
        str(feed.failed),
        f"{used:.2f}",
    ]


def _two(values: Sequence[float]) -> str:
    return f"{percentile(values, 0.5):.2f} / {percentile(values, 0.9):.2f}" if values else "–"


def _heard(report: dict[str, float]) -> list[str]:
    return [f"{report['p50']:.2f} / {report['p90']:.2f}", f"{report['processors']:.2f}"]


def _ssml_ms(characters: int) -> float:
    delivery = deliver(Dynamics(emotion=Emotion.SAD), 1.1)
    text = ("Words & more words, and so on. " * (characters // 30 + 1))[:characters]
    begun = perf_counter()
    for _ in range(100):
        ssml.build(text, "en", delivery, ssml.Markup(rate=True, volume=True, breaks=True))
    return (perf_counter() - begun) * 10
