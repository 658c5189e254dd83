"""The six ways a request can fail, and how they cross a process border.

Each class fixes the gRPC status and whether trying again can help. The reason (`SESSION_FULL`) is for programs and
travels in `google.rpc.ErrorInfo`; the message is a sentence for a person. Errors are translated once at each border:
`to_status` where a servicer answers, `rpc_errors` where a client calls.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import ClassVar

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

DOMAIN = "lingocast"


class LingocastError(Exception):
    """A failure with a named reason. Only its six subclasses are raised.

    `retry_after` says, where it is known, when the same request may succeed.
    """

    code: ClassVar[grpc.StatusCode]
    retryable: ClassVar[bool] = False

    def __init__(self, reason: str, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"


class Invalid(LingocastError):
    """The request itself is wrong; the same request will always fail."""

    code = grpc.StatusCode.INVALID_ARGUMENT


class Denied(LingocastError):
    """The caller may not do this."""

    code = grpc.StatusCode.PERMISSION_DENIED


class NotFound(LingocastError):
    """What is named does not exist (any more)."""

    code = grpc.StatusCode.NOT_FOUND


class Conflict(LingocastError):
    """The state does not allow it, or changed meanwhile."""

    code = grpc.StatusCode.FAILED_PRECONDITION


class Exhausted(LingocastError):
    """A limit is reached; later it may go."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED


class Unavailable(LingocastError):
    """Something needed does not answer; trying again may help."""

    code = grpc.StatusCode.UNAVAILABLE
    retryable = True


_KINDS: tuple[type[LingocastError], ...] = (Invalid, Denied, NotFound, Conflict, Exhausted, Unavailable)
_BY_CODE: dict[grpc.StatusCode, type[LingocastError]] = {kind.code: kind for kind in _KINDS} | {
    grpc.StatusCode.OUT_OF_RANGE: Invalid,
    grpc.StatusCode.UNAUTHENTICATED: Denied,
    grpc.StatusCode.UNIMPLEMENTED: Invalid,
    grpc.StatusCode.ALREADY_EXISTS: Conflict,
    grpc.StatusCode.ABORTED: Conflict,
}
_NUMBER = {code: code.value[0] for code in grpc.StatusCode}


def to_status(error: LingocastError) -> status_pb2.Status:
    """The status that a servicer aborts with: code, message, ErrorInfo and, where known, RetryInfo."""
    details = [_packed(error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN))]
    if error.retry_after is not None:
        delay = duration_pb2.Duration()
        delay.FromTimedelta(error.retry_after)
        details.append(_packed(error_details_pb2.RetryInfo(retry_delay=delay)))
    return status_pb2.Status(code=_NUMBER[error.code], message=error.message, details=details)


def from_rpc(error: grpc.aio.AioRpcError) -> LingocastError:
    """The error that a failed call stands for. A status without our ErrorInfo gets its gRPC code's name as reason."""
    kind = _BY_CODE.get(error.code(), Unavailable)
    reason, retry_after = error.code().name, None
    # None when the status came from gRPC itself (peer gone, deadline passed) and not from a servicer.
    for detail in _details(error):
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            info = error_details_pb2.ErrorInfo()
            detail.Unpack(info)
            reason = info.reason
        elif detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
            retry = error_details_pb2.RetryInfo()
            detail.Unpack(retry)
            retry_after = retry.retry_delay.ToTimedelta()
    return kind(reason, error.details() or error.code().name, retry_after=retry_after)


@contextmanager
def rpc_errors() -> Iterator[None]:
    """Around a call, awaited or iterated: turns a failed RPC into the LingocastError it stands for."""
    try:
        yield
    except grpc.aio.AioRpcError as error:
        raise from_rpc(error) from error


def _details(error: grpc.aio.AioRpcError) -> list[any_pb2.Any]:
    # AioRpcError offers what rpc_status reads of a synchronous call, but is not typed as one.
    try:
        status = rpc_status.from_call(error)
    except ValueError:
        # Code or message of the binary status differ from those of the call: a proxy rewrote one. Trust the call.
        return []
    return list(status.details) if status is not None and status.code != code_pb2.OK else []


def _packed(message: error_details_pb2.ErrorInfo | error_details_pb2.RetryInfo) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed
