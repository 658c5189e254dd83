"""SSML 1.1 (W3C, 2010) from a text and its delivery, in the tags that an engine declares and in no others."""

from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from synthesis_svc.domain.framing import clauses
from synthesis_svc.domain.prosody import Delivery, Emphasis, Volume


@dataclass(frozen=True, slots=True)
class Markup:
    """Which tags an engine honours; the rest of a delivery it gets in other ways, or not at all.

    `rate`: prosody rate in per cent. `rate_keywords`: prosody rate by keyword only. `volume`: prosody volume by
    keyword. `language`: an xml:lang on the root does not change the voice. `namespace`: the root may say which standard
    it follows.
    """

    rate: bool = False
    rate_keywords: bool = False
    volume: bool = False
    emphasis: bool = False
    breaks: bool = False
    language: bool = False
    namespace: bool = True


def build(text: str, language: str, delivery: Delivery, markup: Markup) -> str:
    """A whole document. `text` is plain and is escaped here; `language` is a BCP 47 code."""
    body = _with_breaks(text, delivery.pause_seconds) if markup.breaks else _escaped(text)
    if markup.emphasis and delivery.emphasis is not Emphasis.NONE:
        body = f'<emphasis level="{delivery.emphasis}">{body}</emphasis>'
    attributes = _prosody(delivery, markup)
    if attributes:
        body = f"<prosody{attributes}>{body}</prosody>"
    root = ' version="1.1" xmlns="http://www.w3.org/2001/10/synthesis"' if markup.namespace else ""
    if markup.language:
        root += f" xml:lang={quoteattr(language)}"
    return f"<speak{root}>{body}</speak>"


def _prosody(delivery: Delivery, markup: Markup) -> str:
    attributes = ""
    if markup.rate and delivery.tempo != 1.0:
        attributes += f' rate="{delivery.tempo:.0%}"'
    elif markup.rate_keywords:
        attributes += f' rate="{delivery.rate}"'
    if markup.volume and delivery.volume is not Volume.MEDIUM:
        attributes += f' volume="{delivery.volume}"'
    return attributes


def _with_breaks(text: str, seconds: float) -> str:
    if seconds <= 0:
        return _escaped(text)
    found = clauses(text)
    pause = f'<break time="{seconds * 1000:.0f}ms"/>'
    return pause.join(_escaped(clause.text) for clause in found)


def _escaped(text: str) -> str:
    # XML 1.0 has no place for control characters, escaped or not.
    legal = "".join(character for character in text if character >= " " or character in "\t\n")
    return escape(legal, {'"': "&quot;", "'": "&apos;"})
