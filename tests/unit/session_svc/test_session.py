"""The rules of a session: its life, and who may do what."""

from dataclasses import replace

import pytest

from chassis.errors import Denied, NotFound
from session_svc.domain.session import (
    MOVES,
    Move,
    Session,
    State,
    Terms,
    check_may_end,
    check_may_steer,
    check_may_take_over,
    expired,
    found,
    found_live,
    speaker_overdue,
)

SESSION = Session(
    session_id="faithful-shepherd-427",
    speaker="speaker",
    slot="speaker#0",
    speaker_connection="theirs",
    source_language="en",
    quality_tier="standard",
    created_at=0.0,
    expires_at=7200.0,
    changed_at=0.0,
)
OVER = replace(SESSION, state=State.ENDED, end_reason="speaker", ended_at=50.0)
GONE = replace(SESSION, speaker_connected=False, speaker_gone_at=100.0)


def test_nothing_leads_back_from_the_end() -> None:
    assert MOVES[State.ENDED] == {}
    assert State.LIVE not in {after for moves in MOVES.values() for after in moves.values()}
    assert MOVES[State.LIVE] == {Move.END: State.ENDING}


def test_a_session_lives_until_two_hours_without_a_refresh_have_passed() -> None:
    assert found_live(SESSION, 7199.9) is SESSION
    with pytest.raises(NotFound, match="SESSION_NOT_FOUND"):
        found(SESSION, 7200.0)


def test_a_session_reads_as_expired_before_and_after_the_reaper_has_seen_it() -> None:
    reaped = replace(SESSION, state=State.ENDING, end_reason="expired", ended_at=7201.0)
    assert expired(SESSION, 7200.5)
    assert expired(reaped, 7202.0)


def test_late_comers_are_told_of_a_session_that_was_ended() -> None:
    assert found(OVER, 60.0) is OVER
    with pytest.raises(NotFound, match="ended"):
        found_live(OVER, 60.0)


def test_the_speakers_connection_may_end_a_session_also_after_it_went() -> None:
    check_may_end(SESSION, "theirs")
    check_may_end(GONE, "theirs")
    with pytest.raises(Denied, match="NOT_THE_SPEAKER"):
        check_may_end(SESSION, "another")


def test_only_a_living_speakers_connection_may_steer() -> None:
    check_may_steer(SESSION, "theirs")
    for session, connection in ((SESSION, "another"), (GONE, "theirs")):
        with pytest.raises(Denied, match="NOT_THE_SPEAKER"):
            check_may_steer(session, connection)


def test_the_same_speaker_may_take_over_naming_the_old_connection_or_none() -> None:
    check_may_take_over(SESSION, "speaker", "")
    check_may_take_over(SESSION, "speaker", "theirs")
    with pytest.raises(Denied, match="NOT_THE_SPEAKER"):
        check_may_take_over(SESSION, "another", "theirs")
    with pytest.raises(NotFound, match="CONNECTION_NOT_FOUND"):
        check_may_take_over(SESSION, "speaker", "overtaken")


def test_a_speaker_is_overdue_when_the_grace_has_passed() -> None:
    terms = Terms(speaker_grace=30.0)
    assert not speaker_overdue(GONE, 129.9, 0.0, terms)
    assert speaker_overdue(GONE, 130.0, 0.0, terms)
    assert not speaker_overdue(SESSION, 9999.0, 0.0, terms)


def test_time_when_nobody_could_come_back_does_not_count_against_the_speaker() -> None:
    assert not speaker_overdue(GONE, 229.0, 200.0, Terms(speaker_grace=30.0))
    assert speaker_overdue(GONE, 230.0, 200.0, Terms(speaker_grace=30.0))
