"""The queue of a slow listener, by itself."""

from hypothesis import given
from hypothesis import strategies as st

from edge.domain.mailbox import Cut, Dropped, Kind, Mailbox, Parcel

Box = Mailbox[str]


def say(box: Box, text: str) -> None:
    box.put(Parcel(Kind.MESSAGE, text))


def caption(box: Box, segment: str, text: str) -> None:
    box.put(Parcel(Kind.CAPTION, text, segment))


def begin(box: Box, cue: str) -> None:
    box.put(Parcel(Kind.CUE_START, f"<{cue}", cue))


def audio(box: Box, cue: str, seconds: float = 1.0) -> None:
    box.put(Parcel(Kind.CUE_AUDIO, f"={cue}", cue, seconds))


def end(box: Box, cue: str) -> None:
    box.put(Parcel(Kind.CUE_END, f"{cue}>", cue))


def cue(box: Box, name: str, chunks: int) -> None:
    begin(box, name)
    for _ in range(chunks):
        audio(box, name)
    end(box, name)


def drain(box: Box) -> list[str | Dropped]:
    taken = []
    while (item := box.take()) is not None:
        taken.append(item if isinstance(item, Dropped) else item.content)
    return taken


def test_what_is_taken_in_time_comes_as_it_was_put() -> None:
    box = Box()
    cue(box, "a", 2)
    say(box, "hello")
    assert drain(box) == ["<a", "=a", "=a", "a>", "hello"]
    assert box.seconds == 0


def test_a_newer_caption_takes_the_place_of_its_elder() -> None:
    box = Box()
    caption(box, "1", "In")
    caption(box, "2", "And")
    caption(box, "1", "In the beginning")
    assert drain(box) == ["In the beginning", "And"]


def test_beyond_ten_seconds_the_oldest_cue_goes_whole_and_it_is_told_first() -> None:
    box = Box()
    cue(box, "a", 4)
    caption(box, "1", "stays")
    cue(box, "b", 4)
    cue(box, "c", 4)
    assert drain(box) == [Dropped(1, 4.0), "stays", "<b", *["=b"] * 4, "b>", "<c", *["=c"] * 4, "c>"]


def test_the_cue_under_way_is_kept_while_another_can_go() -> None:
    box = Box()
    cue(box, "a", 4)
    box.take()
    cue(box, "b", 4)
    cue(box, "c", 4)
    assert drain(box) == [Dropped(1, 4.0), *["=a"] * 4, "a>", "<c", *["=c"] * 4, "c>"]


def test_a_cue_under_way_that_alone_is_too_much_is_cut_and_its_end_is_told() -> None:
    box = Box()
    begin(box, "a")
    box.take()
    for _ in range(12):
        audio(box, "a")
    end(box, "a")
    assert drain(box) == [Dropped(1, 12.0), "a>"]


def test_a_cue_dropped_while_it_arrives_leaves_nothing_behind() -> None:
    box = Box()
    begin(box, "a")
    for _ in range(12):
        audio(box, "a")
    end(box, "a")
    assert drain(box) == [Dropped(1, 12.0)]


def test_audio_of_a_cue_that_began_elsewhere_is_not_taken() -> None:
    box = Box()
    audio(box, "a")
    end(box, "a")
    assert drain(box) == []


def test_a_change_of_feed_forgets_what_waits_but_no_message_and_names_the_cue_it_cuts() -> None:
    box = Box()
    begin(box, "a")
    audio(box, "a", 0.5)
    box.take()
    box.take()
    audio(box, "a")
    caption(box, "1", "old")
    say(box, "paused")
    assert box.change_feed() == Cut("a", 0.5)
    audio(box, "a")
    end(box, "a")
    assert drain(box) == ["paused"]
    assert box.change_feed() is None


def test_captions_are_bounded_and_messages_overflow() -> None:
    box = Box(limit_captions=3, limit_messages=2)
    for number in range(5):
        caption(box, str(number), str(number))
    assert drain(box) == ["2", "3", "4"]
    for number in range(3):
        say(box, str(number))
    assert box.overflowed


STEPS = st.lists(st.tuples(st.sampled_from(["put", "take"]), st.integers(1, 6)), max_size=60)


@given(STEPS)
def test_cues_come_whole_or_with_their_end_and_never_more_than_ten_seconds_wait(steps: list[tuple[str, int]]) -> None:
    box = Box()
    out: list[str | Dropped] = []
    for number, (step, count) in enumerate(steps):
        if step == "put":
            cue(box, str(number), count)
        else:
            for _ in range(count):
                item = box.take()
                if item is not None:
                    out.append(item if isinstance(item, Dropped) else item.content)
        assert box.seconds <= 10.0 + 1e-6
    out += drain(box)
    marks = [item for item in out if isinstance(item, str) and not item.startswith("=")]
    # Each start is directly followed by the end of the same cue.
    assert [mark[1:] for mark in marks[::2]] == [mark[:-1] for mark in marks[1::2]]
