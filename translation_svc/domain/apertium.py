"""Apertium's own conventions: pipelines in `.mode` files, and the escapes of the stream between their programs.

In the stream `^ $ / < > { } @ \\` have meanings and `[...]` is formatting that passes untouched. A text that is not
escaped is mangled, or ends the pipeline.
"""

import re
import shlex
from collections.abc import Callable

# Ends every text in the stream. Without a piece of formatting before the null character lt-proc keeps the text back
# until the next one comes (lttoolbox 3.7: a null right after a word's `$` is not seen as a flush).
_END = "[]"

_SPECIAL = re.compile(r"[\\\[\]{}^$/<>@]")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
# What no dictionary may look into passes as formatting: the marks that the programs set themselves, however escaped
# ("@", "*", "#", "~"); addresses; English compounds ("speech-to-text", whose "-to" is a clitic elsewhere).
_OPAQUE = re.compile(r"\S*[@~*#]\S*|\S+://\S+|\S*\w-(?:and|by|in|of|on|the|to)-\w\S*")
# What the programs set before a word they did not know: in the first dictionary, the bilingual one, the last one.
_UNKNOWN = re.compile(r"\*(\w+(?:-\w+)*)")
_MARK = re.compile(r"\\@|[*#]")
_FORMATTING = re.compile(r"(?<!\\)\[((?:\\.|[^\\\]])*)\]")
_SENTENCE_END = ".!?…"


def stages(mode: str) -> list[list[str]]:
    """The programs of a `.mode` file with their arguments, in order; each told to flush at null characters.

    `$1` is how unknown words are shown: `-g`, marked, so that `from_stream` can see them. `$2` are the tagger's own
    options: none.
    """
    found: list[list[str]] = [[]]
    for word in shlex.split(mode):
        match word:
            case "|":
                found.append([])
            case "$1":
                found[-1].append("-g")
            case "$2":
                pass
            case _:
                found[-1].append(word)
    return [[program, "-z", *arguments] for program, *arguments in found]


def to_stream(text: str) -> str:
    """A text as the first program reads it: one line, escaped, closed."""
    words = (f"[{_escape(word)}]" if _OPAQUE.fullmatch(word) else _escape(word) for word in text.split())
    escaped = " ".join(words)
    # The tagger decides better at the end of a sentence: a point where there is none, as apertium-destxt sets it.
    return f"{escaped}{'' if _is_closed(text) else '.'}{_END}"


def from_stream(stream: str, text: str, unknown: Callable[[str], str] = str) -> str:
    """What the last program wrote for `to_stream(text)`, as plain text.

    Words that the first dictionary does not have stay as they were, or become what `unknown` makes of them.
    """
    answer = stream.strip().removesuffix(_END).rstrip()
    if not _is_closed(text):
        answer = answer.removesuffix(".").rstrip()
    # Formatting is the speaker's own and may hold any mark; the rest is the programs'.
    parts = _FORMATTING.split(answer)
    parts[::2] = [_MARK.sub("", _UNKNOWN.sub(lambda word: unknown(word[1]), part)) for part in parts[::2]]
    return _ESCAPED.sub(r"\1", " ".join("".join(parts).split()))


def _escape(text: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", text)


def _is_closed(text: str) -> bool:
    return text.rstrip()[-1:] in _SENTENCE_END
