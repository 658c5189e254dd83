"""What the bench of sessions found, and the report of it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from tests.bench.report import machine, percentile, table

PACKAGES = ("aiohttp", "grpcio", "aioboto3", "uvloop")
GOALS = {
    "create": ("S1", 0.95, 2.0),
    "join": ("S3", 0.95, 1.0),
    "refresh": ("", 0.0, 0.0),
    "status": ("S11", 0.95, 0.5),
    "heartbeat": ("E7", 0.95, 0.1),
    "control: speaker told": ("E8", 0.95, 0.1),
    "control: last listener told": ("E8", 0.95, 0.1),
    "find the connections": ("S13", 0.99, 0.05),
}
"""What is measured: the requirement, the percentile that it sets a goal for, and the goal in seconds."""

UNITS = (
    "Read units as the database states them; write units by Amazon's rules for records of at most 1 KB (the largest\n"
    "has {} bytes as JSON)."
)
STORES = {"sqlite": "SQLite", "dynamodb": "DynamoDB Local"}


@dataclass(frozen=True)
class Costs:
    """Of one action: calls of session_svc, operations of the store, and DynamoDB's request units where it says them."""

    calls: float
    reads: float
    finds: float
    writes: float
    records_read: float
    records_written: float
    read_units: float
    write_units: float

    @classmethod
    def of(cls, counted: Counter[str], actions: int) -> "Costs":
        names = ("calls", "reads", "finds", "writes", "recordsRead", "recordsWritten", "readUnits", "writeUnits")
        each = {name: counted[name] / actions for name in names}
        each["recordsRead"] += counted["recordsFound"] / actions
        return cls(*each.values())

    def cells(self, units: bool) -> list[str]:
        shown = [self.calls, self.reads, self.finds, self.writes, self.records_read, self.records_written]
        shown += [self.read_units, self.write_units] if units else []
        return [f"{value:.2f}".rstrip("0").rstrip(".") for value in shown]


@dataclass(frozen=True)
class Rate:
    """Joins a second into so many sessions, and the processors that session_svc and its caller used meanwhile."""

    sessions: int
    joins: float
    service_cpu: float
    client_cpu: float


@dataclass
class Findings:
    """All of one store. Times in seconds, in the order measured."""

    store: str
    listeners: int
    measured: dict[str, list[float]] = field(default_factory=dict)
    costs: dict[str, Costs] = field(default_factory=dict)
    quiet: dict[str, Costs] = field(default_factory=dict)
    quiet_seconds: float = 0.0
    rates: list[Rate] = field(default_factory=list)
    client_ms: float = 0.0
    edge_ms: float = 0.0
    seconds: float = 0.0
    largest: int = 0

    def times(self, what: str, seconds: Sequence[float]) -> None:
        self.measured.setdefault(what, []).extend(seconds)

    def as_json(self) -> dict[str, Any]:
        """All figures, times as percentiles in milliseconds."""
        spreads = {what: spread(values) for what, values in self.measured.items()}
        return {**asdict(self), "measured": spreads, "machine": machine(), "date": f"{datetime.now(UTC):%Y-%m-%d}"}


def spread(values: Sequence[float]) -> dict[str, float]:
    """How many, percentiles and the longest, in milliseconds."""
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    return {"n": len(values), **{name: 1000 * percentile(values, share) for name, share in shares.items()}}


def written(found: Sequence[Findings]) -> str:
    """The report in Markdown."""
    lines = [
        "# Bench of sessions",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, {machine()}; {', '.join(f'{name} {version(name)}' for name in PACKAGES)}.",
        "Five real processes with scripted engines, one edge, one machine, the load client on it too. Times over real",
        "WebSockets, from the request's first byte to the answer's, with nothing left out; finding a session's",
        "connections is timed at the store. DynamoDB Local is one Java process here: its times are not Amazon's.",
        "",
    ]
    for one in found:
        lines += section(one)
    return "\n".join(lines).rstrip() + "\n"


def section(one: Findings) -> list[str]:
    """One store."""
    units = one.store == "dynamodb"
    head = ["", "calls", "reads", "finds", "writes", "records read", "records written"]
    head += ["read units", "write units"] if units else []
    minute = 60.0 / one.quiet_seconds if one.quiet_seconds else 0.0
    return [
        f"## {STORES[one.store]}, {one.listeners} listeners",
        "",
        *table(
            ("ms", "n", "p50", "p95", "p99", "longest", "goal"),
            [timed(what, one.measured[what]) for what in GOALS if what in one.measured],
        ),
        f"For a control message and its {one.listeners + 1} deliveries the edge used {one.edge_ms:.1f} ms of a",
        f"processor, the load client {one.client_ms:.1f} ms: the time until the last listener was told contains both.",
        "",
        *table(
            ("joins by gRPC alone, 32 under way", "a second", "processors: session_svc", "caller"),
            [
                (
                    f"into {sessions(rate.sessions)}",
                    f"{rate.joins:.0f}",
                    f"{rate.service_cpu:.2f}",
                    f"{rate.client_cpu:.2f}",
                )
                for rate in one.rates
            ],
        ),
        "What one action costs: calls of session_svc by the edge, limits included, and what they ask of the store.",
        *([UNITS.format(one.largest)] if units else []),
        "",
        *table(head, [[action, *costs.cells(units)] for action, costs in one.costs.items()]),
        f"What a minute costs in which nobody comes or goes ({one.listeners} listeners, heartbeats, one edge, one",
        f"session_svc; measured for {one.quiet_seconds:g} s):",
        "",
        *table(head, [[asker, *scaled(costs, minute).cells(units)] for asker, costs in one.quiet.items()]),
        f"Measured in {one.seconds:.0f} s.",
        "",
    ]


def timed(what: str, values: Sequence[float]) -> list[str]:
    """A row of times, in milliseconds, with the goal and whether it was met."""
    requirement, share, goal = GOALS[what]
    shown = [f"{value:.1f}" if name != "n" else f"{value:.0f}" for name, value in spread(values).items()]
    met = "met" if percentile(values, share) < goal else "missed"
    return [what, *shown, f"{requirement}: p{100 * share:.0f} < {1000 * goal:.0f}, {met}" if requirement else "–"]


def scaled(costs: Costs, factor: float) -> Costs:
    """So many times as much."""
    return Costs(**{name: value * factor for name, value in asdict(costs).items()})


def sessions(count: int) -> str:
    return "1 session" if count == 1 else f"{count} sessions"
