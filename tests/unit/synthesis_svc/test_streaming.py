"""A voice that is heard while it is made: levelled, trimmed, and the same however it is cut into blocks."""

import numpy as np
import pytest

from chassis.pcm import SAMPLE_RATE, Samples, samples
from synthesis_svc.domain.sound import ACTIVE_DBFS, active_dbfs
from synthesis_svc.domain.streaming import Levels, Polish


def tone(seconds: float, amplitude: float) -> Samples:
    count = np.arange(round(seconds * SAMPLE_RATE))
    return (amplitude * np.sin(2 * np.pi * 200 * count / SAMPLE_RATE)).astype(np.float32)


def quiet(seconds: float) -> Samples:
    return np.zeros(round(seconds * SAMPLE_RATE), np.float32)


def pushed(polish: Polish, wave: Samples, block: int) -> list[bytes]:
    return [polish.push(wave[at : at + block]) for at in range(0, wave.size, block)]


@pytest.mark.parametrize("amplitude", [0.02, 0.1, 0.5])
@pytest.mark.parametrize("gain_db", [-12.0, 0.0, 6.0])
def test_every_voice_comes_out_at_one_level(amplitude: float, gain_db: float) -> None:
    polish = Polish(Levels(), "voice", gain_db)
    audio = b"".join([*pushed(polish, tone(2.0, amplitude), 1600), polish.finish()])
    assert active_dbfs(samples(audio)) == pytest.approx(ACTIVE_DBFS + gain_db, abs=0.3)


def test_silence_at_the_ends_goes_and_inside_stays() -> None:
    wave = np.concatenate([quiet(0.4), tone(1.2, 0.1), quiet(0.5), tone(0.3, 0.1), quiet(0.7)])
    polish = Polish(Levels(), "voice", 0.0)
    audio = b"".join([*pushed(polish, wave, 1000), polish.finish()])
    assert len(audio) / 2 / SAMPLE_RATE == pytest.approx(0.03 + 1.2 + 0.5 + 0.3 + 0.06, abs=0.02)


@pytest.mark.parametrize("block", [1, 77, 160, 1600, 40_000])
def test_the_blocks_do_not_matter(block: int) -> None:
    wave = np.concatenate([quiet(0.213), tone(1.3, 0.1), quiet(0.2), tone(0.1, 0.05), quiet(0.3)])[: 1 << 15]
    expected = Polish(Levels(), "voice", 0.0)
    whole = expected.push(wave) + expected.finish()
    polish = Polish(Levels(), "voice", 0.0)
    assert b"".join([*pushed(polish, wave, block), polish.finish()]) == whole


def test_a_voice_that_is_known_leaves_at_once() -> None:
    levels = Levels()
    unknown = pushed(Polish(levels, "voice", 0.0), tone(1.5, 0.1), 1600)
    known = pushed(Polish(levels, "voice", 0.0), tone(1.5, 0.1), 1600)
    assert not any(unknown[:9])
    assert all(known)
    assert b"".join(known) == b"".join(unknown)


def test_levels_are_kept_apart() -> None:
    levels = Levels()
    for key, amplitude in (("loud", 0.4), ("soft", 0.02)):
        polish = Polish(levels, key, 0.0)
        pushed(polish, tone(1.5, amplitude), 1600)
    for key, amplitude in (("loud", 0.4), ("soft", 0.02)):
        polish = Polish(levels, key, 0.0)
        audio = polish.push(tone(0.5, amplitude)) + polish.finish()
        assert active_dbfs(samples(audio)) == pytest.approx(ACTIVE_DBFS, abs=0.3)


def test_a_word_teaches_no_level_yet_comes_out_at_it() -> None:
    levels = Levels()
    polish = Polish(levels, "voice", 0.0)
    audio = polish.push(tone(0.3, 0.02)) + polish.finish()
    assert active_dbfs(samples(audio)) == pytest.approx(ACTIVE_DBFS, abs=0.3)
    assert levels.known("voice") is None


def test_nothing_but_silence_gives_nothing_and_is_not_kept() -> None:
    polish = Polish(Levels(), "voice", 0.0)
    assert not any(pushed(polish, quiet(30.0), 1600))
    assert polish._held.size < SAMPLE_RATE * 2
    assert polish.finish() == b""


def test_a_second_passage_is_trimmed_like_the_first() -> None:
    polish = Polish(Levels(), "voice", 0.0)
    wave = np.concatenate([quiet(0.3), tone(1.2, 0.1), quiet(0.4)])
    first = polish.push(wave) + polish.finish()
    assert polish.push(wave) + polish.finish() == first


def test_a_full_memory_of_levels_forgets_and_learns_anew() -> None:
    levels = Levels(most=2)
    for key in ("a", "b", "c"):
        levels.learn(key, -20.0)
    assert (levels.known("a"), levels.known("c")) == (None, -20.0)
