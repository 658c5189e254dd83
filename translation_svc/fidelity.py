"""What must come through a translation unharmed, whatever engine makes it: a session's terms, and figures (L4).

Terms go under placeholders; where an engine loses one it is asked again with others, and where it loses those too the
text is translated in the pieces between the terms: clumsy, but never without them. Figures go as they are, for engines
keep nearly all; where one is lost it is asked once more with that figure under a placeholder.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from chassis.telemetry import Attribute, Metric, meter
from translation_svc.domain import figures
from translation_svc.domain.glossary import Terms, tidy
from translation_svc.domain.masking import MOST, Form, Span, mask, unmask

_texts = meter.create_counter(Metric.GUARDED_TEXTS)

Call = Callable[[str], Awaitable[str]]


async def translate(call: Call, text: str, terms: Terms, deadline: float) -> str:
    """The translation that `call` makes, with all terms fixed and, where it can be had, all figures there.

    One call in nearly all cases; one more for each remedy. `deadline`: of the loop's clock. Raises TimeoutError and
    what `call` raises, but neither for the sake of a figure.
    """
    text = tidy(text) if terms else text
    spans = terms.spans(text)[:MOST] if terms else []
    # Figures within terms are the glossary's.
    rest = _blanked(text, spans)
    async with asyncio.timeout_at(deadline):
        translated = figures.mended(rest, await _with_terms(call, text, spans))
    lost = figures.lost(rest, translated)
    if not lost:
        return translated
    kept = sorted([*spans, *lost], key=lambda span: span.start)
    again = ""
    # A translation without a figure is better than none: what fails here has failed for nobody.
    with suppress(Exception):
        async with asyncio.timeout_at(deadline):
            again = figures.mended(rest, await _with_terms(call, text, kept))
    better = bool(again) and len(figures.lost(rest, again)) < len(lost)
    _count("figure_kept" if better else "figure_lost")
    return again if better else translated


async def _with_terms(call: Call, text: str, spans: Sequence[Span]) -> str:
    if not spans:
        return await call(text)
    if not any(character.isalnum() for character in _blanked(text, spans)):
        # Nothing is left to translate.
        return await _in_pieces(call, text, spans)
    for form in Form:
        masked = mask(text, spans, form)
        answer, lost = unmask(masked, await call(masked.text))
        if not lost:
            _count("masked" if form is Form.CODE else "masked_again")
            return answer
    _count("cut")
    return await _in_pieces(call, text, spans)


async def _in_pieces(call: Call, text: str, spans: Sequence[Span]) -> str:
    """What stands between the spans translated, one after the other, and the spans between that."""
    parts: list[str] = []
    end = 0
    for span in (*spans, Span(len(text), len(text), "")):
        piece = text[end : span.start]
        words = piece.strip()
        if any(character.isalpha() for character in words):
            piece = piece.replace(words, await call(words))
        parts += [piece, span.rendering]
        end = span.end
    return "".join(parts)


def _blanked(text: str, spans: Sequence[Span]) -> str:
    """The text with blanks where the spans are, all else in its place."""
    for span in spans:
        text = text[: span.start] + " " * (span.end - span.start) + text[span.end :]
    return text


def _count(outcome: str) -> None:
    _texts.add(1, {Attribute.OUTCOME.value: outcome})
