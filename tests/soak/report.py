"""The soak's report: what was asked, whether it held, and the figures; with a picture of memory and descriptors."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")  # Before pyplot: there is no screen.

from matplotlib import pyplot as plt
from matplotlib.typing import ColorType

from tests.bench.report import machine, table
from tests.soak.samples import Trend, together, trends
from tests.soak.soak import HALLS, Findings

MEGABYTE = 1 << 20
SHOWN = 10
"""Of the complaints of one kind; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One thing that must hold, and what speaks against it."""

    what: str
    complaints: Sequence[str]


def verdicts(found: Findings) -> list[Verdict]:
    """What a soak must show."""
    judged = trends(list(found.lives), found.seconds)
    ledger = found.ledger
    growing = [_change(trend) for trend in judged if not trend.rss_is_flat]
    leaking = [
        f"{trend.life.name}: {trend.descriptors_before:.0f} -> {trend.descriptors_after:.0f}"
        for trend in trends(together(found.lives), found.seconds)
        if not trend.descriptors_are_flat
    ]
    missed = [
        f"{at:.0f} s, {session}: {complaint}"
        for at, session, shortfall in ledger.shortfalls
        for complaint in shortfall.complaints
    ]
    witnessed = [] if ledger.shortfalls else ["nobody stayed to the end of a session"]
    shed = [] if ledger.counts["cues dropped for the slow"] or not ledger.counts["stalls"] else ["nothing was dropped"]
    return [
        Verdict("memory is flat: last third of each process against its second, ±10 %", growing),
        Verdict("descriptors are flat, edges taken together", leaking),
        Verdict("counters are right and nothing is left when all have gone", found.left_over),
        Verdict("no error in the logs", found.errors),
        Verdict("witnesses got all captions and cues, or were told of what they did not", missed + witnessed),
        Verdict("nobody was refused or lost but by a disturbance", ledger.unexpected()),
        Verdict("who does not read loses cues", shed),
    ]


def written(found: Findings, folder: Path) -> bool:
    """Writes `report.md` and `soak.png`; whether all held."""
    folder.mkdir(parents=True, exist_ok=True)
    judged = verdicts(found)
    (folder / "report.md").write_text("\n".join(_lines(found, judged)) + "\n", "utf-8")
    _draw(found, folder / "soak.png")
    return not any(verdict.complaints for verdict in judged)


def _lines(found: Findings, judged: Sequence[Verdict]) -> Iterator[str]:
    ledger = found.ledger
    yield f"# Soak: {found.seconds / 60:g} minutes\n"
    yield f"{machine()}. {HALLS} sessions at a time on two edges over NATS, scripted engines.\n"
    yield from table(["must hold", ""], ((verdict.what, _held(verdict)) for verdict in judged))
    for verdict in judged:
        if verdict.complaints:
            yield f"**{verdict.what}**\n"
            yield from (f"- {complaint}" for complaint in verdict.complaints[:SHOWN])
            if len(verdict.complaints) > SHOWN:
                yield f"- and {len(verdict.complaints) - SHOWN} more"
            yield ""
    yield "Disturbed:\n"
    for each in ledger.disturbances:
        yield f"- {each.what}: {each.began:.0f} to {each.ended:.0f} s"
    excused = Counter[str]()
    for _, _, shortfall in ledger.shortfalls:
        excused["captions"] += shortfall.excused_captions
        excused["cues"] += shortfall.excused_cues
        excused["told"] += shortfall.dropped
    yield (
        f"\nThey cost witnesses {excused['captions']} captions and {excused['cues']} cues; they were told of "
        f"{excused['told']} cues.\n"
    )
    yield "![Memory and descriptors over time](soak.png)\n"
    head = ("process", "pid", "seconds", "RSS MB, 2nd third", "last third", "ratio", "KB a minute", "descriptors")
    yield from table(head, map(_row, trends(list(found.lives), found.seconds)))
    counts = {**ledger.counts, "sessions": len(ledger.sessions)}
    yield from table(["what happened", "times"], ((name, str(counts[name])) for name in sorted(counts, key=str.lower)))
    yield f"Processor: {found.cpu_seconds / found.seconds:.2f} of a core, all services together."


def _held(verdict: Verdict) -> str:
    return f"**no** ({len(verdict.complaints)})" if verdict.complaints else "yes"


def _change(trend: Trend) -> str:
    return (
        f"{trend.life.name} ({trend.life.pid}): {trend.rss_before / MEGABYTE:.1f} -> "
        f"{trend.rss_after / MEGABYTE:.1f} MB, {trend.bytes_a_minute / 1024:+.0f} KB a minute"
    )


def _row(trend: Trend) -> list[str]:
    return [
        *(trend.life.name, str(trend.life.pid), f"{trend.life.seconds:.0f}"),
        *(f"{trend.rss_before / MEGABYTE:.1f}", f"{trend.rss_after / MEGABYTE:.1f}", f"{trend.rss_ratio:.3f}"),
        *(f"{trend.bytes_a_minute / 1024:+.0f}", f"{trend.descriptors_before:.0f} → {trend.descriptors_after:.0f}"),
    ]


def _draw(found: Findings, file: Path) -> None:
    figure, (memory, descriptors) = plt.subplots(2, 1, figsize=(9, 6), layout="constrained", sharex=True)
    colours: dict[str, ColorType] = {}
    for life in found.lives:
        minutes = [sample.at / 60 for sample in life.samples]
        (line,) = memory.plot(
            minutes,
            [sample.rss_bytes / MEGABYTE for sample in life.samples],
            color=colours.get(life.name),
            label=None if life.name in colours else life.name,
        )
        colours.setdefault(life.name, line.get_color())
        descriptors.plot(minutes, [sample.descriptors for sample in life.samples], color=colours[life.name])
    for axes, title in ((memory, "RSS, MB"), (descriptors, "file descriptors")):
        axes.set(ylabel=title, ylim=(0, None))
        for each in found.ledger.disturbances:
            axes.axvspan(each.began / 60, each.ended / 60, color="grey", alpha=0.3, linewidth=0)
    descriptors.set(xlabel="minutes; grey: disturbed")
    memory.legend(loc="lower right", ncols=4, fontsize="small")
    figure.savefig(file, dpi=110)
    plt.close(figure)
