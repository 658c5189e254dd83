"""The query of a connection: what somebody wants who opens a socket."""

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal, TypeAlias

import orjson
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, WithJsonSchema

from chassis.errors import Invalid
from chassis.glossary import MOST_TERMS
from edge.protocol.client import Language, Request, Term, mistake
from edge.protocol.roles import ROLES, Role, authorise

SAMPLE_RATES: Final = (8_000, 16_000, 24_000, 48_000)
GLOSSARY_CHARACTERS: Final = 2_048
"""What a query has room for, once it is escaped."""

_SESSION_ID = re.compile(r"[a-z]{2,24}-[a-z]{2,24}-[1-9]\d{2}")


def session_id(text: str) -> str:
    """The id as it is stored; capitals and blanks around are forgiven. Raises Invalid(INVALID_SESSION_ID)."""
    plain = text.strip().lower()
    if not _SESSION_ID.fullmatch(plain):
        raise Invalid("INVALID_SESSION_ID", "a session id looks like `faithful-shepherd-427`")
    return plain


def _sample_rate(text: str) -> int:
    if text not in map(str, SAMPLE_RATES):
        raise ValueError(f"one of {', '.join(map(str, SAMPLE_RATES))}")
    return int(text)


def _terms(text: object) -> object:
    if not isinstance(text, str):
        return text
    if len(text) > GLOSSARY_CHARACTERS:
        raise ValueError(f"at most {GLOSSARY_CHARACTERS} characters; set a longer one with setGlossary")
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ValueError("a JSON list of terms, as setGlossary has it") from error


Glossary = Annotated[
    tuple[Term, ...],
    BeforeValidator(_terms),
    Field(max_length=MOST_TERMS),
    WithJsonSchema({"type": "string", "maxLength": GLOSSARY_CHARACTERS, "contentMediaType": "application/json"}),
]
SessionId = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(session_id)]
SampleRate = Annotated[str, AfterValidator(_sample_rate)]
Pin = Annotated[str, Field(max_length=64)]
ConnectionId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class CreateSession(Request):
    """A speaker opens a session. `sampleRate`: of the PCM that follows, Hz; one of 8000, 16000, 24000, 48000.
    `glossary`: a JSON list of terms, as setGlossary has them; a longer one is set on the open connection."""

    action: Literal["createSession"]
    source_language: Language
    quality_tier: Literal["standard", "premium"] = "standard"
    token: str = ""
    pin: Pin = ""
    sample_rate: SampleRate = "16000"
    partial_results: bool = True
    min_stability: Annotated[float, Field(ge=0.70, le=0.95)] | None = None
    max_buffer_seconds: Annotated[float, Field(ge=2, le=10)] | None = None
    glossary: Glossary = ()
    ack: bool = False


class JoinSession(Request):
    """A listener joins. `captions=source`: what is said, too. `audio=off`: captions only."""

    action: Literal["joinSession"] = "joinSession"
    session_id: SessionId
    target_language: Language
    pin: Pin = ""
    captions: Literal["source"] | None = None
    audio: Literal["on", "off"] = "on"
    audio_format: Literal["pcm", "opus"] = "pcm"


class RefreshSpeaker(Request):
    """A speaker's second socket, to take the place of the first."""

    action: Literal["refreshConnection"]
    role: Literal["speaker"]
    session_id: SessionId
    token: str = ""
    connection_id: ConnectionId | None = None
    sample_rate: SampleRate = "16000"
    ack: bool = False


class RefreshListener(Request):
    """A listener's second socket, to take the place of the first (`connectionId`)."""

    action: Literal["refreshConnection"]
    role: Literal["listener"]
    session_id: SessionId
    target_language: Language
    connection_id: ConnectionId | None = None
    last_cue: Annotated[str, Field(max_length=64)] | None = None
    pin: Pin = ""
    captions: Literal["source"] | None = None
    audio: Literal["on", "off"] = "on"
    audio_format: Literal["pcm", "opus"] = "pcm"


Query: TypeAlias = CreateSession | JoinSession | RefreshSpeaker | RefreshListener

_REFRESH: Final[dict[str, type[RefreshSpeaker | RefreshListener]]] = {
    "speaker": RefreshSpeaker,
    "listener": RefreshListener,
}
_OWN_CODES: Final = {
    "sourceLanguage": "INVALID_LANGUAGE",
    "sessionId": "INVALID_SESSION_ID",
    "sampleRate": "INVALID_AUDIO_FORMAT",
}


def read(query: Mapping[str, str]) -> Query:
    """What is wanted. Raises Invalid (INVALID_ACTION, MISSING_PARAMETER, INVALID_PARAMETER, INVALID_SESSION_ID,
    INVALID_LANGUAGE, INVALID_AUDIO_FORMAT) and Denied (UNAUTHORIZED_ACTION: actions that need an open socket)."""
    kind = _kind(query)
    try:
        return kind.model_validate(dict(query))
    except ValidationError as error:
        raise mistake(error, _OWN_CODES) from error


def _kind(query: Mapping[str, str]) -> type[Query]:
    action = query.get("action", "joinSession")
    if action not in ROLES:
        raise Invalid("INVALID_ACTION", "a connection begins with createSession, joinSession or refreshConnection")
    authorise(Role.NONE, action)
    match action:
        case "createSession":
            return CreateSession
        case "joinSession":
            return JoinSession
        case _:
            role = query.get("role")
            if role is None:
                raise Invalid("MISSING_PARAMETER", "role is missing")
            if role not in _REFRESH:
                raise Invalid("INVALID_PARAMETER", "role: speaker or listener")
            return _REFRESH[role]
