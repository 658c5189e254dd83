"""The role matrix: who may ask for what. Nothing else in the edge decides this."""

from enum import StrEnum
from typing import Final

from chassis.errors import Denied


class Role(StrEnum):
    """Whose socket it is. NONE: a connection that was not admitted, or is not yet."""

    SPEAKER = "speaker"
    LISTENER = "listener"
    NONE = "none"


_SPEAKER: Final = frozenset({Role.SPEAKER})
_LISTENER: Final = frozenset({Role.LISTENER})
_NONE: Final = frozenset({Role.NONE})

ROLES: Final[dict[str, frozenset[Role]]] = {
    "sendAudio": _SPEAKER,
    "pauseBroadcast": _SPEAKER,
    "resumeBroadcast": _SPEAKER,
    "muteBroadcast": _SPEAKER,
    "unmuteBroadcast": _SPEAKER,
    "setVolume": _SPEAKER,
    "speakerStateChange": _SPEAKER,
    "controlSession": _SPEAKER,
    "getSessionStatus": _SPEAKER,
    "endSession": _SPEAKER,
    "setGlossary": _SPEAKER,
    "pausePlayback": _LISTENER,
    "resumePlayback": _LISTENER,
    "changeLanguage": _LISTENER,
    "switchLanguage": _LISTENER,
    "heartbeat": _SPEAKER | _LISTENER,
    "createSession": _NONE,
    "joinSession": _NONE,
    "refreshConnection": _NONE,
}
"""Every action of the protocol, with the roles that may. Binary frames are `sendAudio`; what is for NONE is asked in
the query of a connection and gives it its role, the rest is said on a socket that has one."""

LARGE_ACTIONS: Final = frozenset({"sendAudio", "setGlossary"})
"""Actions that carry data: the limit of control messages is not theirs."""


def authorise(role: Role, action: str) -> None:
    """Raises Denied UNAUTHORIZED_ACTION."""
    if role not in ROLES[action]:
        who = "a connection that has no role yet" if role is Role.NONE else f"a {role}"
        raise Denied("UNAUTHORIZED_ACTION", f"{who} may not send {action}")
