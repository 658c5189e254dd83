"""The stand-ins' event-stream frames are those of Amazon's own libraries, both ways."""

from datetime import UTC, datetime
from typing import Any

import pytest
from amazon_transcribe.eventstream import EventStreamBuffer, EventStreamMessageSerializer
from botocore.eventstream import EventStreamBuffer as BotocoreBuffer

from tests.amazon.eventstream import Decoder, MalformedFrame, encode

DATE = datetime(2026, 5, 4, 3, 2, 1, 7000, tzinfo=UTC)
HEADERS: dict[str, Any] = {
    ":date": DATE,
    ":chunk-signature": b"\x00\xff",
    "n": 7,
    "yes": True,
    "no": False,
    ":type": "événement",
}


def test_what_the_sdk_writes_is_read() -> None:
    data = EventStreamMessageSerializer().serialize(HEADERS, b"payload")
    decoder = Decoder()
    frames = [frame for index in range(len(data)) for frame in decoder.feed(data[index : index + 1])]
    assert [(frame.headers, frame.payload) for frame in frames] == [(HEADERS, b"payload")]
    assert frames[0].encoded[":date"] == EventStreamMessageSerializer().encode_headers({":date": DATE})


@pytest.mark.parametrize("kind", [EventStreamBuffer, BotocoreBuffer])
def test_what_is_written_is_read_by_amazons_libraries(kind: Any) -> None:
    buffer = kind()
    headers: dict[str, Any] = {":message-type": "event", "n": 7, "yes": True, "raw": b"\x01"}
    buffer.add_data(encode(headers, b"one") + encode({}, b""))
    messages = list(buffer)
    assert [(message.headers, message.payload) for message in messages] == [(headers, b"one"), ({}, b"")]


def test_a_flipped_bit_is_found_wherever_it_is() -> None:
    data = encode(HEADERS, b"payload")
    for index in range(len(data)):
        broken = bytearray(data)
        broken[index] ^= 1
        with pytest.raises(MalformedFrame):
            list(Decoder().feed(bytes(broken)))
