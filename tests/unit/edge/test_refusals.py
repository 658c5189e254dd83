"""What is logged of refusals: the first few, and how many were left out."""

import structlog
from structlog.testing import capture_logs

from chassis.errors import Invalid
from edge.protocol.errors import error_message
from edge.refusals import RefusalLog


def test_a_flood_of_refusals_is_a_few_lines_that_say_how_many_there_were() -> None:
    now = [0.0]
    with capture_logs() as lines:
        log = RefusalLog(structlog.get_logger(), rate=1.0, burst=2, clock=lambda: now[0])
        told = error_message(Invalid("INVALID_MESSAGE", "one JSON object"))
        for _ in range(100):
            log.note(told)
        now[0] = 1.0
        log.note(told)
    assert [line["left_out"] for line in lines] == [0, 0, 98]
    assert {line["correlation"] for line in lines} == {told.correlation_id}
