"""When the speaker is told that recognition is away (E13, T2)."""

from edge.domain.outage import News, Outage


def working() -> Outage:
    outage = Outage(5.0)
    outage.lost(0.0)
    outage.began(0.0)
    assert outage.works() is None
    return outage


def test_a_short_loss_is_not_told() -> None:
    outage = working()
    outage.lost(10.0)
    assert outage.deadline() == 15.0
    outage.began(14.0)
    assert outage.deadline() == 15.0
    assert outage.tick(15.0) is None
    assert outage.deadline() is None


def test_a_loss_that_lasts_is_told_once_and_so_is_its_end() -> None:
    outage = working()
    outage.lost(10.0)
    assert outage.tick(14.9) is None
    assert outage.tick(15.0) is News.LOST
    assert outage.deadline() is None
    outage.lost(16.0)
    assert outage.deadline() is None
    outage.began(20.0)
    assert outage.tick(20.9) is None
    assert outage.tick(21.0) is News.RECOVERED
    assert outage.deadline() is None


def test_words_end_a_loss_at_once() -> None:
    outage = working()
    outage.lost(10.0)
    assert outage.tick(15.0) is News.LOST
    outage.began(20.0)
    assert outage.works() is News.RECOVERED
    assert outage.works() is None


def test_streams_that_break_again_and_again_are_one_loss() -> None:
    outage = working()
    told = []
    for step in range(100):
        at = 10.0 + 0.1 * step
        outage.lost(at)
        told.append(outage.tick(at))
        outage.began(at)
        told.append(outage.tick(at))
    assert [news for news in told if news] == [News.LOST]


def test_a_first_stream_that_never_comes_is_a_loss() -> None:
    outage = Outage(5.0)
    outage.lost(2.0)
    assert outage.deadline() == 7.0
    assert outage.tick(7.0) is News.LOST
