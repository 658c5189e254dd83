"""What each process holds over time (memory, file descriptors), and whether that stays as it was. Pure but `taken`."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

from chassis.supervision import family

TOLERANCE: Final = 0.10
"""Of the second third's median, by which the last third's may differ."""
FEW_DESCRIPTORS: Final = 8
"""Which come and go whatever happens: of a small number a tenth is less than one."""
SHORTEST_LIFE: Final = 0.25
"""Of the run. Who lived shorter is not judged: it has hardly warmed up."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One process at one time. `at`: seconds of the run."""

    at: float
    rss_bytes: int
    descriptors: int


@dataclass(slots=True)
class Life:
    """One process from its first sample to its last."""

    name: str
    pid: int
    samples: list[Sample] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return self.samples[-1].at - self.samples[0].at

    def thirds(self) -> tuple[Sequence[Sample], Sequence[Sample], Sequence[Sample]]:
        """Its samples of the first, second and last third of its time."""
        begin, third = self.samples[0].at, self.seconds / 3
        bounds = [begin + third, begin + 2 * third]
        return (
            [each for each in self.samples if each.at < bounds[0]],
            [each for each in self.samples if bounds[0] <= each.at < bounds[1]],
            [each for each in self.samples if each.at >= bounds[1]],
        )


@dataclass(frozen=True, slots=True)
class Trend:
    """A life's second third against its last: medians."""

    life: Life
    rss_before: float
    rss_after: float
    descriptors_before: float
    descriptors_after: float

    @property
    def rss_ratio(self) -> float:
        return self.rss_after / self.rss_before

    @property
    def rss_is_flat(self) -> bool:
        return abs(self.rss_ratio - 1) <= TOLERANCE

    @property
    def descriptors_are_flat(self) -> bool:
        change = abs(self.descriptors_after - self.descriptors_before)
        return change <= max(TOLERANCE * self.descriptors_before, FEW_DESCRIPTORS)

    @property
    def bytes_a_minute(self) -> float:
        """How fast the memory grows from the middle of the one third to the middle of the other."""
        return (self.rss_after - self.rss_before) / (self.life.seconds / 3) * 60


def trends(lives: Sequence[Life], run_seconds: float) -> list[Trend]:
    """Of every life that is long enough to be judged."""
    found = []
    for life in lives:
        if len(life.samples) < 6 or life.seconds < SHORTEST_LIFE * run_seconds:
            continue
        _, second, last = life.thirds()
        if not second:  # An edge was away for all of it: the run is too short to judge.
            continue
        found.append(
            Trend(
                life,
                median(each.rss_bytes for each in second),
                median(each.rss_bytes for each in last),
                median(each.descriptors for each in second),
                median(each.descriptors for each in last),
            )
        )
    return found


def together(lives: Iterable[Life]) -> list[Life]:
    """Each kind of service as one, `edge` for `edge` and `edge-2`: people who move from one to the other change
    nothing. Without the times at which one of a kind was missing."""
    rounds: dict[str, dict[float, list[Sample]]] = {}
    for life in lives:
        for sample in life.samples:
            rounds.setdefault(life.name.partition("-")[0], {}).setdefault(sample.at, []).append(sample)
    found = []
    for kind, times in rounds.items():
        full = max(map(len, times.values()))
        sums = [
            Sample(at, sum(each.rss_bytes for each in samples), sum(each.descriptors for each in samples))
            for at, samples in sorted(times.items())
            if len(samples) == full
        ]
        found.append(Life(kind, 0, sums))
    return found


class Lives:
    """All processes that were seen, those included that ended."""

    def __init__(self) -> None:
        self._lives: dict[tuple[str, int], Life] = {}

    def add(self, name: str, pid: int, sample: Sample) -> None:
        self._lives.setdefault((name, pid), Life(name, pid)).samples.append(sample)

    def __iter__(self) -> Iterator[Life]:
        return iter(self._lives.values())


def taken(pids: Mapping[str, int], at: float) -> Iterator[tuple[str, int, Sample]]:
    """A sample of each process and of each of its descendants, which bear its name with a stroke."""
    for name, pid in pids.items():
        for member in family([pid]):
            with suppress(OSError, StopIteration):  # It ended meanwhile.
                sample = Sample(at, _rss(member), len(os.listdir(f"/proc/{member}/fd")))
                yield (name if member == pid else f"{name}/child"), member, sample


def _rss(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("Rss:")).split()[1])
