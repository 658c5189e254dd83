"""What the bench of fan-out found: its table, its report and its picture."""

import os
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")  # Before pyplot: there is no screen.

from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from tests.bench.report import machine, table
from tests.load.contenders import BUN, FLOOR, GATHER, NODE, OURS


@dataclass(frozen=True)
class Sample:
    """One server in one round. `microseconds`: of its processor for a delivery. The others are microseconds from the
    publication of a frame to its arrival: at the first listener, the one in the middle, the last (medians over the
    frames), and 99 % of all arrivals."""

    figure: str
    name: str
    listeners: int
    round: int
    microseconds: float
    first: float
    middle: float
    last: float
    p99: float


@dataclass
class Stuck:
    """Listeners that never read beside others. `alone`, `beside`: the others' p99 in each round, microseconds; without
    and with them. `megabytes`: of the server with them, after each round."""

    silent: int
    reading: int
    alone: list[float] = field(default_factory=list)
    beside: list[float] = field(default_factory=list)
    megabytes: list[float] = field(default_factory=list)


@dataclass
class Findings:
    """All of a run. `weights`: bytes of memory of each server for one listener. `missing`: servers, and why."""

    sizes: dict[str, Any]
    samples: list[Sample] = field(default_factory=list)
    weights: dict[str, float] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    stuck: Stuck | None = None

    def of(self, figure: str, name: str, listeners: int | None = None) -> list[Sample]:
        """In the order of rounds."""
        return [
            each
            for each in self.samples
            if each.figure == figure and each.name == name and listeners in (None, each.listeners)
        ]

    def names(self, figure: str) -> list[str]:
        return list(dict.fromkeys(each.name for each in self.samples if each.figure == figure))


@dataclass(frozen=True)
class Row:
    """A goal, and how it was met. A ratio is better the higher it is, or (`most`) the lower."""

    what: str
    goal: float
    best: float | None
    median: float | None
    most: bool = False
    unit: str = ""

    @property
    def verdict(self) -> str:
        if self.median is None or self.best is None:
            return "not measured"
        if self._reaches(self.median):
            return "met"
        return "in the best round" if self._reaches(self.best) else "**missed**"

    def cells(self) -> list[str]:
        shown = ["–" if value is None else f"{value:.2f}{self.unit}" for value in (self.best, self.median)]
        return [self.what, f"{'≤' if self.most else '≥'} {self.goal:g}{self.unit}", *shown, self.verdict]

    def _reaches(self, value: float) -> bool:
        return value <= self.goal if self.most else value >= self.goal


def ratio(
    above: Sequence[Sample], below: Sequence[Sample], value: Callable[[Sample], float]
) -> tuple[float | None, float | None]:
    """Of the lowest values of all rounds, and the median of what it was within each."""
    pairs = [
        (value(one), value(other)) for one in above for other in below if one.round == other.round and value(other) > 0
    ]
    if not pairs:
        return None, None
    best = min(one for one, _ in pairs) / min(other for _, other in pairs)
    return best, statistics.median(one / other for one, other in pairs)


def rows(found: Findings) -> list[Row]:
    """The goals of performance.md."""
    compared, most = found.sizes["compared"], found.sizes["counts"][-1]
    mine = found.of("listeners", OURS, compared)
    against = ((FLOOR, 0.85), (BUN, 1.0), (NODE, 1.25), (GATHER, 2.2))
    result = [
        Row(
            f"deliveries per CPU-second, {compared:,} listeners, against {name}",
            goal,
            *ratio(found.of("listeners", name, compared), mine, cost_of),
        )
        for name, goal in against
    ]
    backlog = ratio(found.of("backlog", BUN), found.of("backlog", OURS), cost_of)
    result.append(Row(f"the same with a backlog of 8 frames, against {BUN}", 1.3, *backlog))
    paced, bare = found.of("listeners", OURS, most), found.of("listeners", FLOOR, most)
    paced_at = f"{most:,} listeners × 10 frames/s"
    result.append(Row(f"{paced_at}: CPU, of {FLOOR}", 1.2, *ratio(paced, bare, cost_of), most=True))
    result.append(Row(f"{paced_at}: last listener, of {FLOOR}", 1.3, *ratio(paced, bare, lambda s: s.last), most=True))
    weight = found.weights[OURS] / 1024 if OURS in found.weights else None
    result.append(Row(f"{paced_at}: memory a listener", 16, weight, weight, most=True, unit=" KB"))
    if (stuck := found.stuck) is not None and stuck.beside:
        ratios = [with_them / without for with_them, without in zip(stuck.beside, stuck.alone, strict=True)]
        name = f"{stuck.silent} that never read beside {stuck.reading}"
        best = min(stuck.beside) / min(stuck.alone)
        result.append(Row(f"{name}: the others' p99, of without", 1.5, best, statistics.median(ratios), most=True))
        grown = stuck.megabytes[-1] / stuck.megabytes[0]
        result.append(Row(f"{name}: memory, last round of first", 1.1, grown, grown, most=True))
    return result


def cost_of(sample: Sample) -> float:
    return sample.microseconds


def written(found: Findings) -> str:
    """The report."""
    head = ["figure", "goal", "best", "median", ""]
    packages = ", ".join(f"{name} {version(name)}" for name in ("aiohttp", "uvloop"))
    others = ", ".join(each for name, each in found.versions.items() if each and name != OURS)
    lines = [
        "# Fan-out",
        "",
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {machine()}, load {os.getloadavg()[0]:.1f}; {packages}; {others}.",
        f"Frames of 3,200 bytes over loopback; {found.sizes['rounds']} rounds, in each all servers in random order. "
        "The server has one core, the load client another. CPU is the server's, user and system, of whatever it does.",
        "Best: the lowest of all rounds against the lowest of the other's; median: of the ratios within a round.",
        "",
        *table(head, (row.cells() for row in rows(found))),
    ]
    lines += [f"**{name}**: not measured, or not to the end: {reason}." for name, reason in found.missing.items()]
    counts = list(dict.fromkeys(each.listeners for each in found.samples if each.figure == "listeners"))
    if counts:
        lines += ["", "## CPU of a delivery over listeners, µs: best / median", ""]
        lines += _over(found, counts, cost_of, "{:.2f}")
        lines += ["## When the last listener has a frame, ms: best / median", ""]
        lines += _over(found, counts, lambda sample: sample.last / 1000, "{:.1f}")
        lines += ["## Memory a listener, KB", ""]
        lines += table(list(found.weights), [[f"{weight / 1024:.1f}" for weight in found.weights.values()]])
    titles = {
        "backlog": "Eight frames at once",
        "languages": "Over languages, as many listeners in all",
        "ways": "Ours in other ways",
        "edges": "Listeners of an edge that has the speaker, and of one that has not",
        "sessions": f"{found.sizes['sessions'][0]} sessions of {found.sizes['sessions'][1]} listeners",
    }
    for figure, title in titles.items():
        if names := found.names(figure):
            lines += [f"## {title}", ""]
            lines += table(["", "µs: best / median", "last listener, ms"], (_apart(found, figure, n) for n in names))
    if found.stuck is not None and found.stuck.beside:
        lines += ["## Listeners that never read", ""]
        spreads = [f"{statistics.median(each) / 1000:.2f}" for each in (found.stuck.alone, found.stuck.beside)]
        sizes = " → ".join(f"{each:.1f}" for each in (found.stuck.megabytes[0], found.stuck.megabytes[-1]))
        lines += table(["p99 without, ms", "p99 with, ms", "MB, first round → last"], [[*spreads, sizes]])
    return "\n".join([*lines, ""])


def _over(found: Findings, counts: Sequence[int], value: Callable[[Sample], float], shape: str) -> list[str]:
    def cell(name: str, count: int) -> str:
        values = [value(each) for each in found.of("listeners", name, count)]
        return " / ".join(shape.format(f(values)) for f in (min, statistics.median)) if values else "–"

    names = found.names("listeners")
    ordered = sorted(names, key=lambda name: name != OURS)  # Ours first, the others as they were started.
    return table(["", *(f"{count:,}" for count in counts)], ([n, *(cell(n, c) for c in counts)] for n in ordered))


def _apart(found: Findings, figure: str, name: str) -> list[str]:
    samples = found.of(figure, name)
    costs = [each.microseconds for each in samples]
    last = statistics.median(each.last for each in samples)
    return [name, f"{min(costs):.2f} / {statistics.median(costs):.2f}", f"{last / 1000:.1f}"]


def draw(found: Findings, file: Path) -> None:
    """CPU of a delivery and the last listener's wait, over the number of listeners."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    _curves(left, found, cost_of)
    left.set(ylabel="CPU of a delivery, µs", ylim=(0, None))
    _curves(right, found, lambda sample: sample.last / 1000)
    right.set(ylabel="last listener has a frame after, ms", yscale="log")
    for axes in (left, right):
        axes.set(xlabel="listeners", xscale="log")
        axes.grid(alpha=0.3)
    handles, names = left.get_legend_handles_labels()
    figure.legend(handles, names, fontsize="small", loc="outside lower center", ncols=6)
    figure.savefig(file, dpi=110)
    plt.close(figure)


def _curves(axes: Axes, found: Findings, value: Callable[[Sample], float]) -> None:
    for name in found.names("listeners"):
        by_count: dict[int, list[float]] = {}
        for each in found.of("listeners", name):
            by_count.setdefault(each.listeners, []).append(value(each))
        width = 2.5 if name == OURS else 1.2
        axes.plot(
            list(by_count),
            [statistics.median(values) for values in by_count.values()],
            "o-",
            linewidth=width,
            label=name,
        )
