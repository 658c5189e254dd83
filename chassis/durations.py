"""Seconds to protobuf's Duration and back: the unit of our code and that of the wire."""

from datetime import timedelta

from google.protobuf.duration_pb2 import Duration


def duration(length: float) -> Duration:
    """Seconds as a Duration, to the nearest microsecond."""
    out = Duration()
    out.FromTimedelta(timedelta(seconds=length))
    return out


def seconds(length: Duration) -> float:
    """A Duration as seconds."""
    return length.seconds + length.nanos / 1e9
