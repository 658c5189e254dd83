"""What Amazon Transcribe says besides transcripts: its refusals, and what they mean to who called; and who calls."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from chassis.aws import FAILURES, NO_CREDENTIALS, Meaning, Misconfigured, answered, failure_of, session
from chassis.errors import Exhausted, Invalid, LingocastError, Unavailable
from transcription_svc.domain.transcript import MalformedTranscript, Result, results_of

SERVICE: Final = "Amazon Transcribe"
# A place may be free as soon as another speaker ends; asking costs little.
RETRY_AFTER: Final = timedelta(seconds=5)


class Refusal(Exception):
    """Amazon's no: its code, the HTTP status (0 where there is none) and its sentence."""

    def __init__(self, code: str, status: int, message: str) -> None:
        super().__init__(code or str(status))
        self.code, self.status, self.message = code, status, message


def interrupted(what: str) -> Unavailable:
    """A transient failure. `what` goes on from the service's name."""
    return Unavailable("RECOGNITION_INTERRUPTED", f"{SERVICE} {what}")


def error_of(refusal: Refusal, *, under_way: bool) -> LingocastError:
    """What a refusal means. `under_way`: the stream had brought results already."""
    failure = answered(refusal.code, refusal.status, SERVICE)
    match failure.meaning:
        case Meaning.LACKING:
            return Misconfigured("TRANSCRIPTION_FAILED", failure.message)
        case Meaning.THROTTLED if not under_way:
            return Exhausted("TOO_MANY_STREAMS", failure.message, retry_after=RETRY_AFTER)
        case Meaning.REFUSED if failure.code in {
            "BadRequestException",
            "SerializationException",
            "ValidationException",
        }:
            return _bad_request(refusal.message.lower(), failure.message)
        case Meaning.REFUSED if 400 <= refusal.status < 500 and failure.code != "ConflictException":
            return Misconfigured("TRANSCRIPTION_FAILED", failure.message)
    # Later; another stream under our name; the longest stream is over; what nobody has described.
    return interrupted(f"ended the stream: {failure.code or refusal.status}")


def _bad_request(said: str, message: str) -> LingocastError:
    """Amazon has one code for much; only its sentence tells a request that is wrong from one that came too late."""
    if "timed out" in said:
        return interrupted("ended a stream without audio")
    if "vocabulary" in said or "model" in said:
        return Misconfigured("TRANSCRIPTION_FAILED", f"{SERVICE} has not the vocabulary, filter or model named")
    return Invalid("UNSUPPORTED_LANGUAGE" if "language" in said else "TRANSCRIPTION_FAILED", message)


def results_in(headers: Mapping[str, Any], payload: bytes) -> list[Result]:
    """What an event-stream message says. Raises Refusal where it is one, and Unavailable where it is nonsense."""
    try:
        if headers.get(":message-type") == "event":
            return results_of(json.loads(payload)) if headers.get(":event-type") == "TranscriptEvent" else []
        code = str(headers.get(":exception-type") or headers.get(":error-code") or "")
        body = json.loads(payload) if payload else {}
        message = body.get("Message") or body.get("message") or headers.get(":error-message") or ""
    except (ValueError, AttributeError, MalformedTranscript) as error:
        raise interrupted("sent what cannot be read") from error
    raise Refusal(code, 0, str(message))


async def credentials() -> Any:
    """Access key, secret and token, fresh for the next minutes. Raises Misconfigured or Unavailable."""
    try:
        found = await session().get_credentials()
        frozen = None if found is None else await found.get_frozen_credentials()
    except FAILURES as error:
        failure = failure_of(error, SERVICE)
        if failure.meaning is Meaning.LACKING:
            raise Misconfigured("TRANSCRIPTION_FAILED", failure.message) from error
        raise interrupted("cannot be asked: what gives this process its AWS credentials does not answer") from error
    if frozen is None or not frozen.access_key:
        raise Misconfigured("TRANSCRIPTION_FAILED", f"{SERVICE} cannot be used: {NO_CREDENTIALS}")
    return frozen
