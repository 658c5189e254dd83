"""Several connections, one sequence: nothing twice, nothing missing."""

from hypothesis import given
from hypothesis import strategies as st

from edge.client.assembly import Assembly
from edge.client.messages import (
    Caption,
    CueAudio,
    CueEnd,
    CueStart,
    Event,
    LanguageChanged,
    SessionEnded,
    SourceCaption,
)


def start(cue: str, language: str = "es") -> CueStart:
    return CueStart(cue, 1, language, 16000)


def caption(text: str, *, final: bool = False, segment: int = 1) -> Caption:
    return Caption(segment, "es", text, final)


def attached() -> Assembly:
    assembly = Assembly()
    assembly.attach()
    return assembly


def feed(assembly: Assembly, *items: Event | bytes) -> list[Event]:
    return [
        event
        for item in items
        for event in (assembly.receive_audio(item) if isinstance(item, bytes) else assembly.receive(item))
    ]


def test_a_cue_repeated_whole_is_taken_out() -> None:
    assembly = attached()
    cue = (start("a"), b"1122", CueEnd("a", 5))
    assert feed(assembly, *cue) == [start("a"), CueAudio("a", b"1122"), CueEnd("a", 5)]
    assembly.attach()
    assert feed(assembly, *cue) == []
    assert assembly.last_cue == "a"


def test_after_a_change_of_language_no_cue_of_the_former_is_named() -> None:
    assembly = attached()
    feed(assembly, start("a"), b"1122", CueEnd("a", 5))
    assert feed(assembly, LanguageChanged("pt")) == [LanguageChanged("pt")]
    assert assembly.last_cue == ""


def test_a_cue_cut_off_goes_on_at_the_byte_where_it_stopped() -> None:
    assembly = attached()
    feed(assembly, start("a"), b"1122")
    assert assembly.last_cue == ""
    assembly.attach()
    assert feed(assembly, start("a"), b"11", b"2233", b"44", CueEnd("a")) == [
        CueAudio("a", b"33"),
        CueAudio("a", b"44"),
        CueEnd("a"),
    ]
    assert assembly.last_cue == "a"


def test_a_cue_whose_rest_never_comes_is_given_up_at_the_next() -> None:
    assembly = attached()
    feed(assembly, start("a"), bytes(32_000))
    assembly.attach()
    assert feed(assembly, start("b")) == [CueEnd("a", 1000, complete=False), start("b")]
    assembly.attach()
    assert feed(assembly, start("a"), bytes(64_000), CueEnd("a")) == []


def test_the_same_cue_id_in_another_language_is_another_cue() -> None:
    assembly = attached()
    feed(assembly, start("a"), b"11", CueEnd("a"))
    assert feed(assembly, start("a", "pt"), b"22", CueEnd("a")) == [
        start("a", "pt"),
        CueAudio("a", b"22"),
        CueEnd("a"),
    ]


def placed(cue: str, segment: int, language: str = "es") -> CueStart:
    return CueStart(cue, segment, language, 16000, start_ms=1000 * segment)


def said(segment: int, language: str = "es") -> Caption:
    return Caption(segment, language, "so be it", is_final=True, start_ms=1000 * segment)


def test_who_has_heard_nothing_asks_for_nothing_again_and_who_has_heard_no_cue_for_all() -> None:
    assembly = attached()
    assert assembly.resume_after == ""
    feed(assembly, said(5))
    assert assembly.resume_after == "-"
    feed(assembly, placed("a", 5))
    assert assembly.resume_after == "-"
    feed(assembly, CueEnd("a"))
    assert assembly.resume_after == "a"


def test_of_what_is_repeated_nothing_is_from_before_one_came_in() -> None:
    assembly = attached()
    feed(assembly, said(5), placed("e", 5), b"11")
    assembly.attach()
    assert feed(assembly, said(4), placed("d", 4), b"00", CueEnd("d")) == []
    assert feed(assembly, said(5), placed("e", 5), b"1122", CueEnd("e")) == [CueAudio("e", b"22"), CueEnd("e")]
    assert feed(assembly, said(6)) == [said(6)]


def test_after_a_change_of_language_the_talk_is_not_heard_again() -> None:
    assembly = attached()
    for segment, cue in ((4, "d"), (5, "e")):
        feed(assembly, said(segment), placed(cue, segment), CueEnd(cue))
    feed(assembly, LanguageChanged("pt"))
    assert assembly.resume_after == "-"
    assembly.attach()
    assert feed(assembly, said(4, "pt"), placed("d", 4, "pt"), CueEnd("d")) == []
    # It was under way, perhaps.
    assert feed(assembly, said(5, "pt"), placed("e", 5, "pt")) == [said(5, "pt"), placed("e", 5, "pt")]


def test_audio_outside_of_a_cue_is_dropped() -> None:
    assembly = attached()
    assert feed(assembly, b"11", start("a"), CueEnd("a"), b"22", CueEnd("b")) == [start("a"), CueEnd("a")]


def test_a_partial_is_replaced_by_each_later_one_and_the_final() -> None:
    versions = (caption("so"), caption("so be"), caption("so be it", final=True))
    assert feed(attached(), *versions) == list(versions)


def test_a_partial_after_the_final_is_outdated() -> None:
    final = caption("so be it", final=True)
    assert feed(attached(), final, caption("so be")) == [final]


def test_a_correction_of_a_final_is_news() -> None:
    first, corrected = caption("so be it", final=True), caption("sew beet", final=True)
    assert feed(attached(), first, corrected, first) == [first, corrected, first]


def test_a_repeated_final_does_not_undo_its_correction() -> None:
    assembly = attached()
    first, corrected = caption("so be it", final=True), caption("sew beet", final=True)
    feed(assembly, first, corrected)
    assembly.attach()
    assert feed(assembly, first, corrected) == []


def test_source_and_translation_of_a_segment_do_not_hide_each_other() -> None:
    events = (SourceCaption(1, "so", True), caption("así", final=True))
    assert feed(attached(), *events) == list(events)


def test_the_end_is_told_once() -> None:
    assembly = attached()
    assert feed(assembly, SessionEnded("speaker")) == [SessionEnded("speaker")]
    assembly.attach()
    assert feed(assembly, SessionEnded("speaker")) == []


CUES = {
    name: bytes(range(ord(name), ord(name) + 2 * size)) for name, size in zip("abcde", (1, 5, 9, 3, 7), strict=True)
}


def script(first: int, blocks: list[int]) -> list[Event | bytes]:
    """What a connection brings that begins with cue number `first`, its audio in blocks of these sizes."""
    items: list[Event | bytes] = []
    for name in list(CUES)[first:]:
        items.append(start(name))
        rest, turn = CUES[name], 0
        while rest:
            size = 2 * blocks[turn % len(blocks)]
            items.append(rest[:size])
            rest, turn = rest[size:], turn + 1
        items.append(CueEnd(name))
    return items


@given(st.data())
def test_however_often_the_connection_breaks_the_audio_is_whole(data: st.DataObject) -> None:
    assembly, events, heard = Assembly(), [], 0
    blocks = st.lists(st.integers(1, 4), min_size=1, max_size=4)
    for _ in range(data.draw(st.integers(0, 6))):
        assembly.attach()
        # As a server does: from some cue that was not yet heard whole, or before it.
        first = data.draw(st.integers(0, heard))
        items = script(first, data.draw(blocks))
        events += feed(assembly, *items[: data.draw(st.integers(0, len(items)))])
        heard = list(CUES).index(assembly.last_cue) + 1 if assembly.last_cue else 0
    assembly.attach()
    events += feed(assembly, *script(heard if heard < len(CUES) else 0, data.draw(blocks)))
    for name, audio in CUES.items():
        assert b"".join(event.pcm for event in events if isinstance(event, CueAudio) and event.cue_id == name) == audio
    assert [event.cue_id for event in events if isinstance(event, CueStart)] == list(CUES)
    assert [event.cue_id for event in events if isinstance(event, CueEnd) and event.complete] == list(CUES)
