"""Two edges remember the same feed: what they know together, nothing twice."""

from hypothesis import given
from hypothesis import strategies as st

from edge.domain.feed import BusEvent, Caption, CueAudio, CueEnded, CueStarted
from edge.domain.merging import merged
from edge.domain.tail import Tail


def caption(segment: int, text: str = "hola") -> Caption:
    return Caption(segment, "es", text, 4, True, 0, 1000)


def cue(segment: int, first: int, pieces: int) -> list[BusEvent]:
    audio = [CueAudio(f"{segment}-es", "es", b"", 0.1, first + number) for number in range(pieces)]
    return [
        CueStarted(f"{segment}-es", segment, "es", 16_000, 0, 1000, 1.0),
        *audio,
        CueEnded(f"{segment}-es", "es", pieces * 100),
    ]


def feed(lengths: list[int]) -> list[BusEvent]:
    """As a publisher sends it: each segment's caption, then its cue of so many pieces; some have no voice."""
    events: list[BusEvent] = []
    number = 1
    for segment, pieces in enumerate(lengths, 1):
        events.append(caption(segment))
        if pieces:
            events += cue(segment, number, pieces)
            number += pieces
    return events


def kept(events: list[BusEvent]) -> list[BusEvent]:
    tail = Tail()
    for event in events:
        tail.put(event)
    return tail.after("")


FEEDS = st.lists(st.integers(0, 5), min_size=1, max_size=8).map(feed)


@st.composite
def two_views(draw: st.DrawFn) -> tuple[list[BusEvent], list[BusEvent], list[BusEvent]]:
    """A feed, and two stretches of it that together leave nothing out."""
    whole = draw(FEEDS)
    first = draw(st.integers(0, len(whole)))
    second = draw(st.integers(0, first))
    return whole, kept(whole[:first]), kept(whole[second:])


@given(two_views())
def test_two_stretches_of_a_feed_become_the_feed(views: tuple[list[BusEvent], list[BusEvent], list[BusEvent]]) -> None:
    whole, early, late = views
    # A stretch that begins in mid-cue has nothing of it; all else is in one or the other.
    covered = [event for event in whole if event in early or event in late]
    assert merged(early, late) == merged(late, early)
    out = merged(early, late)
    if _cues_whole(covered):
        assert out == covered


def _cues_whole(events: list[BusEvent]) -> bool:
    starts = [event.cue_id for event in events if isinstance(event, CueStarted)]
    ends = [event.cue_id for event in events if isinstance(event, CueEnded)]
    return starts in (ends, [*ends, *starts[len(ends) :]]) and len(starts) - len(ends) <= 1


@given(FEEDS)
def test_a_memory_with_itself_is_itself(events: list[BusEvent]) -> None:
    assert merged(kept(events), kept(events)) == kept(events)
    assert merged(kept(events), []) == merged([], kept(events)) == kept(events)


@given(FEEDS, st.data())
def test_holes_of_one_are_filled_by_the_other_and_nothing_comes_twice(
    events: list[BusEvent], data: st.DataObject
) -> None:
    lost = data.draw(st.sets(st.integers(0, len(events) - 1)))
    holes = kept([event for number, event in enumerate(events) if number not in lost])
    out = merged(holes, events)
    assert out == events
    again = merged(events, holes)
    assert again == events


@given(FEEDS, FEEDS)
def test_nothing_is_invented_or_doubled_however_little_two_memories_agree(
    mine: list[BusEvent], theirs: list[BusEvent]
) -> None:
    out = merged(mine, theirs)
    pieces = [(event.cue_id, event.number) for event in out if isinstance(event, CueAudio)]
    assert len(pieces) == len(set(pieces))
    starts = [event.cue_id for event in out if isinstance(event, CueStarted)]
    assert len(starts) == len(set(starts))
    assert {type(event) for event in out} <= {Caption, CueStarted, CueAudio, CueEnded}
    assert set(out) <= set(mine) | set(theirs)


def test_what_only_one_knows_stands_where_it_was_spoken() -> None:
    assert merged([*cue(3, 30, 1), *cue(4, 40, 1)], [*cue(1, 10, 1), *cue(2, 20, 1)]) == [
        *cue(1, 10, 1),
        *cue(2, 20, 1),
        *cue(3, 30, 1),
        *cue(4, 40, 1),
    ]


def test_a_correction_stays_behind_the_final_that_it_corrects() -> None:
    said = [caption(1, "ola"), *cue(1, 1, 2), caption(1, "hola")]
    assert merged(said, said[:1]) == said
    assert merged(said[:1], said) == said


def test_a_cue_that_was_cut_off_for_one_goes_on_where_the_other_heard_more() -> None:
    whole = cue(1, 10, 5)
    cut = [*whole[:3], CueEnded("1-es", "es", 200)]
    assert merged(cut, whole) == merged(whole, cut) == whole
    assert merged(cut, whole[:-1]) == merged(whole[:-1], cut) == whole[:-1]


def test_a_cue_that_an_edge_died_in_is_ended_where_others_follow() -> None:
    begun = cue(1, 10, 3)[:-1]
    out = merged(begun, cue(2, 20, 1))
    assert out == [*begun, CueEnded("1-es", "es", 300), *cue(2, 20, 1)]
