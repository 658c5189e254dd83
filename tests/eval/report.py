"""The report: goals, tables, definitions, pictures, made from whatever results there are."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import sacrebleu

from tests.bench.report import percentile, table
from tests.eval import formats, pictures
from tests.eval.goals import GOALS, Goal, call_time, caption_time, cue_time
from tests.eval.measures import (
    Load,
    Spread,
    caption_lags,
    drift,
    load_of,
    normalised_erasure,
    segment_ends,
    silence_share,
    stream_laal,
    tempo_histogram,
    voice_lags,
    word_lags,
    word_voice_lags,
)
from tests.eval.records import Journey, Part, Performance, Track, load
from tests.recordings import chrf, plain, word_error_rate

ORDER = ("clean", "recordings", "five", "amazon", "drift", "share")
BUSY = 0.1
"""Others' use of the machine, in cores, from which on the report warns."""

LANGUAGES = ("", "caption lag p50/p90", "voice lag p50/p90", "drift p95", "silence", "dropped", "chrF", "of transcript")
MORE = ("", "voice lag of words p50", "LAAL", "erasure", "BLEU", "of transcript", "heard back", "voice chrF")
SOURCES = ("", "recording", "seconds", "WER", "word lag p50/p90", "erasure", "CPU", "memory", "others")

DEFINITIONS = """\
- **WER**: substituted, lost and added words of the final source captions per word of the transcript (jiwer); case,
  punctuation and hyphens aside, Unicode NFKC, "/" read as "slash". Captions count as corrected.
- **chrF, BLEU** (sacrebleu, defaults, signatures below): final captions of the whole recording, as corrected, against
  its reference. Goals that compare chrF take what the voice said, which nothing corrects.
  *Of transcript*: the same engine fed the true transcript sentence by sentence: what perfect recognition and cutting
  would give. Stand-ins and scripted engines are never scored.
- **Heard back**: chrF of what Whisper understands of the recorded voice against the captions that were voiced (words
  alone): how intelligible the voice is, a lower bound. *Voice chrF*: the same against the reference.
- **Erasure**: words taken back per word of the final text (Arivazhagan et al. 2020), each segment a line of its own.
- **Word lag**: end of each word of the speaker → the first source caption that shows it in its place.
- **Caption lag**: end of a segment's source words → its first final caption at the listener. **Voice lag**: the same
  end → its audio starts playing, after the cue before it has ended.
- **Word times** come from a Whisper pass over the recording alone, by attention alignment, put on the transcript by
  smallest number of edits; where no word of a segment could be placed, the segment's own end is taken.
- **Voice lag of words**: end of each source word → the audio of its segment starts playing. It compares ways of cutting
  that a lag counted by segments cannot.
- **LAAL**: length-adaptive average lagging of the captions' words (Papi et al. 2022), computation included, mean over
  sentences (over files, where the references' sentences do not correspond), parted by the captions' times.
- **Drift**: 95th percentile of the voice lag in the first and in the last five minutes (halves of a shorter recording).
- **Silence**: of the time from the first to the last audio, the part in which none played. **Dropped**: cues given up.
- **CPU**: processor seconds of the five services and their children per second of speech: as many seconds per
  speaker-minute as 60 times that. **Memory**: the most, proportional set size. **Others**: what anything else on the
  machine used meanwhile, in cores; with more than a little of it the figures say less.
- **Our share**: engines that answer at once; from handing the audio chunk that completes a phrase to the client's
  `send` until the final caption, and the first frame of audio, have come out of the listener's client; and until
  translation_svc is called (the start of its server span). Voices that had to wait for the one before are left out; a
  phrase that brought nothing counts as endless.
- **Amazon's pace**: partials each 0.3 s, finals 1.1 s after the last word, Translate 0.15 s, Polly's first byte 0.3 s.
  Assumed, for it is not published: words are told 0.2 s and stable 0.9 s after their end. No errors of recognition.
- Percentiles are values that were measured: the smallest that so many of a hundred do not exceed.
"""


@dataclass(frozen=True)
class Verdict:
    """A goal and what was measured; None where nothing was."""

    goal: Goal
    value: float | None

    @property
    def met(self) -> bool:
        return self.value is not None and self.goal.met(self.value)

    @property
    def word(self) -> str:
        if self.value is None:
            return "not measured"
        return "met" if self.met else "**missed**"


def found_parts(folder: Path) -> dict[str, Part]:
    """Every part with results in the folder, in the order of the report."""
    files = {name: folder / f"{name}.json" for name in ORDER}
    return {name: load(file) for name, file in files.items() if file.exists()}


def verdicts(parts: Mapping[str, Part]) -> list[Verdict]:
    """All goals."""
    return [Verdict(goal, goal.measure(parts)) for goal in GOALS]


def write(folder: Path) -> list[Verdict]:
    """Makes `report.md`, its pictures and the logs for other tools from the results in the folder."""
    parts = found_parts(folder)
    performances = [each for part in parts.values() for each in part.performances]
    judged = verdicts(parts)
    shown = pictures.draw(performances, folder / "pictures")
    for part in parts.values():
        for each in part.performances if part.engines == "local" else []:
            formats.write(each, folder / "logs")
    lines = ["# Evaluation", "", *_origin(parts), *_goals(judged), *_tables(parts), *_pictures(shown)]
    lines += ["## What the figures mean", "", DEFINITIONS, _signatures()]
    (folder / "report.md").write_text("\n".join(lines) + "\n", "utf-8")
    return judged


def goal_rows(judged: Iterable[Verdict]) -> list[tuple[str, str, str, str]]:
    """Goal, limit, measured, met or missed."""
    return [(each.goal.text, _limit(each.goal), _with_unit(each.value, each.goal.unit), each.word) for each in judged]


def _origin(parts: Mapping[str, Part]) -> list[str]:
    lines = []
    if any(part.quick for part in parts.values()):
        lines += ["**A trial run (`--quick`): it shows that everything works and measures nothing.**", ""]
    machines = sorted({part.machine for part in parts.values()})
    lines += [f"On {'; '.join(machines)}.", ""] if machines else ["Nothing has been measured.", ""]
    rows = [
        (part.name, part.made_at, part.commit, part.engines, _settings(part), f"{part.seconds / 60:.1f}")
        for part in parts.values()
    ]
    lines += table(("part", "measured", "code", "engines", "settings", "minutes"), rows)
    used = {f"{name} {number}" for part in parts.values() for name, number in part.versions.items()}
    lines += [", ".join(sorted(used)) + ".", ""] if used else []
    late = max((each.late for part in parts.values() for each in part.performances), default=0.0)
    lines += [
        "Recordings are played at real-time speed, unsegmented, into five processes; computation is included. "
        f"The player was never later than {late * 1000:.0f} ms. Lags in seconds.",
        "",
    ]
    disturbed = [
        f"{each.name} ({use.others:.2f})"
        for part in parts.values()
        for each in part.performances
        if (use := load_of(each)) and use.others > BUSY
    ]
    if disturbed:
        lines += [f"**The machine was not quiet** (cores that others used): {', '.join(disturbed)}.", ""]
    return lines


def _goals(judged: Sequence[Verdict]) -> list[str]:
    return ["## Goals", "", *table(("goal", "limit", "measured", ""), goal_rows(judged))]


def _tables(parts: Mapping[str, Part]) -> list[str]:
    lines: list[str] = []
    measured = [(part, each) for part in parts.values() for each in part.performances]
    if measured:
        lines += ["## Languages", "", *table(LANGUAGES, [row for each in measured for row in _language_rows(*each)])]
        lines += _shortfalls(each for _, each in measured)
        lines += ["More of each:", "", *table(MORE, [row for each in measured for row in _more_rows(*each)])]
        lines += ["## Sources", "", *table(SOURCES, [_source_row(part, each) for part, each in measured])]
        lines += ["## Tempo", "", *table(("", "cues by tempo"), [_tempo_row(each) for _, each in measured])]
        lines += ["## Processors", "", *table(("", "seconds per second of speech"), _loads(measured))]
    if parts.get("share") and parts["share"].journeys:
        lines += ["## Our own share of the delay", "", *_share(parts["share"].journeys)]
    return lines


def _language_rows(part: Part, each: Performance) -> list[tuple[str, ...]]:
    ends = segment_ends(each)
    return [
        (
            f"{each.name}: {language}",
            _pair(Spread.of(caption_lags(track, ends))),
            _pair(Spread.of([lag for _, lag in voice_lags(track, ends)])),
            _drift(each, track, ends),
            _percent(silence_share(track.cues)),
            f"{track.dropped_cues} of {len(track.cues) + track.dropped_cues}",
            *_scores(chrf, part, each, track),
        )
        for language, track in each.tracks.items()
    ]


def _shortfalls(performances: Iterable[Performance]) -> list[str]:
    found = [
        f"{each.name}, {language}: {', '.join(f'{what} {count}' for what, count in missing.items())}"
        for each in performances
        for language, missing in {
            each.language: Counter(each.source.failures),
            **{language: track.shortfall() for language, track in each.tracks.items()},
        }.items()
        if missing
    ]
    return [f"**What did not come** (segments, cues, errors that were told): {'; '.join(found)}.", ""] if found else []


def _more_rows(part: Part, each: Performance) -> list[tuple[str, ...]]:
    return [
        (
            f"{each.name}: {language}",
            _middle(word_voice_lags(each, track)),
            _number(stream_laal(each, track), 2),
            _number(normalised_erasure(track.captions), 3),
            *_scores(bleu, part, each, track),
            _score(_words_alone, track.spoken_text(), track.heard_back),
            _score(_words_alone, each.reference(language), track.heard_back),
        )
        for language, track in each.tracks.items()
    ]


def _scores(metric: Callable[[str, str], float], part: Part, each: Performance, track: Track) -> tuple[str, str]:
    """Of the captions, and of the same engine's translation of the transcript; only engines have quality."""
    reference = each.reference(track.language) if part.engines == "local" else ""
    return _score(metric, reference, track.text()), _score(metric, reference, track.gold)


def bleu(reference: str, text: str) -> float:
    """BLEU (0 to 100) as sacrebleu computes it, the recording being one segment."""
    return float(sacrebleu.corpus_bleu([text], [[reference]]).score)


def _words_alone(reference: str, text: str) -> float:
    return chrf(plain(reference), plain(text))


def _source_row(part: Part, each: Performance) -> tuple[str, ...]:
    use = load_of(each)
    heard = each.source.text()
    scored = part.engines == "local" and each.transcript
    return (
        each.name,
        each.recording,
        f"{each.length:.0f}",
        f"{word_error_rate(each.transcript, heard):.3f}" if scored else "–",
        _pair(Spread.of(word_lags(each))),
        _number(normalised_erasure(each.source.captions), 3),
        f"{use.system:.2f}" if use else "–",
        f"{use.memory_bytes / 1e9:.2f} GB" if use else "–",
        f"{use.others:.2f}" if use else "–",
    )


def _tempo_row(each: Performance) -> tuple[str, str]:
    counts = tempo_histogram(cue for track in each.tracks.values() for cue in track.cues)
    return each.name, ", ".join(f"{tempo:.2f}: {count}" for tempo, count in counts.items()) or "–"


def _loads(measured: Iterable[tuple[Part, Performance]]) -> list[tuple[str, str]]:
    found: list[tuple[str, Load]] = [(each.name, use) for _, each in measured if (use := load_of(each))]
    return [
        (
            name,
            ", ".join(f"{service} {share:.2f}" for service, share in use.services.items())
            + f"; all {use.system:.2f}, a speaker-minute {use.system * 60:.0f} s; player {use.player:.2f}",
        )
        for name, use in found
    ]


def _share(found: Sequence[Journey]) -> list[str]:
    kinds: list[tuple[str, Callable[[Journey], float | None]]] = [
        ("chunk in → final caption out", caption_time),
        ("chunk in → cue frame out", cue_time),
        ("chunk in → translation called", call_time),
    ]
    rows = []
    for name, what in kinds:
        values = [value * 1000 for each in found if (value := what(each)) is not None]
        if values:
            figures = (f"{percentile(values, share):.1f}" for share in (0.5, 0.95, 1.0))
            rows.append((name, str(len(values)), *figures))
    return table(("", "phrases", "p50, ms", "p95, ms", "most, ms"), rows)


def _pictures(shown: Mapping[str, str]) -> list[str]:
    return [line for name, text in shown.items() for line in (f"![{text}](pictures/{name})", "", text, "")]


def _signatures() -> str:
    settings = "chrF nc:6 nw:0 space:no; BLEU tok:13a smooth:exp; case:mixed, one reference"
    return f"sacrebleu {sacrebleu.__version__}: {settings}."


def _settings(part: Part) -> str:
    return " ".join(f"{name}={value}" for name, value in part.settings.items())


def _limit(goal: Goal) -> str:
    return f"{'≥' if goal.least else '≤'} {goal.limit:g} {goal.unit}".strip()


def _with_unit(value: float | None, unit: str) -> str:
    return "–" if value is None else f"{value:.{1 if unit == 'ms' else 3 if not unit else 2}f} {unit}".strip()


def _drift(each: Performance, track: Track, ends: Mapping[int, float]) -> str:
    pair = drift(voice_lags(track, ends), each.length)
    return f"{pair[0]:.2f} → {pair[1]:.2f}" if pair else "–"


def _score(metric: Callable[[str, str], float], reference: str, text: str) -> str:
    return f"{metric(reference, text):.1f}" if reference and text else "–"


def _pair(spread: Spread | None) -> str:
    return f"{spread.p50:.2f} / {spread.p90:.2f}" if spread else "–"


def _middle(values: Sequence[float]) -> str:
    return f"{percentile(values, 0.5):.2f}" if values else "–"


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"
