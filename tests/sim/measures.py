"""What is said of a run: lag, drift, how steady the tempo is, what was left out."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import mean, quantiles

from tests.sim.system import Heard, Language, Run, own_rate
from tests.sim.talk import Said

WINDOW_SECONDS = 300.0
TURN = 0.04


@dataclass(frozen=True, slots=True)
class Measures:
    """Lags in seconds. `early`, `late`: 95th percentiles of the first and last five minutes. `turns`: how often a
    minute the tempo goes back by 0.04 and more. `dropped`: share of the segments. `hurried`: share of the cues.
    """

    p50: float
    p90: float
    p95: float
    most: float
    early: float
    late: float
    tempo50: float
    tempo90: float
    step: float
    turns: float
    dropped: float
    hurried: float


def measured(*runs: Run) -> Measures:
    """All runs together; their cues count alike."""
    lags = [heard.lag for run in runs for heard in run.heard]
    tempos = [heard.tempo for run in runs for heard in run.heard]
    dropped = sum(len(run.dropped) for run in runs)
    minutes = sum(run.heard[-1].spoken_at for run in runs) / 60
    return Measures(
        p50=percentile(lags, 50),
        p90=percentile(lags, 90),
        p95=percentile(lags, 95),
        most=max(lags),
        early=percentile([heard.lag for run in runs for heard in first(run)], 95),
        late=percentile([heard.lag for run in runs for heard in last(run)], 95),
        tempo50=percentile(tempos, 50),
        tempo90=percentile(tempos, 90),
        step=max(step(run) for run in runs),
        turns=sum(turns([heard.tempo for heard in run.heard]) for run in runs) / minutes,
        dropped=dropped / (dropped + len(lags)),
        hurried=mean(heard.hurried for run in runs for heard in run.heard),
    )


def percentile(values: Sequence[float], percent: int) -> float:
    """Of at least two values."""
    return quantiles(values, n=100, method="inclusive")[percent - 1]


def first(run: Run) -> list[Heard]:
    """What was said in the first five minutes."""
    return [heard for heard in run.heard if heard.spoken_at <= WINDOW_SECONDS]


def last(run: Run) -> list[Heard]:
    """What was said in the last five minutes."""
    begin = run.heard[-1].spoken_at - WINDOW_SECONDS
    return [heard for heard in run.heard if heard.spoken_at >= begin]


def step(run: Run) -> float:
    """The largest change of tempo from one cue to the next."""
    tempos = [heard.tempo for heard in run.heard]
    return max((abs(b - a) for a, b in pairwise(tempos)), default=0.0)


def turns(tempos: Sequence[float]) -> int:
    """How often a rise of at least TURN is followed by such a fall, or the other way round."""
    count, direction, extreme = 0, 0, tempos[0]
    for tempo in tempos:
        if direction >= 0 and tempo < extreme - TURN:
            count, direction, extreme = count + (direction != 0), -1, tempo
        elif direction <= 0 and tempo > extreme + TURN:
            count, direction, extreme = count + (direction != 0), 1, tempo
        else:
            extreme = max(extreme, tempo) if direction >= 0 else min(extreme, tempo)
    return count


def load(said: Sequence[Said], language: Language) -> float:
    """Seconds of voice for a second of the talk when lag control does nothing."""
    voice = sum(each.characters * language.expansion * language.seconds_per_character / own_rate(each) for each in said)
    return voice / said[-1].end
