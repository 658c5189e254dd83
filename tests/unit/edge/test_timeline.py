"""A feed as one unbroken line of sound."""

from hypothesis import given
from hypothesis import strategies as st

from edge.domain.timeline import Timeline

RATE = 1_000


def sound(samples: int, value: int = 1) -> bytes:
    return value.to_bytes(2, "little") * samples


def silence(samples: int) -> bytes:
    return bytes(2 * samples)


def line(limit: float = 10.0, cushion: float = 0.1) -> Timeline:
    return Timeline(RATE, limit, cushion)


def put(timeline: Timeline, cue: str, *pieces: bytes) -> None:
    timeline.begin(cue)
    for piece in pieces:
        timeline.add(cue, piece)
    timeline.end(cue)


def test_nothing_said_is_silence() -> None:
    timeline = line()
    assert timeline.take(200) == silence(200)
    assert timeline.idle


def test_cues_follow_each_other_without_a_gap_and_silence_follows_them() -> None:
    timeline = line()
    put(timeline, "1", sound(150, 1), sound(30, 2))
    put(timeline, "2", sound(100, 3))
    assert timeline.take(200) == sound(150, 1) + sound(30, 2) + sound(20, 3)
    assert not timeline.idle
    assert timeline.take(200) == sound(80, 3) + silence(120)
    assert timeline.idle


def test_a_cue_begins_when_some_of_it_waits_so_that_it_does_not_stutter() -> None:
    timeline = line(cushion=0.1)
    timeline.begin("1")
    timeline.add("1", sound(60))
    assert timeline.take(50) == silence(50)
    timeline.add("1", sound(60))
    assert timeline.take(50) == sound(50)
    timeline.add("1", sound(10))
    assert timeline.take(100) == sound(80) + silence(20)
    timeline.add("1", sound(60))
    assert timeline.take(50) == silence(50)
    timeline.end("1")
    assert timeline.take(50) == sound(50)


def test_a_short_cue_does_not_wait_for_more() -> None:
    timeline = line(cushion=0.1)
    put(timeline, "1", sound(20))
    assert timeline.take(50) == sound(20) + silence(30)


def test_the_beginning_of_the_next_cue_ends_one_whose_end_never_came() -> None:
    timeline = line(cushion=0.1)
    timeline.begin("1")
    timeline.add("1", sound(20, 1))
    assert timeline.take(10) == silence(10)
    put(timeline, "2", sound(100, 2))
    assert timeline.take(50) == sound(20, 1) + sound(30, 2)


def test_nobody_joins_in_mid_word() -> None:
    timeline = line()
    timeline.add("1", sound(500))
    timeline.end("1")
    assert timeline.idle
    assert timeline.take(50) == silence(50)


def test_what_comes_too_fast_goes_the_oldest_cue_first_and_whole() -> None:
    timeline = line(limit=1.0)
    put(timeline, "1", sound(400, 1))
    assert timeline.take(100) == sound(100, 1)
    put(timeline, "2", sound(400, 2))
    timeline.begin("3")
    assert timeline.add("3", sound(200, 3)) == 0.0
    assert timeline.add("3", sound(250, 3)) == 0.4
    timeline.end("3")
    assert timeline.take(800) == sound(300, 1) + sound(450, 3) + silence(50)


def test_a_cue_that_is_longer_than_what_may_wait_loses_its_rest() -> None:
    timeline = line(limit=1.0)
    timeline.begin("1")
    timeline.add("1", sound(900))
    assert timeline.take(200) == sound(200)
    assert timeline.add("1", sound(500)) == 1.2
    assert timeline.add("1", sound(100)) == 0.0
    timeline.end("1")
    assert timeline.take(100) == silence(100)
    put(timeline, "2", sound(100, 2))
    assert timeline.take(100) == sound(100, 2)


def test_it_is_over_when_nothing_more_comes() -> None:
    timeline = line()
    timeline.begin("1")
    timeline.add("1", sound(20))
    timeline.finish()
    assert timeline.take(50) == sound(20) + silence(30)
    assert timeline.idle


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("take"), st.integers(1, 500)),
            st.tuples(st.just("cue"), st.integers(0, 3_000)),
            st.tuples(st.just("open"), st.integers(0, 300)),
            st.tuples(st.just("more"), st.integers(1, 300)),
        ),
        max_size=60,
    )
)
def test_all_that_comes_is_heard_or_counted_and_never_more_waits_than_may(steps: list[tuple[str, int]]) -> None:
    timeline = line(limit=1.0)
    came = gone = heard = number = 0
    for step, size in steps:
        if step == "take":
            taken = timeline.take(size)
            assert len(taken) == 2 * size
            heard += taken.count(b"\1")
            continue
        if step != "more":
            number += 1
            timeline.begin(str(number))
        before = timeline.seconds
        dropped = timeline.add(str(number), sound(size))
        took = round((timeline.seconds + dropped - before) * RATE)
        assert took in {0, size}
        came, gone = came + took, gone + round(dropped * RATE)
        assert timeline.seconds <= 1.0
        if step == "cue":
            timeline.end(str(number))
    assert came == heard + gone + round(timeline.seconds * RATE)
