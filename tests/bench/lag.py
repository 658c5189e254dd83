"""Plays simulated talks of twenty minutes through lag control and writes what came of it: `make bench ARGS=lag`.

Simulated speakers and engines, the real machine: it says what the control can do, never how good an engine is. Takes
seconds.
"""

from dataclasses import dataclass
from pathlib import Path

from tests.bench.report import cells
from tests.sim.laws import by_queue, unpaced
from tests.sim.measures import Measures, load, measured
from tests.sim.plots import lag_over_time, tempo_over_time
from tests.sim.system import Engines, Language, Run, simulate
from tests.sim.talk import Speaker, talk
from transcription_svc.domain.pacing import Law, foresight

MINUTES = 20.0
SEEDS = range(8)
LAWS: dict[str, Law] = {"none": unpaced, "by queue": by_queue, "foresight": foresight}

# Fitted to the bench of real speech: with the first law (by queue) it gave p50 3.3 and p90 5.1 s.
PORTUGUESE = Language(expansion=1.15, seconds_per_character=0.055)
KOKORO = Engines()
SHORTER = Speaker(170, deviation=25, shortest=15, longest=90)


@dataclass(frozen=True, slots=True)
class Case:
    """Who speaks, into which language, by which engines."""

    name: str
    speaker: Speaker
    language: Language = PORTUGUESE
    engines: Engines = KOKORO


CASES = (
    Case("today: 170 wpm into Portuguese, Kokoro", Speaker(170)),
    Case("… segments of at most 90 characters", SHORTER),
    Case("… slower machine", Speaker(170), engines=Engines(first=0.9, real_time=0.7)),
    Case("… slower than real time", Speaker(170), engines=Engines(first=1.5, real_time=1.2)),
    Case("… without a quick voice", Speaker(170), engines=Engines(first=1.5, real_time=1.2, quick=False)),
    Case("… an engine far away", Speaker(170), engines=Engines(caption=1.35, first=0.3, real_time=0.02, quick=False)),
    Case(
        "… that stalls and fails",
        Speaker(170),
        engines=Engines(caption=1.35, first=0.3, real_time=0.02, stalls=0.03, failures=0.02, quick=False),
    ),
    Case("90 wpm × 1.6", Speaker(90), Language(1.6)),
    Case("130 wpm × 0.8", Speaker(130), Language(0.8)),
    Case("130 wpm × 1.35", Speaker(130), Language(1.35)),
    Case("150 wpm × 1.2", Speaker(150), Language(1.2)),
    Case("150 wpm × 1.6", Speaker(150), Language(1.6)),
    Case("190 wpm × 1.0", Speaker(190), Language(1.0)),
    Case("220 wpm × 1.2", Speaker(220), Language(1.2)),
    Case("220 wpm × 1.6", Speaker(220), Language(1.6)),
)


def run(out: Path) -> None:
    """Writes `bench-lag.md` and its two pictures into the folder."""
    report = written({case.name: {name: played(case, law) for name, law in LAWS.items()} for case in CASES})
    (out / "bench-lag.md").write_text(report, "utf-8")
    pictures(out)
    print(report)


def played(case: Case, law: Law, seeds: range = SEEDS) -> list[Run]:
    """The talks of a case."""
    return [
        simulate(talk(case.speaker, MINUTES, seed), case.engines, case.language, law=law, seed=seed) for seed in seeds
    ]


def pictures(out: Path) -> tuple[Path, Path]:
    """Lag and tempo over twenty minutes of some of the cases, by law."""
    shown = [
        case for case in CASES if case.name.startswith(("today", "130 wpm × 1.35", "150 wpm × 1.2", "220 wpm × 1.2"))
    ]
    panels = {case.name: {name: played(case, law, range(1))[0] for name, law in LAWS.items()} for case in shown}
    return lag_over_time(panels, out / "lag.png"), tempo_over_time(panels, out / "tempo.png")


def written(found: dict[str, dict[str, list[Run]]]) -> str:
    """The report in Markdown."""
    lines = [
        "# Lag control, simulated",
        "",
        f"Each row: {len(SEEDS)} talks of {MINUTES:.0f} minutes. Load: seconds of voice for a second of speech when",
        "nothing is done. Lag: end of a segment's speech to its voice playing, seconds. Drift: 95th percentile of the",
        "first and of the last five minutes. Turns: how often a minute the tempo goes back by 0.04 and more. Plain:",
        "share of cues in the quick voice.",
        "",
        "| case | load | law | lag p50 / p90 / p95 | most | drift | tempo p50 / p90 | turns | dropped | plain |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for case in CASES:
        weight = load(talk(case.speaker, MINUTES, 0), case.language)
        lines += [row(case.name, weight, law, measured(*runs)) for law, runs in found[case.name].items()]
    return "\n".join([*lines, "", "![lag](lag.png)", "", "![tempo](tempo.png)", ""])


def row(name: str, weight: float, law: str, found: Measures) -> str:
    """One law in one case."""
    return cells(
        name,
        f"{weight:.2f}",
        law,
        f"{found.p50:.2f} / {found.p90:.2f} / {found.p95:.2f}",
        f"{found.most:.1f}",
        f"{found.early:.2f} → {found.late:.2f}",
        f"{found.tempo50:.2f} / {found.tempo90:.2f}",
        f"{found.turns:.1f}",
        f"{found.dropped:.1%}",
        f"{found.hurried:.0%}",
    )
