"""One stream at the stand-in for Amazon Transcribe, whatever carries it: what it hears, refuses, and does wrong.

Without I/O: messages in, messages out, and exceptions for what only the carrier can do.
"""

import json
import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from tests.amazon.eventstream import Frame, encode
from tests.amazon.signing import Credentials
from tests.amazon.transcribe_hearing import Hearing, Pace, ScriptedWord
from tests.amazon.transcribe_requests import Account, Refused, check, check_audio

TIMED_OUT = "Your request timed out because no new audio was received for 15 seconds."
TOO_MANY = "You have reached the maximum number of concurrent streams."
TOO_LONG = "Your stream has reached the longest that is allowed."


class Kind(Enum):
    """What goes wrong."""

    REFUSE = "refused by HTTP, before the stream"
    HANG = "no answer to the request"
    EXCEPTION = "an exception among the results"
    STALL = "no results any more; audio is taken"
    DEAF = "nothing is read any more"
    RESET = "the connection is cut"
    RESET_STREAM = "the stream is reset, the connection stays (HTTP/2)"
    GOAWAY = "the server says that it goes away, and goes"
    CORRUPT = "a message with a wrong checksum"
    NONSENSE = "a message that is no transcript"
    CUT_END = "the connection is cut when the client has ended, in place of the last results"
    END = "the stream ends in good order before its time"


@dataclass(frozen=True, slots=True)
class Fault:
    """Happens to one stream, once it has sent `after` seconds of audio. `code`, `status`, `message`: of a refusal."""

    kind: Kind
    after: float = 0.0
    code: str = ""
    status: int = 0
    message: str = ""


class Broken(Exception):
    """The carrier has to do what the fault says."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(kind.value)
        self.kind = kind


Script = Sequence[ScriptedWord] | Mapping[str, Sequence[ScriptedWord]] | None
"""For all streams, or by language (`en`), or None: sentences that have nothing to do with what is said."""


@dataclass
class Transcribe:
    """The service: what it knows and allows, what it will do wrong, and what it saw. Shared by both carriers."""

    script: Script = None
    pace: Pace = field(default_factory=Pace)
    credentials: Credentials = field(default_factory=Credentials)
    region: str = "us-east-1"
    account: Account = field(default_factory=Account)
    streams_at_once: int = 25
    silence_seconds: float = 15.0
    stream_seconds: float = 4 * 3600.0
    faults: deque[Fault] = field(default_factory=deque)
    """One for each stream to come, in turn."""
    always: Fault | None = None
    opened: list["Stream"] = field(default_factory=list)
    open_streams: int = 0

    def next_fault(self) -> Fault | None:
        """What will go wrong with the stream that is asked for."""
        return self.faults.popleft() if self.faults else self.always

    def open(self, parameters: Mapping[str, str], fault: Fault | None) -> "Stream":
        """A stream; its place is given back by `close`. Raises Refused."""
        check(parameters, self.account)
        if self.open_streams >= self.streams_at_once:
            raise Refused("LimitExceededException", 429, TOO_MANY)
        self.open_streams += 1
        stream = Stream(self, parameters, fault)
        self.opened.append(stream)
        return stream

    def close(self, stream: "Stream") -> None:
        """The stream is over."""
        if not stream.closed:
            stream.closed = True
            self.open_streams -= 1

    def words(self, language: str) -> Sequence[ScriptedWord] | None:
        """The script for a language code."""
        if isinstance(self.script, Mapping):
            return self.script.get(language.split("-", 1)[0], ())
        return self.script


class Stream:
    """What one client sent, and what it is told."""

    def __init__(self, service: Transcribe, parameters: Mapping[str, str], fault: Fault | None) -> None:
        self.parameters = dict(parameters)
        self.audio_bytes = 0
        self.longest_piece = 0
        self.ended = False
        self.closed = False
        self._service = service
        self._fault = fault
        level = parameters.get("partial-results-stability", "")
        self._hearing = Hearing(service.words(parameters.get("language-code", "")), level, service.pace)

    def take(self, frame: Frame) -> list[bytes]:
        """An AudioEvent; the messages that follow. Sets `ended` when it was the last. Raises Refused and Broken."""
        if frame.headers.get(":message-type") != "event" or frame.headers.get(":event-type") != "AudioEvent":
            raise Refused("BadRequestException", 400, "Unexpected event received.")
        if frame.headers.get(":content-type") not in ("application/octet-stream", None):
            raise Refused("BadRequestException", 400, "Unexpected content type.")
        if not frame.payload:
            return self.end()
        check_audio(frame.payload)
        self.audio_bytes += len(frame.payload)
        self.longest_piece = max(self.longest_piece, len(frame.payload))
        events = self._hearing.hear(frame.payload)
        if self._hearing.now > self._service.stream_seconds:
            raise Refused("LimitExceededException", 429, TOO_LONG)
        fault = self._fault
        if fault is not None and fault.kind is not Kind.CUT_END and self._hearing.now > fault.after:
            match fault.kind:
                case Kind.EXCEPTION:
                    raise Refused(fault.code, fault.status, fault.message)
                case Kind.STALL:
                    return []
                case Kind.CORRUPT:
                    self._fault = None
                    return [corrupted(transcript({"Transcript": {"Results": []}}))]
                case Kind.NONSENSE:
                    self._fault = None
                    return [transcript({"Transcript": {"Results": [{"Alternatives": "none"}]}})]
                case _:
                    raise Broken(fault.kind)
        return [transcript(event) for event in events]

    def end(self) -> list[bytes]:
        """The client has ended: what is left is final, and then nothing comes. A stalled stream does not even end."""
        if self._fault is not None and self._fault.kind is Kind.STALL and self._hearing.now > self._fault.after:
            return []
        if self._fault is not None and self._fault.kind is Kind.CUT_END:
            raise Broken(Kind.RESET)
        self.ended = True
        return [transcript(event) for event in self._hearing.end()]

    @property
    def patience(self) -> float:
        """Seconds that the service waits for audio."""
        return self._service.silence_seconds if not self.ended else math.inf


def transcript(event: Mapping[str, Any]) -> bytes:
    """A message with results."""
    headers = {":event-type": "TranscriptEvent", ":content-type": "application/json", ":message-type": "event"}
    return encode(headers, json.dumps(event, ensure_ascii=False).encode())


def exception(refused: Refused) -> bytes:
    """A message that says why the stream ends."""
    headers = {":exception-type": refused.code, ":content-type": "application/json", ":message-type": "exception"}
    return encode(headers, json.dumps({"Message": refused.message}).encode())


def corrupted(message: bytes) -> bytes:
    """The same with a wrong checksum."""
    return message[:-1] + bytes([message[-1] ^ 0xFF])
