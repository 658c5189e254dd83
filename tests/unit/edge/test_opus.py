"""A feed's cues as Opus packets: what is decoded is what was said, whole, and to the sample."""

import base64
from collections.abc import Sequence
from itertools import accumulate

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.domain.feed import BusEvent, CueAudio, CueEnded, CueStarted
from edge.domain.mailbox import Dropped, Kind, Mailbox
from edge.opus import CLOCK, PACKET_MS, OpusCues, OpusVoice, Packet, offered
from edge.protocol.wire import Audio, Encoder, Flavour, Frame, Post, Rendering
from tests.fakes.voice import Ear, Voice, likeness, samples, voice

V1 = Rendering(Flavour.V1, Audio.OPUS)
PLAIN = Rendering(Flavour.PLAIN, Audio.OPUS)


def cue(pcm: bytes, rate: int = 16_000, chunks: Sequence[int] = (), name: str = "1-es") -> list[BusEvent]:
    """The events of a cue, its audio in pieces of so many samples; the rest in one."""
    ends = [2 * end for end in accumulate(chunks) if 2 * end < len(pcm)]
    pieces = [pcm[start:end] for start, end in zip([0, *ends], [*ends, len(pcm)], strict=True)]
    audio = [CueAudio(name, "es", piece, len(piece) / 2 / rate) for piece in pieces]
    return [CueStarted(name, 1, "es", rate, 0, 0, 1.0), *audio, CueEnded(name, "es", round(len(pcm) / 2 / rate * 1000))]


def encoded(events: Sequence[BusEvent], cues: OpusCues | None = None) -> list[Packet]:
    passage = OpusVoice(cues or OpusCues())
    packets: list[Packet] = []
    for event in events:
        passage.open(event)
        if isinstance(event, CueAudio | CueEnded):
            packets += passage.packets(event)
    return packets


def heard(packets: Sequence[Packet], ear: Ear) -> Voice:
    """At 48 kHz, what is none of the cue's left out."""
    return np.concatenate([ear.hear(p.data)[p.skip : PACKET_MS * CLOCK // 1000 - p.padding] for p in packets])


def test_the_installed_library_offers_opus() -> None:
    assert offered()


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 24_000, 48_000])
def test_what_is_decoded_is_as_long_as_what_was_said_and_like_it(rate: int) -> None:
    said = voice(1.234, rate)
    wave = heard(encoded(cue(said, rate, [rate // 10] * 12)), Ear())
    assert abs(len(wave) - len(said) / 2 * CLOCK / rate) <= 1
    assert likeness(wave, samples(said, rate)) > 0.93


@settings(max_examples=30)
@given(st.integers(1, 40_000), st.lists(st.integers(1, 6_000), max_size=12))
def test_packets_are_the_same_however_the_cue_was_cut_into_chunks(length: int, chunks: list[int]) -> None:
    said = voice(length / 16_000)
    packets = encoded(cue(said, chunks=chunks))
    assert [p.data for p in packets] == [p.data for p in encoded(cue(said))]
    assert [p.number for p in packets] == list(range(len(packets)))
    assert sum(p.seconds for p in packets) == pytest.approx(length / 16_000, abs=1e-6)
    assert all(not p.padding for p in packets[:-1])
    assert all(not p.skip for p in packets[1:])


def test_a_cue_needs_nothing_of_the_cues_before_it() -> None:
    one, two = voice(0.7, seed=1), voice(0.9, seed=2)
    cues = OpusCues()
    first, second = encoded(cue(one, name="1-es"), cues), encoded(cue(two, name="2-es"), cues)
    on_its_own = heard(second, Ear())
    ear = Ear()
    after_another = (heard(first, ear), heard(second, ear))[1]
    assert likeness(on_its_own, samples(two)) > 0.93
    # Whoever does not begin anew with a cue hears the same, and no click where the cues meet.
    assert likeness(after_another, on_its_own) > 0.99
    assert np.abs(np.diff(after_another[:480])).max() < 3 * np.abs(np.diff(on_its_own)).max()


def test_a_cue_that_is_replayed_is_not_encoded_again_and_fits_what_still_comes() -> None:
    said = voice(1.5)
    events = cue(said, chunks=[1_000] * 20)
    cues = OpusCues()
    live = OpusVoice(cues)
    for event in events[:10]:
        live.open(event)  # Nobody listens in Opus yet.
    begun = encoded(events[:10], cues)
    rest: list[Packet] = []
    for event in events[10:]:
        live.open(event)
        assert isinstance(event, CueAudio | CueEnded)
        rest += live.packets(event)
    assert [p.data for p in [*begun, *rest]] == [p.data for p in encoded(events)]
    again = encoded(events, cues)
    assert all(mine.data is theirs.data for mine, theirs in zip(again, [*begun, *rest], strict=True))


def test_nothing_is_encoded_of_a_cue_whose_beginning_nobody_got() -> None:
    events = cue(voice(1.0), chunks=[1_600] * 9)
    live = OpusVoice(OpusCues())
    for event in events[:5]:
        live.open(event)
    for event in events[5:]:
        live.open(event)
        assert isinstance(event, CueAudio | CueEnded)
        assert live.packets(event) == ()


def test_only_the_last_seconds_are_kept() -> None:
    cues = OpusCues()
    first = encoded(cue(voice(4.0), name="0-es"), cues)
    for number in range(1, 4):
        encoded(cue(bytes(2 * 64_000), name=f"{number}-es"), cues)
    assert encoded(cue(voice(4.0), name="0-es"), cues)[0].data is not first[0].data


def test_a_cue_without_audio_has_no_packets() -> None:
    assert encoded([CueStarted("1-es", 1, "es", 16_000, 0, 0, 1.0), CueEnded("1-es", "es", 0)]) == []
    assert encoded(cue(b"")) == []


def posts(events: Sequence[BusEvent], rendering: Rendering) -> list[Post]:
    encoder = Encoder("faithful-shepherd-427")
    told: list[Post] = []
    for event in events:
        encoder.open(event)
        told += encoder.encode(event, rendering)
    return told


def test_who_is_slow_loses_whole_cues_by_the_second_as_in_pcm() -> None:
    mailbox: Mailbox[Frame] = Mailbox(limit_seconds=2.0)
    for number in range(5):
        for post in posts(cue(bytes(2 * 14_000), chunks=[1_600] * 8, name=f"{number}-es"), V1):
            mailbox.put(post)
    assert mailbox.seconds == pytest.approx(1.75, abs=1e-4)
    dropped = mailbox.take()
    assert isinstance(dropped, Dropped)
    assert dropped.cues == 3
    assert dropped.seconds == pytest.approx(3 * 0.875, abs=1e-4)
    kinds = []
    while (parcel := mailbox.take()) is not None:
        assert not isinstance(parcel, Dropped)
        kinds.append((parcel.key, parcel.kind))
    # 875 ms and the codec's 6.5 ms: 15 packets.
    whole = [Kind.CUE_START, *[Kind.CUE_AUDIO] * 15, Kind.CUE_END]
    assert kinds == [(name, kind) for name in ("3-es", "4-es") for kind in whole]


def test_both_flavours_are_written_from_one_encoding() -> None:
    events = cue(voice(0.5), chunks=[1_600] * 4)
    encoder = Encoder("faithful-shepherd-427")
    bare, wrapped = [], []
    for event in events:
        encoder.open(event)
        bare += [post for post in encoder.encode(event, V1) if post.kind is Kind.CUE_AUDIO]
        wrapped += [post for post in encoder.encode(event, PLAIN) if post.kind is Kind.CUE_AUDIO]
    assert [post.seconds for post in bare] == [post.seconds for post in wrapped]
    for one, other in zip(bare, wrapped, strict=True):
        message = orjson.loads(other.content.wire[other.content.wire.index(b"{") :])
        packet = base64.b64decode(message["audioData"])
        assert one.content.wire.endswith(packet)
        assert len(one.content.wire) - len(packet) in {2, 4}
