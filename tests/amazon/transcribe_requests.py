"""What Amazon Transcribe takes as a streaming request, and its words where it does not.

botocore carries no description of this service. The table is from the API reference of StartStreamTranscription:
enumerations, patterns, ranges, and what excludes what.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

_CODES: Final = """
    en-US en-GB es-US fr-CA fr-FR en-AU it-IT de-DE pt-BR ja-JP ko-KR zh-CN th-TH es-ES ar-SA pt-PT ca-ES ar-AE
    hi-IN zh-HK nl-NL no-NO sv-SE pl-PL fi-FI zh-TW en-IN en-IE en-NZ en-AB en-ZA en-WL de-CH af-ZA eu-ES hr-HR cs-CZ
    da-DK fa-IR gl-ES el-GR he-IL id-ID lv-LV ms-MY ro-RO ru-RU sr-RS sk-SK so-SO tl-PH uk-UA vi-VN zu-ZA"""
LANGUAGES: Final = frozenset(_CODES.split())
LONGEST_CHUNK: Final = 32 * 1024


class Refused(Exception):
    """Amazon's no: `code` such as `BadRequestException`, the HTTP `status`, and its sentence."""

    def __init__(self, code: str, status: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.status, self.message = code, status, message


def _among(*values: str) -> Callable[[str], bool]:
    return frozenset(values).__contains__


def _like(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda value: compiled.fullmatch(value) is not None


_NAME: Final = _like(r"[0-9a-zA-Z._-]{1,200}")
_FLAG: Final = _like(r"(?i:true|false)")
_CHECKS: Final[Mapping[str, Callable[[str], bool]]] = {
    "language-code": LANGUAGES.__contains__,
    "sample-rate": lambda value: value.isdecimal() and 8000 <= int(value) <= 48_000,
    "media-encoding": _among("pcm", "ogg-opus", "flac"),
    "vocabulary-name": _NAME,
    "session-id": _like(r"[a-fA-F0-9]{8}-([a-fA-F0-9]{4}-){3}[a-fA-F0-9]{12}"),
    "vocabulary-filter-name": _NAME,
    "vocabulary-filter-method": _among("mask", "remove", "tag"),
    "show-speaker-label": _FLAG,
    "enable-channel-identification": _FLAG,
    "number-of-channels": _among("2"),
    "enable-partial-results-stabilization": _FLAG,
    "partial-results-stability": _among("low", "medium", "high"),
    "language-model-name": _NAME,
    "identify-language": _FLAG,
    "language-options": _like(r"[a-zA-Z,-]{1,200}"),
    "preferred-language": LANGUAGES.__contains__,
}


@dataclass(frozen=True, slots=True)
class Account:
    """What was made in the account beforehand."""

    vocabularies: Collection[str] = ()
    filters: Collection[str] = ()
    models: Collection[str] = ()


def check(parameters: Mapping[str, str], account: Account = Account()) -> None:
    """`parameters`: without the prefix that the headers have. Raises Refused."""
    for name, value in parameters.items():
        if name not in _CHECKS:
            raise _bad(f"{name} is no parameter")
        if not _CHECKS[name](value):
            raise _bad(f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint")
    for name in ("media-encoding", "sample-rate"):
        if name not in parameters:
            raise _bad(f"{name} is missing")
    identifies = parameters.get("identify-language", "").lower() == "true"
    if identifies == ("language-code" in parameters):
        raise _bad("language-code or identify-language, and not both")
    if "partial-results-stability" in parameters and (
        parameters.get("enable-partial-results-stabilization", "").lower() != "true"
    ):
        raise _bad("partial-results-stability without enable-partial-results-stabilization")
    if "vocabulary-filter-method" in parameters and "vocabulary-filter-name" not in parameters:
        raise _bad("vocabulary-filter-method without vocabulary-filter-name")
    _check_account(parameters, account)


def _check_account(parameters: Mapping[str, str], account: Account) -> None:
    for name, known, what in (
        ("vocabulary-name", account.vocabularies, "vocabulary"),
        ("vocabulary-filter-name", account.filters, "vocabulary filter"),
        ("language-model-name", account.models, "language model"),
    ):
        if name in parameters and parameters[name] not in known:
            raise _bad(f"The requested {what} couldn't be found. Check the {what} name and try your request again.")


def check_audio(audio: bytes) -> None:
    """One AudioEvent's. Raises Refused."""
    if len(audio) > LONGEST_CHUNK:
        raise _bad("Your stream is too big. Reduce the frame size and try your request again.")
    if len(audio) % 2:
        raise _bad("The audio is not of whole samples.")


def _bad(message: str) -> Refused:
    return Refused("BadRequestException", 400, message)
