"""Records of sessions, and the writes that several places share."""

from dataclasses import replace

from session_svc.domain.session import Connection, Role, Session, State, Terms
from session_svc.records import listeners_leave, session_item, session_of
from session_svc.store.writes import Change, allowed, outcome

SESSION = Session(
    session_id="faithful-shepherd-427",
    speaker="speaker",
    slot="speaker#0",
    speaker_connection="theirs",
    source_language="en",
    quality_tier="premium",
    created_at=1.5,
    expires_at=7201.5,
    changed_at=1.5,
    final_only=True,
    min_stability=0.9,
    max_buffer_seconds=4.0,
    volume=0.3,
    listener_count=3,
    language_counts={"es": 2, "pt-BR": 1},
)


def listener(key: str, language: str) -> Connection:
    return Connection(key, SESSION.session_id, Role.LISTENER, "edge", 2.0, 7202.0, language)


def test_a_session_comes_back_from_its_record_as_it_was() -> None:
    assert session_of(session_item(SESSION, Terms())) == SESSION


def test_the_record_outlives_the_session_by_the_grace() -> None:
    assert session_item(SESSION, Terms(grace=3600.0))["ttl"] == 10801.5


def test_nobody_is_connected_to_a_session_that_is_over() -> None:
    over = session_of(session_item(replace(SESSION, state=State.ENDING), Terms()))
    assert (over.listener_count, over.language_counts, over.speaker_connected) == (0, {}, False)


def test_many_who_leave_are_counted_off_by_language() -> None:
    writes = listeners_leave(SESSION.session_id, [listener("a", "es"), listener("b", "pt-BR")])
    item = outcome(writes[-1], session_item(SESSION, Terms()))
    assert item is not None
    after = session_of(item)
    assert (after.listener_count, after.language_counts) == (1, {"es": 1})


def test_no_counter_goes_below_nothing() -> None:
    item = session_item(SESSION, Terms())
    for languages in (["pt-BR", "pt-BR"], ["fr"], ["es", "es", "pt-BR", "es"]):
        count = listeners_leave(SESSION.session_id, [listener(str(at), code) for at, code in enumerate(languages)])[-1]
        assert isinstance(count, Change)
        assert not allowed(count, item)
