"""What a listener hears and when, lags, and the files made of it: arithmetic on given times."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from edge.client.messages import AudioDropped, Caption, CueAudio, CueEnd, CueStart, SourceCaption
from edge.client.playback import Playback
from edge.client.report import Heard, SendLog, Spread, measure, quantile
from edge.client.screen import SOURCE, LineScreen, LiveScreen
from edge.client.webvtt import webvtt

SECOND = b"\1\0" * 16_000
CHUNK = bytes(3_200)


def start(cue: str, segment: int = 1, start_ms: int = 0, end_ms: int = 1000) -> CueStart:
    return CueStart(cue, segment, "es", 16_000, start_ms, end_ms)


def play(playback: Playback, cue: CueStart, *pieces: tuple[float, bytes]) -> None:
    playback.receive(cue, pieces[0][0])
    for at, pcm in pieces:
        playback.receive(CueAudio(cue.cue_id, pcm), at)
    playback.receive(CueEnd(cue.cue_id), pieces[-1][0])


# ---------------------------------------------------------------------- playback


def test_a_cue_plays_when_it_arrives() -> None:
    playback = Playback()
    play(playback, start("a"), (10.0, SECOND))
    assert [(cue.arrived_at, cue.plays_at, cue.seconds) for cue in playback.cues] == [(10.0, 10.0, 1.0)]


def test_a_cue_waits_for_the_end_of_the_one_before() -> None:
    playback = Playback()
    play(playback, start("a"), (10.0, SECOND), (10.1, SECOND))
    play(playback, start("b"), (10.2, SECOND))
    play(playback, start("c"), (20.0, SECOND))
    assert [cue.plays_at for cue in playback.cues] == [10.0, 12.0, 20.0]
    assert [cue.arrived_at for cue in playback.cues] == [10.0, 10.2, 20.0]
    assert playback.queued(20.25) == 0.75


def test_audio_that_comes_too_late_leaves_a_hole() -> None:
    playback = Playback()
    play(playback, start("a"), (0.0, SECOND), (1.5, SECOND))
    track = playback.render(began=0.0)
    assert track == SECOND + bytes(16_000) + SECOND


def test_the_track_has_silence_where_nothing_was_heard() -> None:
    playback = Playback()
    play(playback, start("a"), (3.0, SECOND))
    play(playback, start("b"), (3.5, SECOND))
    assert playback.render(began=2.0) == bytes(32_000) + SECOND + SECOND


def test_an_interrupted_cue_is_incomplete_and_kept() -> None:
    playback = Playback()
    playback.receive(start("a"), 1.0)
    playback.receive(CueAudio("a", SECOND), 1.0)
    playback.finish()
    playback.finish()
    assert [(cue.cue_id, cue.complete, cue.seconds) for cue in playback.cues] == [("a", False, 1.0)]


def test_a_cue_without_audio_was_not_heard() -> None:
    playback = Playback()
    playback.receive(start("a"), 1.0)
    playback.receive(CueEnd("a"), 1.0)
    assert playback.cues == []


@given(st.lists(st.tuples(st.floats(0, 2), st.integers(1, 400)), min_size=1, max_size=30))
def test_no_audio_is_lost_or_overlaid(pieces: list[tuple[float, int]]) -> None:
    playback, now = Playback(), 5.0
    for number, (pause, samples) in enumerate(pieces):
        now += pause
        play(playback, start(f"{number}"), (now, b"\1\0" * samples))
    track = playback.render(began=5.0)
    assert len(track) % 2 == 0
    assert track.count(b"\1") == sum(samples for _, samples in pieces)


# ---------------------------------------------------------------------- when something was spoken


def steady(seconds: int, began: float = 100.0) -> SendLog:
    log = SendLog()
    for number in range(seconds * 10):
        log.sent(CHUNK, began + (number + 1) * 0.1)
    return log


def test_an_offset_is_the_time_since_the_first_sample() -> None:
    log = steady(10)
    assert log.began == pytest.approx(100.0)
    for offset in (0.0, 0.05, 0.1, 3.14, 10.0, 12.5):
        assert log.spoken_at(offset) == pytest.approx(100.0 + offset)


def test_after_a_stall_offsets_count_from_what_was_sent_then() -> None:
    log = steady(1)
    log.sent(CHUNK, 105.0)
    assert log.spoken_at(1.0) == pytest.approx(101.0)
    assert log.spoken_at(1.05) == pytest.approx(104.95)
    assert log.spoken_at(1.1) == pytest.approx(105.0)


def test_nothing_sent_has_no_time() -> None:
    with pytest.raises(ValueError, match="nothing"):
        _ = SendLog().began


# ---------------------------------------------------------------------- lags


def spread(lags: Spread | None) -> tuple[float, ...]:
    assert lags is not None
    return (lags.count, lags.p50, lags.p90)


def caption(segment: int, end_ms: int, text: str = "uno dos", *, final: bool = True) -> Caption:
    return Caption(segment, "es", text, final, 0, end_ms - 500, end_ms)


def test_caption_lag_counts_from_the_end_of_speech_to_the_first_final() -> None:
    heard = Heard("es")
    heard.receive(caption(1, 1000, final=False), 100.9)
    heard.receive(caption(1, 1000), 101.5)
    heard.receive(caption(1, 1000, "uno dos tres"), 109.0)  # A correction does not make the lag longer.
    heard.receive(caption(2, 3000), 105.5)
    report = measure(steady(9), Heard("en"), [heard]).languages[0]
    assert spread(report.caption_lag) == pytest.approx((2, 1.5, 2.3))
    assert (report.captions, report.words) == (2, 5)


def test_voice_lag_counts_to_when_the_first_audio_plays() -> None:
    heard = Heard("es")
    play(heard.playback, start("a", end_ms=1000), (102.0, SECOND * 3))
    play(heard.playback, start("b", end_ms=2000), (102.5, SECOND))  # Plays at 105.
    report = measure(steady(9), Heard("en"), [heard]).languages[0]
    assert spread(report.voice_lag) == pytest.approx((2, 2.0, 2.8))
    assert report.cues == 2
    assert report.audio_seconds == pytest.approx(4.0)
    assert report.silence_share == pytest.approx(0.0)


def test_drift_compares_the_first_third_with_the_last() -> None:
    heard = Heard("es")
    for second, lag in ((1, 1.0), (2, 1.2), (3, 1.1), (5, 1.5), (7, 2.0), (8, 2.2), (9, 2.1)):
        play(heard.playback, start(f"{second}", end_ms=second * 1000), (100.0 + second + lag, b"\1\0"))
    report = measure(steady(9), Heard("en"), {"es": heard}).languages[0]
    assert report.drift is not None
    assert report.drift.first == pytest.approx(1.1)
    assert report.drift.last == pytest.approx(2.1)


def test_what_was_dropped_is_counted() -> None:
    heard = Heard("es")
    heard.receive(AudioDropped(2, 3.5), 100.0)
    heard.receive(AudioDropped(1, 1.0), 101.0)
    assert measure(steady(1), Heard("en"), [heard]).languages[0].dropped_cues == 3
    assert heard.dropped_seconds == 4.5


def test_a_talk_of_which_nothing_was_heard_has_no_lags() -> None:
    report = measure(SendLog(), Heard("en"), [Heard("es")])
    one = report.languages[0]
    assert (one.caption_lag, one.voice_lag, one.drift, one.silence_share) == (None, None, None, None)
    assert "| es | – | – | – | 0 | 0 | 0 | 0 | 0.0 s |" in report.to_markdown()


def test_the_table_shows_each_language_on_a_line() -> None:
    source, heard = Heard("en"), Heard("es")
    source.receive(SourceCaption(1, "one two", True, 0, 0, 1000), 100.0 + 1.4)
    heard.receive(caption(1, 1000), 101.5)
    play(heard.playback, start("a", end_ms=1000), (102.25, SECOND))
    lines = measure(steady(9), source, [heard]).to_markdown().splitlines()
    assert lines[2] == "| source | 0.40/0.40 |  |  |  | 2 |  |  | 9.0 s |"
    assert lines[3] == "| es | 0.50/0.50 | 1.25/1.25 | – | 1 | 2 | 1 | 0 | 1.0 s |"
    assert len({line.count("|") for line in lines}) == 1


def test_quantiles_are_linear_between_neighbours() -> None:
    assert quantile([4.0, 1.0, 3.0, 2.0], 0.5) == 2.5
    assert quantile([7.0], 0.9) == 7.0
    assert quantile([1.0, 2.0, 3.0, 4.0, 5.0], 0.9) == pytest.approx(4.6)
    with pytest.raises(ValueError, match="no values"):
        quantile([], 0.5)


# ---------------------------------------------------------------------- WebVTT


def test_captions_become_a_webvtt_file_in_order() -> None:
    heard = Heard("es")
    heard.receive(Caption(2, "es", "segundo", True, 0, 61_005, 3_723_456), 1.0)
    heard.receive(Caption(1, "es", "primero", True, 0, 0, 900), 2.0)
    assert webvtt(heard.captions.values()) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:00.900\nprimero\n\n00:01:01.005 --> 01:02:03.456\nsegundo\n"
    )


def test_text_cannot_break_out_of_its_cue() -> None:
    text = "a <b>&c\n\n00:00:01.000 --> 00:00:02.000\r\nd\0"
    body = webvtt([Caption(1, "es", text, True, 0, 0, 900)]).split("\n", 3)[3]
    assert body == "a &lt;b&gt;&amp;c 00:00:01.000 --&gt; 00:00:02.000 d\n"


def test_a_caption_without_length_gets_one_and_without_text_is_left_out() -> None:
    captions = [Caption(1, "es", "a", True, 0, 500, 500), Caption(2, "es", " \n", True, 0, 600, 700)]
    assert webvtt(captions) == "WEBVTT\n\n00:00:00.500 --> 00:00:00.501\na\n"


# ---------------------------------------------------------------------- the screen


def drawn(width: int = 60, height: int = 20) -> tuple[LiveScreen, io.StringIO]:
    out = io.StringIO()
    console = Console(file=out, width=width, height=height, force_terminal=True, color_system=None)
    return LiveScreen("en", ["es", "pt"], console), out


def test_a_later_caption_takes_the_place_of_the_earlier() -> None:
    screen, out = drawn()
    with screen:
        screen.caption(SOURCE, SourceCaption(1, "how a", False))
        screen.tick(1.0, 60.0)
        out.truncate(0)
        screen.caption(SOURCE, SourceCaption(1, "how are you", True))
        screen.caption("es", Caption(1, "es", "cómo estás", True))
        screen.voice("es", 2.345, True)
        screen.tick(61.0, 90.0)
        frame = out.getvalue()
    assert "how are you" in frame
    assert "how a how are you" not in frame
    assert "cómo estás" in frame
    assert "voice 2.3 s behind ♪" in frame
    assert "1:01 / 1:30" in frame


def test_a_full_panel_shows_the_latest_lines() -> None:
    screen, out = drawn()
    with screen:
        for number in range(60):
            screen.caption("es", Caption(number, "es", f"frase número {number}.", True))
        screen.tick(1.0, 60.0)
        frame = out.getvalue()
    assert "número 59" in frame
    assert "número 1." not in frame


def test_without_a_terminal_only_finals_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    with LineScreen("en") as screen:
        screen.tick(65.0, 90.0)
        screen.caption(SOURCE, SourceCaption(1, "how a", False))
        screen.caption(SOURCE, SourceCaption(1, "how are you", True))
        screen.caption("es", Caption(1, "es", "cómo estás", True))
        screen.voice("es", 1.0, True)
    assert capsys.readouterr().out == "1:05 en     how are you\n1:05 es     cómo estás\n"
