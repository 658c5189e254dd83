"""Everything a connected client says: one model an action, and how bytes become one.

Unknown fields are ignored. What is wrong is told by a code, and the connection lives.
"""

import base64
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias

import orjson
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel

from chassis import language
from chassis.errors import Invalid
from chassis.glossary import LONGEST_TERM, MOST_TERMS, Glossary, glossary
from chassis.glossary import Term as GlossaryTerm
from edge.domain.admission import CONTROL_BYTES
from edge.protocol.roles import LARGE_ACTIONS, ROLES, Role, authorise


def _decoded(text: object) -> bytes:
    # binascii.Error is a ValueError; strict, for pydantic's own Base64Bytes skips what is not base64.
    if not isinstance(text, str):
        raise ValueError("base64 is expected")
    return base64.b64decode(text, validate=True)


Base64 = Annotated[bytes, BeforeValidator(_decoded), WithJsonSchema({"type": "string", "contentEncoding": "base64"})]
Language = Annotated[str, Field(min_length=1, max_length=35), AfterValidator(language.parse)]
Level = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False, strict=True)]


class Request(BaseModel):
    """What every message shares: camelCase names, unknown fields ignored."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore")


class SendAudio(Request):
    """s16le mono at the rate of the connection, base64. `seq`: counts up by one; lets the edge put chunks in order."""

    action: Literal["sendAudio"]
    audio_data: Base64
    seq: Annotated[int, Field(ge=0)] | None = None
    timestamp: float | None = None
    chunk_id: Annotated[str, Field(max_length=128)] | None = None


class PauseBroadcast(Request):
    """Hold the audio back."""

    action: Literal["pauseBroadcast"]
    reason: str | None = None
    expected_seconds: float | None = None


class ResumeBroadcast(Request):
    """Let it flow again."""

    action: Literal["resumeBroadcast"]
    reason: str | None = None


class MuteBroadcast(Request):
    """Microphone off."""

    action: Literal["muteBroadcast"]
    reason: str | None = None
    expected_seconds: float | None = None


class UnmuteBroadcast(Request):
    """Microphone on."""

    action: Literal["unmuteBroadcast"]
    reason: str | None = None


class SetVolume(Request):
    """Amplitude factor before recognition; 0 counts as mute."""

    action: Literal["setVolume"]
    volume_level: Level


class WantedState(Request):
    """Switches to move; those left out stay."""

    is_paused: bool | None = None
    is_muted: bool | None = None
    volume: Level | None = None


class SpeakerStateChange(Request):
    """Several switches at once."""

    action: Literal["speakerStateChange"]
    state: WantedState


class ControlSession(Request):
    """The same as the long names."""

    action: Literal["controlSession"]
    command: Literal["pause", "resume", "mute", "unmute", "end"]


class GetSessionStatus(Request):
    """Answered by sessionStatus."""

    action: Literal["getSessionStatus"]


class EndSession(Request):
    """What was said is still delivered; then the session is over."""

    action: Literal["endSession"]
    reason: Annotated[str, Field(max_length=200)] | None = None


class Term(Request):
    """A word that is kept (no `target`) or fixed in translation, in all languages or one."""

    source: Annotated[str, Field(min_length=1, max_length=LONGEST_TERM)]
    target: Annotated[str, Field(max_length=LONGEST_TERM)] | None = None
    language: Language | None = None


class SetGlossary(Request):
    """Replaces the session's terms; an empty list removes them. Another edge does not know them: they are sent again
    after a refresh."""

    action: Literal["setGlossary"]
    terms: Annotated[list[Term], Field(max_length=MOST_TERMS)]


class PausePlayback(Request):
    """The listener does not play for now."""

    action: Literal["pausePlayback"]


class ResumePlayback(Request):
    """The listener plays again."""

    action: Literal["resumePlayback"]


class ChangeLanguage(Request):
    """Another language, on the same connection."""

    action: Literal["changeLanguage", "switchLanguage"]
    target_language: Language


class Heartbeat(Request):
    """Every 30 s."""

    action: Literal["heartbeat"]
    timestamp: float | None = None


ClientMessage: TypeAlias = Annotated[
    SendAudio
    | PauseBroadcast
    | ResumeBroadcast
    | MuteBroadcast
    | UnmuteBroadcast
    | SetVolume
    | SpeakerStateChange
    | ControlSession
    | GetSessionStatus
    | EndSession
    | SetGlossary
    | PausePlayback
    | ResumePlayback
    | ChangeLanguage
    | Heartbeat,
    Field(discriminator="action"),
]

_OWN_CODES: Final = {
    "audioData": "INVALID_AUDIO_FORMAT",
    "language": "INVALID_LANGUAGE",
    "targetLanguage": "INVALID_LANGUAGE",
}
_ADAPTER: Final[TypeAdapter[ClientMessage]] = TypeAdapter(ClientMessage)


def parse(data: bytes, role: Role) -> ClientMessage:
    """The message in a text frame, if this role may send it.

    Raises Invalid (INVALID_MESSAGE, INVALID_ACTION, MISSING_PARAMETER, INVALID_PARAMETER, INVALID_LANGUAGE,
    INVALID_AUDIO_FORMAT, CONTROL_MESSAGE_TOO_LARGE) and Denied (UNAUTHORIZED_ACTION).
    """
    content = _object(data)
    action = content.get("action")
    if not isinstance(action, str):
        raise Invalid("INVALID_MESSAGE", "a message is a JSON object with an `action`")
    if action not in ROLES:
        raise Invalid("INVALID_ACTION", "there is no such action")
    authorise(role, action)
    if len(data) > CONTROL_BYTES and action not in LARGE_ACTIONS:
        raise Invalid("CONTROL_MESSAGE_TOO_LARGE", f"a control message has at most {CONTROL_BYTES} bytes")
    try:
        return _ADAPTER.validate_python(content)
    except ValidationError as error:
        raise mistake(error) from error


def glossary_of(terms: Iterable[Term]) -> Glossary:
    """The terms as the services know them. Raises Invalid (INVALID_PARAMETER, INVALID_LANGUAGE)."""
    return glossary(GlossaryTerm(term.source, term.target or "", term.language or "") for term in terms)


def mistake(error: ValidationError, renamed: Mapping[str, str] | None = None) -> Invalid:
    """The first thing that is wrong, by its code. `renamed`: codes of fields that have one of their own."""
    first = error.errors(include_url=False, include_input=False)[0]
    field = next((str(part) for part in reversed(first["loc"]) if isinstance(part, str)), "")
    if first["type"] == "missing":
        return Invalid("MISSING_PARAMETER", f"{field} is missing")
    code = {**_OWN_CODES, **(renamed or {})}.get(field)
    return Invalid(code or "INVALID_PARAMETER", f"{field}: {_sentence(first)}")


def _sentence(first: Mapping[str, Any]) -> str:
    # pydantic's own words never carry the input; those of our validators are sentences already.
    return str(first["msg"]).removeprefix("Value error, ")


def _object(data: bytes) -> dict[str, Any]:
    try:
        content = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise Invalid("INVALID_MESSAGE", "a text frame carries one JSON object") from error
    if not isinstance(content, dict):
        raise Invalid("INVALID_MESSAGE", "a text frame carries one JSON object")
    return content
