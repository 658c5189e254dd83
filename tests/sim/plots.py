"""Pictures of simulated talks, as PNG."""

from collections.abc import Callable, Mapping
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.sim.system import Run

matplotlib.use("Agg")

SMOOTHED_CUES = 9


def lag_over_time(panels: Mapping[str, Mapping[str, Run]], out: Path) -> Path:
    """A panel for each talk, in it a line for each law or language: lag of the cues (dots) and their moving median."""
    return _drawn(panels, out, "lag, s", lambda run: [heard.lag for heard in run.heard])


def tempo_over_time(panels: Mapping[str, Mapping[str, Run]], out: Path) -> Path:
    """The same of the tempo that lag control asked for."""
    return _drawn(panels, out, "tempo", lambda run: [heard.tempo for heard in run.heard])


def _drawn(panels: Mapping[str, Mapping[str, Run]], out: Path, unit: str, values: Callable[[Run], list[float]]) -> Path:
    figure = Figure(figsize=(10, 2.4 * len(panels)), layout="constrained")
    axes = figure.subplots(len(panels), 1, sharex=True, sharey=True, squeeze=False)
    for axis, (title, runs) in zip(axes[:, 0], panels.items(), strict=True):
        _panel(axis, title, unit, {name: (_minutes(run), values(run)) for name, run in runs.items()})
    axes[-1, 0].set_xlabel("minutes of the talk")
    axes[0, 0].legend(loc="upper left", ncols=4, fontsize="small")
    figure.savefig(out, dpi=110)
    return out


def _panel(axis: Axes, title: str, unit: str, lines: Mapping[str, tuple[list[float], list[float]]]) -> None:
    for name, (minutes, values) in lines.items():
        (line,) = axis.plot(minutes, _smoothed(values), label=name, linewidth=1.6)
        axis.plot(minutes, values, ".", markersize=2, alpha=0.35, color=line.get_color())
    axis.set_title(title, fontsize="medium")
    axis.set_ylabel(unit)
    axis.grid(alpha=0.3)


def _minutes(run: Run) -> list[float]:
    return [heard.spoken_at / 60 for heard in run.heard]


def _smoothed(values: list[float]) -> list[float]:
    half = SMOOTHED_CUES // 2
    windows = (sorted(values[max(at - half, 0) : at + half + 1]) for at in range(len(values)))
    return [window[len(window) // 2] for window in windows]
