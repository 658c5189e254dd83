"""The request for a feed as an endless stream: `GET /listen/{sessionId}/{language}`, and in which form it is wanted."""

from collections.abc import Mapping
from typing import Final, Literal

from pydantic import ValidationError

from edge.protocol.client import Language, Request, mistake
from edge.protocol.connect import Pin, SessionId

Form = Literal["ogg", "mp3"]

_MEDIA: Final[Mapping[Form, tuple[str, ...]]] = {
    "ogg": ("audio/ogg", "application/ogg", "audio/opus"),
    "mp3": ("audio/mpeg", "audio/mp3"),
}
_RENAMED: Final = {"sessionId": "INVALID_SESSION_ID"}


class ListenStream(Request):
    """A plain player tunes in. `format`: ogg (Opus) unless it says otherwise."""

    session_id: SessionId
    target_language: Language
    pin: Pin = ""
    format: Form = "ogg"


def read_stream(session_id: str, language: str, query: Mapping[str, str], accept: str = "") -> ListenStream:
    """What is wanted. The form: the query's `format`, else the ending of the path (`es.mp3`), else what `accept`, the
    header, prefers. Raises Invalid (INVALID_SESSION_ID, INVALID_LANGUAGE, INVALID_PARAMETER)."""
    language, form = _ending(language)
    wanted = {
        "sessionId": session_id,
        "targetLanguage": language,
        "pin": query.get("pin", ""),
        "format": query.get("format") or form or _preferred(accept),
    }
    try:
        return ListenStream.model_validate(wanted)
    except ValidationError as error:
        raise mistake(error, _RENAMED) from error


def _ending(language: str) -> tuple[str, str]:
    stem, dot, ending = language.rpartition(".")
    return (stem, ending) if dot and ending in _MEDIA else (language, "")


def _preferred(accept: str) -> Form:
    """MP3 where it is liked better than Ogg (RFC 9110, section 12.5.1)."""
    liked = _liking(accept)
    return "mp3" if _quality(liked, "mp3") > _quality(liked, "ogg") else "ogg"


def _liking(accept: str) -> dict[str, float]:
    liked = {}
    for entry in accept.lower().split(","):
        media, *parameters = (part.strip() for part in entry.split(";"))
        named = dict(parameter.split("=", 1) for parameter in parameters if "=" in parameter)
        try:
            liked[media] = float(named.get("q", "1"))
        except ValueError:
            liked[media] = 0.0
    return liked


def _quality(liked: Mapping[str, float], form: Form) -> float:
    named = [liked[media] for media in _MEDIA[form] if media in liked]
    return max(named) if named else liked.get("audio/*", liked.get("*/*", 0.0))
