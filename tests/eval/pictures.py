"""The report's pictures, drawn from the results."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")  # Before pyplot: there is no screen.

from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from tests.bench.report import percentile
from tests.eval.measures import caption_lags, segment_ends, tempo_histogram, voice_lags, word_lags
from tests.eval.records import Performance, Usage

WINDOW_SECONDS = 60.0


def draw(performances: Sequence[Performance], folder: Path) -> dict[str, str]:
    """Writes the pictures; file name and what it shows."""
    folder.mkdir(parents=True, exist_ok=True)
    voiced = [each for each in performances if any(track.cues for track in each.tracks.values())]
    if not voiced:
        return {}
    longest = max(voiced, key=lambda each: each.length)
    drawn = {
        "lag.png": (f"Voice lag over time, {longest.name}: each cue, and median and p95 of each minute.", _over_time),
        "tempo.png": ("Tempo of the cues.", _tempo),
        "cpu.png": (f"Processor use over time, {longest.name}, by service; one is one core.", _cpu),
    }
    for name, (_, draw_one) in drawn.items():
        figure, axes = plt.subplots(figsize=(8, 3.4), layout="constrained")
        draw_one(axes, longest, voiced)
        figure.savefig(folder / name, dpi=110)
        plt.close(figure)
    _distributions(voiced, folder / "lags.png")
    shown = {name: text for name, (text, _) in drawn.items()}
    return {"lags.png": "Share of words, captions and cues that were there within so many seconds."} | shown


def _over_time(axes: Axes, longest: Performance, _: Sequence[Performance]) -> None:
    ends = segment_ends(longest)
    for language, track in longest.tracks.items():
        lags = voice_lags(track, ends)
        if not lags:
            continue
        dots = axes.plot([at / 60 for at, _ in lags], [lag for _, lag in lags], ".", alpha=0.35, markersize=4)
        windows = _windows(lags)
        for share, style in ((0.5, "-"), (0.95, "--")):
            axes.plot(
                [middle / 60 for middle, _ in windows],
                [percentile(values, share) for _, values in windows],
                style,
                color=dots[0].get_color(),
                label=f"{language} p{share * 100:.0f}",
            )
    axes.set(xlabel="minutes", ylabel="voice lag, s", ylim=(0, None))
    axes.legend(loc="upper left", ncols=3, fontsize="small")


def _windows(lags: Iterable[tuple[float, float]]) -> list[tuple[float, list[float]]]:
    found: dict[int, list[float]] = {}
    for at, lag in lags:
        found.setdefault(int(at // WINDOW_SECONDS), []).append(lag)
    return [((index + 0.5) * WINDOW_SECONDS, values) for index, values in sorted(found.items())]


def _tempo(axes: Axes, _: Performance, voiced: Sequence[Performance]) -> None:
    for each in voiced:
        counts = tempo_histogram(cue for track in each.tracks.values() for cue in track.cues)
        total = sum(counts.values())
        axes.plot(list(counts), [count / total for count in counts.values()], marker="o", markersize=3, label=each.name)
    axes.set(xlabel="tempo", ylabel="share of cues", ylim=(0, None))
    axes.legend(fontsize="small")


def _cpu(axes: Axes, longest: Performance, _: Sequence[Performance]) -> None:
    if len(longest.usage) < 2:
        return
    pairs = list(zip(longest.usage, longest.usage[1:], strict=False))
    services = list(longest.usage[0].services)
    shares = [[_share(before, after, service) for before, after in pairs] for service in services]
    axes.stackplot([after.at / 60 for _, after in pairs], shares, labels=services)
    axes.set(xlabel="minutes", ylabel="cores", ylim=(0, None))
    axes.legend(loc="upper left", ncols=5, fontsize="small")


def _share(before: Usage, after: Usage, service: str) -> float:
    seconds = after.at - before.at
    return max(after.services[service] - before.services[service], 0.0) / seconds if seconds > 0 else 0.0


def _distributions(voiced: Sequence[Performance], file: Path) -> None:
    figure, (words, captions, voices) = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained", sharey=True)
    for each in voiced:
        ends = segment_ends(each)
        _cumulated(words, word_lags(each), each.name)
        for language, track in each.tracks.items():
            name = f"{each.name}, {language}"
            _cumulated(captions, caption_lags(track, ends), name)
            _cumulated(voices, [lag for _, lag in voice_lags(track, ends)], name)
    for axes, title in ((words, "speaker's own words"), (captions, "final captions"), (voices, "voice")):
        axes.set(title=title, xlabel="lag, s", xlim=(0, 10), ylim=(0, 1))
        axes.grid(alpha=0.3)
    handles, names = voices.get_legend_handles_labels()
    figure.legend(handles, names, fontsize="x-small", loc="outside lower center", ncols=4)
    figure.savefig(file, dpi=110)
    plt.close(figure)


def _cumulated(axes: Axes, values: Sequence[float], name: str) -> None:
    ordered = sorted(values)
    axes.step(ordered, [(index + 1) / len(ordered) for index in range(len(ordered))], label=name, linewidth=1)
