"""Flaws put into recordings of real voices by known amounts, and found (T8).

Each test says what was measured with the seven recordings at hand; the limits asserted leave room for others. With `-s`
the figures are printed.
"""

import time
from functools import cache

import numpy as np
import pytest

from chassis.pcm import SAMPLE_RATE, Samples, samples
from tests import recordings
from tests.alterations import active_power, babble, clipped, echoing, gain, in_room, noisy, pink, rounded, white
from transcription_svc.domain.dynamics import DynamicsMeter
from transcription_svc.domain.frames import Blocks
from transcription_svc.domain.quality import Change, Issue, QualityMonitor, QualityWarning

# Short recordings are played over again: an echo needs 9 s to be judged as exactly as it can be.
LEAST_SECONDS, MOST_SECONDS = 20.0, 30.0
ROOMS = {
    "office": ((4.0, 5.0, 2.7), (1.5, 2.0, 1.2), (1.9, 2.2, 1.0), 0.7),
    "far away in a meeting room": ((6.0, 8.0, 3.0), (1.5, 2.0, 1.5), (4.0, 5.0, 1.2), 0.8),
    "hall": ((12.0, 20.0, 5.0), (6.0, 3.0, 1.6), (6.3, 3.4, 1.4), 0.85),
    "church": ((15.0, 30.0, 10.0), (7.0, 4.0, 1.7), (7.5, 4.5, 1.6), 0.9),
}


@cache
def talks() -> dict[str, Samples]:
    found = {}
    for recording in recordings.present():
        wave = samples(recording.audio)
        # At the same headroom, so that nothing done to it clips by itself.
        wave = wave / np.float32(np.abs(wave).max() * 2)
        found[recording.name] = np.resize(
            wave, round(min(max(len(wave) / SAMPLE_RATE, LEAST_SECONDS), MOST_SECONDS) * SAMPLE_RATE)
        )
    return found


class Hearing:
    """What a monitor made of a wave."""

    def __init__(self, wave: Samples) -> None:
        monitor = QualityMonitor()
        self.told: list[Change] = []
        self.ratios: list[float] = []
        for block in Blocks().add(wave, 0.0):
            self.told += monitor.add(block)
            if monitor.snr is not None:
                self.ratios.append(monitor.snr)

    @property
    def warnings(self) -> dict[Issue, QualityWarning]:
        return {change.issue: change for change in self.told if isinstance(change, QualityWarning)}

    @property
    def ratio(self) -> float:
        return float(np.mean(self.ratios))


@cache
def own_ratio(name: str) -> float:
    """The recording's own, dB: what is added comes on top of it."""
    return Hearing(talks()[name]).ratio


def noise_for(kind: str, name: str, count: int) -> Samples:
    if kind == "babble":
        others = [wave for other, wave in talks().items() if other != name]
        return babble(count, others) if len(others) >= 3 else pink(count)
    return white(count) if kind == "white" else pink(count)


def test_recordings_as_they_are_have_no_flaw() -> None:
    """Own ratios, dB: 50 to 60 of those with digital silence in the pauses, 25 to 28 of the others; no mean of 5 s is
    below 22."""
    for name, wave in talks().items():
        hearing = Hearing(wave)
        print(f"{name}: {hearing.ratio:.1f} dB, lowest {min(hearing.ratios):.1f}")
        assert hearing.told == []


@pytest.mark.parametrize("kind", ["white", "pink", "babble"])
@pytest.mark.parametrize("ratio", [5.0, 20.0, 30.0])
def test_the_ratio_is_that_of_the_noise_added(kind: str, ratio: float) -> None:
    """Mean error over a talk, dB, lowest .. highest of seven, against what was added and the recording's own noise:

                5 dB          10 dB         20 dB         30 dB
    white       +0.4 .. +1.3  -0.8 .. -0.0  -1.6 .. -0.9  -2.2 .. -0.4
    pink        +1.3 .. +1.8  +0.2 .. +0.8  -0.7 .. +0.2  -1.4 .. +0.4
    babble      +4.1 .. +5.6  +2.3 .. +4.2  +0.8 .. +4.8  -0.1 .. +4.8

    Babble of six voices rests, too; between its words it is fainter than its mean.
    """
    for name, wave in talks().items():
        measured = Hearing(noisy(wave, noise_for(kind, name, len(wave)), ratio)).ratio
        truth = -10 * np.log10(10 ** (-ratio / 10) + 10 ** (-own_ratio(name) / 10))
        print(f"{kind} {ratio:.0f} dB {name}: {measured - truth:+.1f}")
        assert truth - 3.0 < measured < ratio + (7.0 if kind == "babble" else 3.0)


@pytest.mark.parametrize("kind", ["white", "pink"])
def test_noise_is_told_where_the_ratio_is_below_the_threshold(kind: str) -> None:
    """20 dB by default, and what lies between 17 and 23 may be told or not."""
    for name, wave in talks().items():
        noise = noise_for(kind, name, len(wave))
        warning = Hearing(noisy(wave, noise, 16.0)).warnings[Issue.SNR_LOW]
        assert warning.value < warning.threshold == 20.0
        if own_ratio(name) > 30.0:
            assert Issue.SNR_LOW not in Hearing(noisy(wave, noise, 24.0)).warnings


@pytest.mark.parametrize("delay", [0.03, 0.123, 0.3037, 0.48])
def test_an_echo_is_told_with_its_level(delay: float) -> None:
    """All are told from -12 dB up, none at -20. Error of the level told, dB, lowest .. highest of seven talks:

              -5 dB         -8 dB         -12 dB
    30 ms     -0.4 .. +0.1  -0.2 .. +0.3  -0.4 .. +0.4
    50 ms     -0.6 .. +0.2  -0.4 .. +0.5  -0.5 .. +0.8
    123 ms    -1.0 .. +0.2  -0.6 .. +0.6  -0.3 .. +0.9
    200 ms    -1.4 .. -0.1  -0.9 .. +0.5  -0.6 .. +0.9
    304 ms    -3.2 .. -0.9  -2.2 .. +0.1  -1.0 .. +0.8
    400 ms    -3.4 .. -0.8  -2.3 .. +0.4  -0.6 .. +1.2
    480 ms    -3.5 .. -0.8  -1.9 .. +0.4  -0.8 .. +1.2
    """
    for decibels in (-5.0, -12.0, -20.0):
        for name, wave in talks().items():
            warnings = Hearing(echoing(wave, delay, decibels)).warnings
            found = warnings.get(Issue.ECHO)
            if found is not None:
                print(f"{delay * 1000:.0f} ms {decibels:.0f} dB {name}: {found.value - decibels:+.1f}")
            assert (found is not None) is (decibels > -15.0), (name, decibels)
            assert found is None or found.value == pytest.approx(decibels, abs=4.0)


def test_an_echo_within_25_ms_has_to_be_strong() -> None:
    """-8 dB at 20 ms and -5 dB at 13 ms are told; what is fainter may be a room or the voice itself."""
    for wave in talks().values():
        assert Issue.ECHO in Hearing(echoing(wave, 0.02, -7.0)).warnings
        assert Issue.ECHO not in Hearing(echoing(wave, 0.02, -14.0)).warnings


def test_an_echo_is_found_in_noise_and_when_it_sounds_tinny() -> None:
    """-8 dB at 150 ms, through a loudspeaker without lows and highs, in noise 15 dB below the voice."""
    for name, wave in talks().items():
        spectrum = np.fft.rfft(wave)
        hertz = np.fft.rfftfreq(len(wave), 1 / SAMPLE_RATE)
        tinny = np.fft.irfft(spectrum * ((hertz > 300) & (hertz < 3400)), len(wave)).astype(np.float32)
        echo = echoing(tinny, 0.15, -8.0) - tinny
        assert Issue.ECHO in Hearing(noisy(wave + echo, white(len(wave)), 15.0)).warnings, name


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_is_no_echo(room: str) -> None:
    """Image-source rooms with direct sound 8 dB above (office, hall, church) to 9 dB below its reflections."""
    for wave in talks().values():
        warnings = Hearing(in_room(wave, *ROOMS[room])).warnings
        assert not warnings.keys() - {Issue.SNR_LOW}


@pytest.mark.parametrize("share", [0.003, 0.05])
@pytest.mark.parametrize("softer", [0.0, -20.0])
def test_clipping_is_told_also_when_it_was_made_softer(share: float, softer: float) -> None:
    """All told within 12 s. The share told is that of the clipped windows: 0.02 to 0.1 where all samples have 0.01."""
    for name, wave in talks().items():
        found = Hearing(rounded(gain(clipped(wave, share), softer))).warnings.get(Issue.CLIPPING)
        if softer < -10.0 and found is None and np.abs(gain(clipped(wave, share), softer)).max() < 0.1:
            continue
        assert found is not None, name
        print(f"{share} {softer:.0f} dB {name}: {found.value:.3f}")
        assert found.value > 0.01


def test_loud_is_not_clipped() -> None:
    """Normalised to full scale to the sample, or a limiter's doing: ten times as loud through a smooth curve."""
    for wave in talks().values():
        loudest = wave / np.abs(wave).max()
        for loud in (rounded(loudest), rounded(np.tanh(loudest * 3) * np.float32(0.95))):
            assert Issue.CLIPPING not in Hearing(loud).warnings


@pytest.mark.parametrize("level", [-120.0, -60.0])
def test_silence_within_a_talk_is_told_and_over(level: float) -> None:
    for wave in talks().values():
        # As loud as a talk should be: one at -36 dBFS lies partly under the limit for silence.
        speech = gain(wave, -20.0 - 10 * np.log10(active_power(wave)))[: 10 * SAMPLE_RATE]
        rest = gain(white(8 * SAMPLE_RATE), level)
        told = [
            change for change in Hearing(np.concatenate([speech, rest, speech])).told if change.issue is Issue.SILENCE
        ]
        assert [isinstance(change, QualityWarning) for change in told] == [True, False]


@pytest.mark.parametrize(("issue", "begin", "end"), [(Issue.SNR_LOW, 12.0, 12.0), (Issue.ECHO, 8.0, 15.0)])
def test_a_flaw_that_begins_in_a_talk_is_told_and_over_in_time(issue: Issue, begin: float, end: float) -> None:
    """From 20 to 40 s of a minute. Noise at 10 dB is told after 7 to 10 s and over after 2 to 9; an echo of -8 dB after
    4 s, over after 6 to 13."""
    for name, wave in talks().items():
        usual = np.resize(wave, 60 * SAMPLE_RATE)
        flawed = (
            noisy(usual, white(len(usual)), 10.0)
            if issue is Issue.SNR_LOW
            else echoing(usual, delay=0.2, decibels=-8.0)
        )
        at = np.arange(len(usual)) / SAMPLE_RATE
        monitor, told = QualityMonitor(), list[tuple[float, bool]]()
        for block in Blocks().add(np.where((at >= 20.0) & (at < 40.0), flawed, usual), 0.0):
            mine = [change for change in monitor.add(block) if change.issue is issue]
            told += [(block.end, isinstance(change, QualityWarning)) for change in mine]
        (begun, warning), (over, still_there) = told
        assert (warning, still_there) == (True, False), name
        assert 20.0 < begun < 20.0 + begin, name
        assert 40.0 < over < 40.0 + end, name


def test_all_analyses_cost_less_than_one_percent_of_a_processor() -> None:
    """Dynamics among them: 0.12 ms for 100 ms of sound on an idle machine, 0.26 on a busy one. Not the wall's time."""
    wave = np.resize(next(iter(talks().values())), 60 * SAMPLE_RATE)
    ears = Blocks(), DynamicsMeter("en"), QualityMonitor()
    began = time.process_time()
    for at in range(0, len(wave), 1600):
        for block in ears[0].add(wave[at : at + 1600], at / SAMPLE_RATE):
            ears[1].add(block)
            ears[2].add(block)
    for start in range(0, 60, 5):
        ears[1].measure(start, start + 5.0)
    spent = time.process_time() - began
    print(f"{spent / 600 * 1e6:.0f} µs for 100 ms of sound")
    assert spent < 0.01 * 60.0


def test_whatever_else_is_wrong_a_gain_changes_no_ratio() -> None:
    for wave in talks().values():
        noise = noisy(wave, white(len(wave)), 20.0)
        assert Hearing(gain(noise, -12.0)).ratio == pytest.approx(Hearing(noise).ratio, abs=0.2)
