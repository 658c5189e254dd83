"""In which form a stream is wanted."""

import pytest

from chassis.errors import Invalid
from edge.protocol.streams import read_stream

CHROME = "*/*"
FIREFOX = "audio/webm,audio/ogg,audio/wav,audio/*;q=0.9,application/ogg;q=0.7,video/*;q=0.6,*/*;q=0.5"


@pytest.mark.parametrize(
    ("language", "query", "accept", "form"),
    [
        ("es", {}, "", "ogg"),
        ("es", {}, CHROME, "ogg"),
        ("es", {}, FIREFOX, "ogg"),
        ("es", {}, "audio/mpeg", "mp3"),
        ("es", {}, "audio/mpeg, audio/*;q=0.5", "mp3"),
        ("es", {}, "audio/ogg;q=0.4, audio/mpeg;q=0.6", "mp3"),
        ("es", {}, "audio/ogg;q=nonsense, audio/mpeg", "mp3"),
        ("es", {}, "text/html", "ogg"),
        ("es.mp3", {}, CHROME, "mp3"),
        ("es.ogg", {}, "audio/mpeg", "ogg"),
        ("es.mp3", {"format": "ogg"}, "", "ogg"),
        ("pt-BR.mp3", {}, "", "mp3"),
    ],
)
def test_the_query_says_the_form_then_the_path_then_the_header(
    language: str, query: dict[str, str], accept: str, form: str
) -> None:
    wanted = read_stream("Faithful-Shepherd-427", language, query, accept)
    assert (wanted.session_id, wanted.format) == ("faithful-shepherd-427", form)
    assert wanted.target_language == language.removesuffix(".mp3").removesuffix(".ogg")


@pytest.mark.parametrize(
    ("session", "language", "query", "code"),
    [
        ("nonsense", "es", {}, "INVALID_SESSION_ID"),
        ("faithful-shepherd-427", "??", {}, "INVALID_LANGUAGE"),
        ("faithful-shepherd-427", "es.wav", {}, "INVALID_LANGUAGE"),
        ("faithful-shepherd-427", "es", {"format": "flac"}, "INVALID_PARAMETER"),
        ("faithful-shepherd-427", "es", {"pin": "1" * 65}, "INVALID_PARAMETER"),
    ],
)
def test_what_is_not_understood_is_refused_by_its_code(
    session: str, language: str, query: dict[str, str], code: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        read_stream(session, language, query)
    assert refusal.value.reason == code
