"""One speaker's audio in blocks of 100 ms: the same whatever the chunks, and where it belongs in time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.pcm import SAMPLE_RATE, Samples
from tests.alterations import gain, voice, white
from transcription_svc.domain.frames import BLOCK, Block, Blocks, active_level

SOUND = voice(3.0, 4.0)


def cut(wave: Samples, sizes: list[int], start: float = 0.0) -> list[Block]:
    blocks, out, at, turn = Blocks(), list[Block](), 0, 0
    while at < len(wave):
        size = sizes[turn % len(sizes)]
        out += blocks.add(wave[at : at + size], start + at / SAMPLE_RATE)
        at, turn = at + size, turn + 1
    return out


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, SAMPLE_RATE), min_size=1, max_size=6))
def test_blocks_are_the_same_for_chunks_of_any_size(sizes: list[int]) -> None:
    if max(sizes) < 100:
        sizes = [*sizes, 333]
    expected = cut(SOUND, [BLOCK])
    found = cut(SOUND, sizes)
    assert [block.offset for block in found] == pytest.approx([block.offset for block in expected])
    for one, other in zip(found, expected, strict=True):
        for name in ("wave", "levels", "bands", "low"):
            np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-5)


def test_a_block_lies_where_its_first_sample_does() -> None:
    assert [block.offset for block in cut(SOUND, [700], start=90.0)][:3] == pytest.approx([90.0, 90.1, 90.2])


def test_what_waits_for_its_block_is_left_out_where_audio_is_missing() -> None:
    blocks = Blocks()
    assert blocks.add(SOUND[:800], 0.0) == []
    late = blocks.add(SOUND[:1600], 7.0)
    assert [block.offset for block in late] == [7.0]
    np.testing.assert_array_equal(late[0].wave, SOUND[:1600])


def test_rounded_offsets_are_no_gap() -> None:
    blocks = Blocks()
    blocks.add(SOUND[:800], 0.0)
    assert len(blocks.add(SOUND[800:1600], 0.0507)) == 1


def test_bands_hold_the_power_of_the_wave() -> None:
    bands = np.concatenate([block.bands for block in cut(white(SAMPLE_RATE) * 0.1, [BLOCK])])
    assert 10 * np.log10(bands.sum(axis=1).mean()) == pytest.approx(-20.0, abs=0.5)


def test_a_tone_lies_in_the_band_of_its_frequency() -> None:
    at = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    tone = np.sin(2 * np.pi * 700 * at).astype(np.float32)
    assert set(cut(tone, [BLOCK])[5].bands.argmax(axis=1).tolist()) == {4}  # 562 to 812 Hz.


@pytest.mark.parametrize("decibels", [-30.0, -6.0, 6.0])
def test_the_active_level_follows_a_gain_exactly(decibels: float) -> None:
    def level(wave: Samples) -> float:
        return active_level(np.concatenate([block.levels for block in cut(wave, [BLOCK])]))

    assert level(gain(SOUND, decibels)) - level(SOUND) == pytest.approx(decibels, abs=0.01)


def test_pauses_do_not_lower_the_active_level() -> None:
    quiet = np.concatenate([SOUND, np.zeros(10 * SAMPLE_RATE, np.float32)])
    levels = [np.concatenate([block.levels for block in cut(wave, [BLOCK])]) for wave in (SOUND, quiet)]
    assert active_level(levels[1]) == pytest.approx(active_level(levels[0]), abs=0.1)
    with pytest.raises(ValueError, match="frames"):
        active_level(np.zeros(0, np.float32))
