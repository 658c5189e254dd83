"""What a speaker is told about the sound, and when (T8), on signals made for it."""

from collections.abc import Iterable

import numpy as np
import pytest

from chassis.pcm import SAMPLE_RATE, Samples
from tests.alterations import babble, gain, pink, rounded, still, talk, voice, white
from transcription_svc.domain.frames import Blocks
from transcription_svc.domain.quality import ADVICE, Issue, QualityMonitor, QualityWarning


class Speaker:
    """Sound after sound into one monitor; `told`: (second, issue, warning or not)."""

    def __init__(self, snr_db: float = 20.0) -> None:
        self.monitor = QualityMonitor(snr_db)
        self.warnings: list[QualityWarning] = []
        self.told: list[tuple[float, Issue, bool]] = []
        self._blocks = Blocks()
        self.now = 0.0

    def makes(self, *waves: Samples, chunk: int = 1600) -> "Speaker":
        for wave in waves:
            for at in range(0, len(wave), chunk):
                self._hear(wave[at : at + chunk])
        return self

    def pauses(self, seconds: float) -> "Speaker":
        self.now += seconds
        return self

    def _hear(self, wave: Samples) -> None:
        for block in self._blocks.add(wave, self.now):
            for change in self.monitor.add(block):
                warning = isinstance(change, QualityWarning)
                self.told.append((round(block.end, 3), change.issue, warning))
                if isinstance(change, QualityWarning):
                    self.warnings.append(change)
        self.now += len(wave) / SAMPLE_RATE

    def of(self, issue: Issue) -> list[tuple[float, bool]]:
        return [(at, warning) for at, kind, warning in self.told if kind is issue]


def only(speaker: Speaker) -> set[Issue]:
    return {issue for _, issue, _ in speaker.told}


def test_a_clean_voice_is_told_nothing() -> None:
    assert Speaker().makes(talk(60.0)).told == []


# Silence.


def test_silence_is_told_after_five_seconds_with_what_to_do() -> None:
    speaker = Speaker().makes(talk(3.0), still(10.0))
    assert speaker.of(Issue.SILENCE) == [(8.0, True)]
    warning = speaker.warnings[0]
    assert (warning.threshold, warning.advice) == (-50.0, ADVICE[Issue.SILENCE])
    assert warning.value == pytest.approx(-117.0, abs=1.0)


def test_silence_is_over_with_the_first_sound() -> None:
    speaker = Speaker().makes(still(6.0), talk(3.0))
    assert [warning for _, warning in speaker.of(Issue.SILENCE)] == [True, False]
    assert 6.0 < speaker.of(Issue.SILENCE)[1][0] < 7.5


@pytest.mark.parametrize(("level", "told"), [(-49.0, False), (-51.0, True)])
def test_silence_is_what_lies_below_fifty_decibels(level: float, told: bool) -> None:
    assert bool(Speaker().makes(still(12.0, level)).of(Issue.SILENCE)) is told


def test_between_forty_and_fifty_decibels_silence_neither_begins_nor_ends() -> None:
    speaker = Speaker().makes(still(4.9), still(30.0, -45.0))
    assert speaker.told == []
    speaker.makes(still(0.2), still(9.0, -45.0))
    assert [warning for _, warning in speaker.of(Issue.SILENCE)] == [True]
    speaker.makes(still(1.0, -38.0))
    assert [warning for _, warning in speaker.of(Issue.SILENCE)] == [True, False]


def test_a_pause_is_no_silence() -> None:
    """While the speaker has paused no audio comes; what is counted begins anew behind it."""
    speaker = Speaker().makes(talk(3.0), still(4.0)).pauses(60.0).makes(still(4.0), talk(3.0))
    assert speaker.of(Issue.SILENCE) == []


def test_silence_that_goes_on_is_told_again_each_minute() -> None:
    speaker = Speaker().makes(still(200.0))
    assert speaker.of(Issue.SILENCE) == [(5.0, True), (65.0, True), (125.0, True), (185.0, True)]


# At most once a minute.


def test_a_flaw_that_comes_and_goes_is_told_once_a_minute() -> None:
    speaker = Speaker()
    for _ in range(12):
        speaker.makes(still(6.0), still(4.0, -30.0))
    warnings = [at for at, warning in speaker.of(Issue.SILENCE) if warning]
    assert len(warnings) == 2
    assert warnings[1] - warnings[0] >= 60.0
    assert sum(not warning for _, warning in speaker.of(Issue.SILENCE)) == 2


def test_each_kind_has_its_own_minute() -> None:
    speaker = Speaker().makes(still(6.0), np.clip(talk(6.0) * 20, -1.0, 1.0))
    assert {issue for _, issue, warning in speaker.told if warning} >= {Issue.SILENCE, Issue.CLIPPING}


# Clipping.


def test_repeated_clipping_is_told_and_is_over_after_five_seconds_without() -> None:
    speaker = Speaker().makes(talk(4.0), rounded(talk(3.0, level=3.0)), talk(9.0))
    begun, over = speaker.of(Issue.CLIPPING)
    assert begun[1]
    assert 4.3 < begun[0] < 5.5
    assert not over[1]
    assert 11.9 < over[0] < 12.5
    assert speaker.warnings[0].value > speaker.warnings[0].threshold == 0.01


def test_one_plosive_is_not_told() -> None:
    burst = talk(6.0)
    burst[3 * SAMPLE_RATE + 100 : 3 * SAMPLE_RATE + 500] = 1.0
    assert Speaker().makes(burst).told == []


@pytest.mark.parametrize(("share", "told"), [(0.009, False), (0.011, True)])
def test_one_sample_in_a_hundred_may_be_at_full_scale(share: float, told: bool) -> None:
    wave = talk(6.0)
    single = round(1 / share)
    wave[::single] = 0.985
    assert (Issue.CLIPPING in only(Speaker().makes(wave))) is told


def test_a_voice_normalised_to_full_scale_is_not_clipped() -> None:
    wave = talk(20.0)
    assert Speaker().makes(rounded(wave / np.abs(wave).max() * np.float32(0.9999))).told == []


@pytest.mark.parametrize("decibels", [-3.0, -12.0, -18.0])
def test_what_was_clipped_and_made_softer_afterwards_is_told(decibels: float) -> None:
    clipped = rounded(gain(rounded(talk(6.0, level=1.0)), decibels))
    assert Issue.CLIPPING in only(Speaker().makes(clipped))


@pytest.mark.parametrize("hertz", [50.0, 110.0, 440.0, 3000.0])
@pytest.mark.parametrize("level", [0.01, 0.1, 0.5, 0.97])
def test_a_tone_is_neither_clipped_nor_an_echo(hertz: float, level: float) -> None:
    at = np.arange(20 * SAMPLE_RATE) / SAMPLE_RATE
    tone = rounded(np.asarray(level * np.sin(2 * np.pi * hertz * at), np.float32))
    assert not only(Speaker().makes(tone)) & {Issue.CLIPPING, Issue.ECHO}


# Echo.


def test_periods_are_no_echo() -> None:
    """Hum and its harmonics, a monotone voice of steady rhythm: all come back after their period, and after two."""
    at = np.arange(20 * SAMPLE_RATE) / SAMPLE_RATE
    hum = np.sign(np.sin(2 * np.pi * 50 * at)) * 0.05
    for wave in (hum, voice(20.0, 4.0), voice(20.0, 5.0, pitch=90.0), talk(20.0) + hum * 0.1):
        sound = np.asarray(wave, np.float32) + still(20.0, -65.0)
        assert Issue.ECHO not in only(Speaker().makes(sound))


def test_an_echo_that_feeds_itself_is_told() -> None:
    """Loudspeaker into microphone into loudspeaker: 120 ms, and again, and again."""
    wave, shift = talk(20.0, level=0.05), round(0.12 * SAMPLE_RATE)
    for start in range(shift, len(wave), shift):
        end = min(start + shift, len(wave))
        wave[start:end] += 0.5 * wave[start - shift : end - shift]
    speaker = Speaker().makes(wave)
    assert [warning for _, warning in speaker.of(Issue.ECHO)] == [True]
    assert speaker.warnings[0].threshold == -15.0
    assert speaker.warnings[0].value == pytest.approx(-6.0, abs=2.0)


def test_an_echo_is_over_when_it_is_gone() -> None:
    dry = talk(20.0)
    wet = dry + np.concatenate([np.zeros(3200, np.float32), 0.4 * dry[:-3200]])
    speaker = Speaker().makes(wet, dry)
    assert [warning for _, warning in speaker.of(Issue.ECHO)] == [True, False]


# Noise.


def test_noise_is_told_and_over_with_its_figures() -> None:
    noisy, clean = talk(20.0) + still(20.0, -30.0), talk(20.0)
    speaker = Speaker().makes(noisy, clean)
    assert [warning for _, warning in speaker.of(Issue.SNR_LOW)] == [True, False]
    assert (speaker.warnings[0].threshold, speaker.warnings[0].advice) == (20.0, ADVICE[Issue.SNR_LOW])
    assert 5.0 < speaker.warnings[0].value < 20.0


@pytest.mark.parametrize(("threshold", "told"), [(10.0, False), (40.0, True)])
def test_the_threshold_is_the_one_that_was_set(threshold: float, told: bool) -> None:
    """The same voice about 25 dB above its noise."""
    speaker = Speaker(threshold).makes(talk(20.0) + still(20.0, -43.0))
    assert (Issue.SNR_LOW in only(speaker)) is told


@pytest.mark.parametrize("noise", [white, pink])
def test_a_room_in_which_nobody_speaks_has_no_ratio(noise: object) -> None:
    assert callable(noise)
    speaker = Speaker().makes(gain(noise(30 * SAMPLE_RATE), -35.0))
    assert speaker.monitor.snr is None
    assert Issue.SNR_LOW not in only(speaker)


def test_seconds_of_digital_silence_are_no_proof_of_a_quiet_room() -> None:
    """As when the client mutes by sending zeros."""
    noisy = talk(12.0) + still(12.0, -30.0)
    speaker = Speaker()
    for _ in range(5):
        speaker.makes(noisy, np.zeros(3 * SAMPLE_RATE, np.float32))
    assert [warning for _, warning in speaker.of(Issue.SNR_LOW)] == [True, True]


def test_a_gate_that_silences_the_pauses_between_words_is_no_noise() -> None:
    wave = talk(30.0)
    gated = np.where(np.arange(len(wave)) / SAMPLE_RATE % 3.0 > 0.5, wave, np.float32(0))
    assert Speaker().makes(np.asarray(gated, np.float32)).told == []


def test_faint_voices_in_a_pause_are_not_taken_for_the_speaker() -> None:
    others = gain(babble(30 * SAMPLE_RATE, [talk(7.0), talk(5.0), talk(9.0)]), -50.0)
    speaker = Speaker().makes(talk(20.0) + others[: 20 * SAMPLE_RATE], others[: 3 * SAMPLE_RATE])
    before = speaker.monitor.snr
    assert before is not None
    assert speaker.makes(others[3 * SAMPLE_RATE : 15 * SAMPLE_RATE]).monitor.snr == before


def test_there_are_two_estimates_a_second() -> None:
    monitor, changes = QualityMonitor(), list[float]()
    last: float | None = None
    for block in Blocks().add(talk(20.0) + still(20.0, -40.0), 0.0):
        monitor.add(block)
        if monitor.snr != last:
            last = monitor.snr
            changes.append(block.end)
    assert np.diff(changes).max() == pytest.approx(0.5)


# Chunks, gaps, hours.


def changes(waves: Iterable[Samples], chunk: int) -> list[tuple[float, Issue, bool]]:
    return Speaker().makes(*waves, chunk=chunk).told


def test_the_size_of_chunks_changes_nothing() -> None:
    waves = [np.concatenate([talk(12.0) + still(12.0, -30.0), still(7.0), rounded(talk(4.0, level=3.0))])]
    expected = changes(waves, 1600)
    assert len(expected) >= 4
    for chunk in (320, 777, 1601, 16_000):
        assert changes(waves, chunk) == expected


def test_gaps_of_any_length_are_survived() -> None:
    speaker, wave = Speaker(), talk(1.0)
    for gap in (0.05, 0.1, 0.3, 7.0, 3600.0) * 8:
        speaker.makes(wave).pauses(gap)
    assert Issue.SILENCE not in only(speaker)
    assert Issue.ECHO not in only(speaker)
