"""Captions as a WebVTT file (W3C WebVTT 1): in order of their start, escaped, with times that every player accepts."""

from collections.abc import Iterable
from typing import Protocol


class Timed(Protocol):
    """A text and the offsets, in milliseconds, between which it was spoken."""

    @property
    def text(self) -> str: ...
    @property
    def start_ms(self) -> int: ...
    @property
    def end_ms(self) -> int: ...


def webvtt(captions: Iterable[Timed]) -> str:
    """The file's content. Captions without text are left out."""
    blocks = ["WEBVTT\n"]
    for caption in sorted(captions, key=lambda caption: (caption.start_ms, caption.end_ms)):
        text = _escaped(caption.text)
        if text:
            # A cue whose end is not after its start is an error in WebVTT.
            end = max(caption.end_ms, caption.start_ms + 1)
            blocks.append(f"{_time(caption.start_ms)} --> {_time(end)}\n{text}\n")
    return "\n".join(blocks)


def _escaped(text: str) -> str:
    # An empty line would end the cue, and `-->` begin another; with > escaped there is none.
    plain = " ".join(text.replace("\0", "").split())
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _time(milliseconds: int) -> str:
    seconds, rest = divmod(max(milliseconds, 0), 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}.{rest:03}"
