"""Sound as an endless stream: pages that somebody may begin with."""

import numpy as np
import pytest

from edge.muxing import RATE, Form, Muxer
from tests.fakes.voice import CLOCK, decode, likeness, samples, voice


def muxed(form: Form, pcm: bytes) -> tuple[bytes, list[bytes], bytes]:
    muxer = Muxer(form)
    step = 2 * muxer.block
    pcm += bytes(-len(pcm) % step)
    pages = [muxer.encode(pcm[start : start + step]) for start in range(0, len(pcm), step)]
    return muxer.head, pages, muxer.finish()


@pytest.mark.parametrize(("form", "late"), [(Form.OGG, 0), (Form.MP3, 1_105)])
def test_what_is_played_is_what_was_said(form: Form, late: int) -> None:
    """An MP3 decoder has a delay that no header tells here: 528 samples, one, and the encoder's 576."""
    said = bytes(RATE) + voice(2.0, RATE) + bytes(RATE)
    head, pages, last = muxed(form, said)
    wave = decode(head + b"".join(pages) + last, form.value)[late * CLOCK // RATE :]
    true = samples(said, RATE)
    assert likeness(wave, true) > 0.9
    half = CLOCK // 2
    assert np.abs(wave[: half - 2_400]).max() < 0.02 * np.abs(true).max()
    assert len(wave) == pytest.approx(len(true), abs=0.2 * CLOCK)


def test_ogg_comes_in_whole_pages_of_a_fifth_of_a_second() -> None:
    head, pages, last = muxed(Form.OGG, voice(2.0, RATE))
    assert head.startswith(b"OggS")
    assert b"OpusHead" in head
    assert b"OpusTags" in head
    written = [page for page in pages if page]
    assert all(page.startswith(b"OggS") and page.count(b"OggS") == 1 for page in written)
    # One is held back by the library: with it the count is right.
    assert len(written) == len(pages) - 1
    assert last.startswith(b"OggS")


def test_mp3_frames_stand_by_themselves_after_an_empty_tag_that_browsers_need_not_wait_for() -> None:
    head, pages, _ = muxed(Form.MP3, voice(2.0, RATE))
    # Sevens of bits: 24 KB less the tag's own ten bytes.
    assert head[:10] == b"ID3\x03\x00\x00" + bytes((0, 1, 63, 118))
    assert head[10:] == bytes(24 * 1024 - 10)
    assert all(page[:2] == b"\xff\xf3" for page in pages)


@pytest.mark.parametrize("form", list(Form))
def test_a_joiner_in_the_middle_hears_from_there_on(form: Form) -> None:
    said = voice(4.0, RATE)
    head, pages, last = muxed(form, said)
    whole = decode(head + b"".join(pages) + last, form.value)
    rest = decode(head + b"".join(pages[10:]) + last, form.value)
    assert 1.6 * CLOCK < len(rest) < 2.4 * CLOCK
    # From half a second on, once the decoder has found its feet.
    settled = rest[CLOCK // 2 :]
    assert likeness(settled, whole[len(whole) - len(settled) :]) > 0.97


def test_silence_costs_less_than_speech() -> None:
    _, quiet, _ = muxed(Form.OGG, bytes(2 * RATE * 4))
    _, spoken, _ = muxed(Form.OGG, voice(4.0, RATE))
    assert sum(map(len, quiet)) < sum(map(len, spoken)) / 2
