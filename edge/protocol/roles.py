"""The role matrix: who may send what. Nothing else in the edge decides this."""

from enum import StrEnum
from typing import Final

from chassis.errors import Denied


class Role(StrEnum):
    """Whose socket it is."""

    SPEAKER = "speaker"
    LISTENER = "listener"


_SPEAKER: Final = frozenset({Role.SPEAKER})
_LISTENER: Final = frozenset({Role.LISTENER})
_BOTH: Final = _SPEAKER | _LISTENER

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
    "heartbeat": _BOTH,
}
"""Every action that a connected socket can send, with the roles that may. Binary frames are `sendAudio`."""

LARGE_ACTIONS: Final = frozenset({"sendAudio", "setGlossary"})
"""Actions that carry data: the limit of control messages is not theirs."""


def authorise(role: Role, action: str) -> None:
    """Raises Denied UNAUTHORIZED_ACTION."""
    if role not in ROLES[action]:
        raise Denied("UNAUTHORIZED_ACTION", f"a {role} may not send {action}")
