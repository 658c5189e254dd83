"""When the speaker is told how many listen."""

from edge.domain.status import StatusPushes


def test_a_new_language_is_told_at_once() -> None:
    pushes = StatusPushes(now=0.0)
    assert pushes.receive({"es": 1}) == "newLanguage"
    pushes.told({"es": 1}, now=0.0)
    assert pushes.receive({"es": 1, "fr": 1}) == "newLanguage"


def test_a_count_is_told_when_it_moved_by_more_than_a_tenth() -> None:
    pushes = StatusPushes(now=0.0)
    pushes.told({"es": 100}, now=0.0)
    assert pushes.receive({"es": 110}) is None
    assert pushes.receive({"es": 111}) == "listenerCountChange"
    assert pushes.receive({"es": 90}) is None
    assert pushes.receive({"es": 89}) == "listenerCountChange"


def test_any_status_starts_the_thirty_seconds_anew() -> None:
    pushes = StatusPushes(now=0.0)
    assert pushes.tick(29.9) is None
    assert pushes.tick(30.0) == "periodic"
    pushes.told({}, now=20.0)
    assert pushes.tick(30.0) is None
    assert pushes.deadline() == 50.0
