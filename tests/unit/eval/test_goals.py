"""Goals are read from results, and the report is made of whatever parts there are."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from edge.client import Caption, CueAudio, CueEnd, CueStart, Event
from tests.eval import goals, report
from tests.eval.__main__ import main
from tests.eval.records import Journey, Part, Performance, Track, load
from tests.eval.share import Moment, journey
from tests.unit.eval.broadcasts import shown, two_segments, voiced


def part(name: str, performances: Sequence[Performance] = (), journeys: Sequence[Journey] = (), **other: str) -> Part:
    engines = other.get("engines", "local")
    return Part(
        name, "today", "a machine", "abc", engines, {}, {}, False, 1.0, list(performances), journeys=list(journeys)
    )


def measured(parts: dict[str, Part], text: str) -> float | None:
    (goal,) = [each for each in goals.GOALS if each.text == text]
    return goal.measure(parts)


@pytest.fixture
def clean() -> dict[str, Part]:
    partial = two_segments()
    final_only = replace(partial, name=goals.FINAL_ONLY, tracks={"es": later(partial, 1.5)})
    return {"clean": part("clean", [partial, final_only])}


def later(talk: Performance, seconds: float) -> Track:
    track = talk.tracks["es"]
    return replace(track, cues=[replace(cue, plays_at=cue.plays_at + seconds) for cue in track.cues])


def test_goals_of_the_clean_talk_are_read_from_its_performances(clean: dict[str, Part]) -> None:
    assert measured(clean, "source WER of clean read speech") == 0.0
    assert measured(clean, "caption lag p50, one language") == pytest.approx(1.25)
    assert measured(clean, "voice lag p50, one language") == pytest.approx(2.0)
    assert measured(clean, "voice lag p90, one language") == pytest.approx(2.5)
    assert measured(clean, "partials' voice ahead of final-only, p50") == pytest.approx(1.5)
    assert measured(clean, "partials' chrF over final-only's") == pytest.approx(1.0)
    # "Good mourning" loses a word to "Good morning everyone."; six words are final.
    assert measured(clean, "normalised erasure, source captions") == pytest.approx(1 / 6)


def test_what_was_not_run_is_not_measured_and_not_met(clean: dict[str, Part]) -> None:
    for verdict in report.verdicts(clean):
        if verdict.goal.part != "clean":
            assert (verdict.value, verdict.met, verdict.word) == (None, False, "not measured")


def test_a_figure_at_its_limit_meets_the_goal() -> None:
    most = goals.Goal("lag", "clean", 2.5, "s", lambda _: 2.5)
    least = goals.Goal("ahead", "clean", 1.0, "s", lambda _: 0.9, least=True)
    assert report.Verdict(most, 2.5).met
    assert not report.Verdict(least, 0.9).met
    assert report.Verdict(most, 0.0).met


def test_our_share_leaves_out_voices_that_had_to_wait() -> None:
    found = [Journey(0.01, 0.02, None, waited=False), Journey(0.01, 1.0, None, waited=True)]
    found += [Journey(None, None, 0.005, waited=False), Journey(None, None, 0.004, waited=True)]
    parts = {"share": part("share", journeys=found)}
    assert measured(parts, "our share: audio chunk in → cue frame out, p95") == pytest.approx(20.0)
    assert measured(parts, "our share: transcript → translation called, p95") == pytest.approx(5.0)


def test_a_phrase_that_brings_nothing_counts_as_endless() -> None:
    lost = Journey(None, None, None, waited=False)
    some = [Journey(0.01, 0.02, None, waited=False)] * 20 + [Journey(None, None, 0.005, waited=False)] * 20
    for journeys, cue, call in (([*some, lost], 20.0, 5.0), ([*some, lost, lost], math.inf, math.inf)):
        parts = {"share": part("share", journeys=journeys)}
        assert measured(parts, "our share: audio chunk in → cue frame out, p95") == pytest.approx(cue)
        assert measured(parts, "our share: transcript → translation called, p95") == pytest.approx(call)


def test_corrections_do_not_better_the_voice(clean: dict[str, Part]) -> None:
    talk = clean["clean"].performances[0]
    corrected = shown(2, "Vamos a empezar ya.", 9.0, final=True, start=3.5, end=6.1)
    track = replace(talk.tracks["es"], captions=[*talk.tracks["es"].captions, corrected])
    assert (track.text(), track.spoken_text()) == ("Buenos días a todos. Vamos a empezar ya.", talk.tracks["es"].text())
    parts = {"clean": part("clean", [replace(talk, tracks={"es": track}), clean["clean"].performances[1]])}
    assert measured(parts, "partials' chrF over final-only's") == pytest.approx(1.0)


def test_drift_of_less_than_ten_minutes_meets_no_goal(clean: dict[str, Part]) -> None:
    talk = replace(clean["clean"].performances[0], name=goals.LONG)
    for length, known in ((599.0, False), (600.0, True)):
        late = replace(talk, length=length, tracks={"es": replace(talk.tracks["es"], cues=[voiced(1, 5.0)])})
        late.source.captions.append(shown(3, "Um.", 595.0, final=True, end=590.0))
        late.tracks["es"].cues.append(voiced(3, 592.0))
        found = measured({"drift": part("drift", [late])}, "drift: voice lag p95, last five minutes / first five")
        assert (found is not None) is known


def test_what_a_listener_did_not_get_is_told(clean: dict[str, Part], tmp_path: Path) -> None:
    talk = two_segments()
    track = replace(
        talk.tracks["es"], cues=[replace(voiced(1, 5.0), complete=False)], failures=["SYNTHESIS_FAILED"] * 2
    )
    assert talk.tracks["es"].shortfall() == {}
    assert replace(track, dropped_cues=1).shortfall() == {"broken off": 1, "SYNTHESIS_FAILED": 2}
    part("clean", [replace(talk, tracks={"es": track})]).save(tmp_path)
    report.write(tmp_path)
    text = (tmp_path / "report.md").read_text("utf-8")
    assert "one language, es: without voice 1, broken off 1, SYNTHESIS_FAILED 2." in text


def test_a_journey_ends_with_the_first_caption_and_the_first_frame_after_the_chunk() -> None:
    def cue(number: int, at: float) -> list[tuple[float, Event]]:
        start = CueStart(f"{number}-es", number, "es", 16_000)
        return [(at, start), (at, CueAudio(f"{number}-es", bytes(32_000))), (at, CueEnd(f"{number}-es"))]

    arrived = [
        *cue(1, 8.0),  # It plays until 9.0.
        (9.9, Caption(2, "es", "Hol", False)),
        (10.1, Caption(2, "es", "Hola", False)),
        (10.25, Caption(2, "es", "Hola.", True)),
        *cue(2, 10.5),
        *cue(3, 13.0),
    ]
    found = journey(Moment(10.0, 1000.0), arrived, [999.0, 1000.125, 1003.0])
    assert found == Journey(caption=0.25, cue=0.5, translation=0.125, waited=False)
    assert journey(Moment(10.75, 0.0), arrived, []).waited
    assert journey(Moment(10.0, 1000.0), arrived, [999.5]).translation == 0.0
    assert journey(Moment(10.0, 1000.0), arrived, [997.5, 1003.0]).translation is None


def test_results_come_back_as_they_were_saved(clean: dict[str, Part], tmp_path: Path) -> None:
    clean["clean"].save(tmp_path)
    assert load(tmp_path / "clean.json") == clean["clean"]


def test_the_report_is_made_of_whatever_there_is(clean: dict[str, Part], tmp_path: Path) -> None:
    report.write(tmp_path)
    assert "Nothing has been measured." in (tmp_path / "report.md").read_text("utf-8")
    clean["clean"].save(tmp_path)
    part("share", journeys=[Journey(0.01, 0.02, 0.003, waited=False)], engines="scripted").save(tmp_path)
    report.write(tmp_path)
    text = (tmp_path / "report.md").read_text("utf-8")
    assert "| voice lag p50, one language | ≤ 2.5 s | 2.00 s | met |" in text
    assert "| drift: voice lag p95, last five minutes / first five | ≤ 1.2 | – | not measured |" in text
    for name in ("lags.png", "lag.png", "tempo.png", "cpu.png"):
        assert f"(pictures/{name})" in text
        assert (tmp_path / "pictures" / name).read_bytes().startswith(b"\x89PNG")


def test_stand_ins_and_scripted_engines_are_never_scored(tmp_path: Path) -> None:
    part("amazon", [replace(two_segments(), name=goals.AMAZON)], engines="aws").save(tmp_path)
    report.write(tmp_path)
    (row,) = [
        line
        for line in (tmp_path / "report.md").read_text("utf-8").splitlines()
        if line.startswith("| Amazon's pace: es")
    ][:1]
    assert row.endswith("| – | – |")
    assert not (tmp_path / "logs").exists()


def test_a_missed_goal_fails_only_where_it_is_asked_for(clean: dict[str, Part], tmp_path: Path) -> None:
    clean["clean"].save(tmp_path)
    assert not report.Verdict(goals.GOALS[1], goals.GOALS[1].measure(clean)).met
    assert main(["--report", "--out", str(tmp_path)]) == 0
    assert main(["--report", "--check", "--out", str(tmp_path)]) == 1


def test_a_part_that_cannot_be_run_is_told_and_leaves_the_others_results(
    clean: dict[str, Part], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clean["clean"].save(tmp_path)
    monkeypatch.setenv("LINGOCAST_DATA", str(tmp_path / "nothing"))
    recordings = tmp_path / "recordings"
    (recordings / "talk").mkdir(parents=True)
    (recordings / "talk" / "trans.txt").write_text("")
    assert main(["--only", "drift", "--recordings", str(recordings), "--out", str(tmp_path)]) == 1
    assert "drift failed" in capsys.readouterr().err
    assert "| voice lag p50, one language | ≤ 2.5 s | 2.00 s | met |" in (tmp_path / "report.md").read_text("utf-8")
