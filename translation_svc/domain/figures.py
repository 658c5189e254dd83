"""Numbers and references such as "John 3:16": what was a figure in the source must be one in the translation.

Languages write figures differently, and that is no loss: "1,000.5" is "1.000,5", Arabic and Hindi have digits of their
own, "20 million" is "2000万". So numbers are compared by their digits, or by what they count. Of a reference, chapter
and verse stay together, with their colon.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator

from translation_svc.domain.masking import Span

_SPACES = " \u00a0\u2009\u202f"
# Chapter and verses ("3:16", "13:4-7", "5:3,5"); also what is written alike, such as times of day.
_REFERENCE = re.compile(r"(?<![\d:.,])\d{1,3}:\d{1,3}(?:[-\u2013\u2014]\d{1,3}(?::\d{1,3})?|,\d{1,3}(?!\d))*(?![\d:])")
# Digits with points, commas or thin spaces between groups of three.
_NUMBER = re.compile(rf"\d{{1,3}}(?:[{_SPACES}]\d{{3}})+(?!\d)(?:[.,٫]\d+)?|\d+(?:[.,'’٬٫]\d+)*")
_UNGROUPED = re.compile(r"\d+(?:[.,'’٬٫]\d+)*")
_LATIN = re.compile("[A-Za-z]")
_SEPARATORS = re.compile(rf"[{_SPACES}.,'’٬٫]")
_HALF_OF_THE_DAY = re.compile(r"\s?([ap])\.?\s?m\b", re.IGNORECASE)
# Words that multiply the number before them, by powers of ten; languages group by threes, fours or twos.
_POWERS = {
    2: "hundred 百",
    3: "thousand mil mille mila tausend tysięcy тысяч тысячи 千 천 ألف हज़ार हजार",
    4: "万 萬 만",
    5: "लाख lakh",
    6: "million millions millón millones milhão milhões milione milioni millionen миллион миллиона миллионов مليون",
    7: "करोड़ crore",
    8: "億 亿 억",
    9: "billion bilhão bilhões milliard milliards miliardo miliardi milliarden миллиард миллиардов مليار",
    12: "trillion 兆 조",
}
_POWER = {word: power for power, words in _POWERS.items() for word in words.split()}
_MULTIPLIED = re.compile(rf"\s?({'|'.join(sorted(_POWER, key=len, reverse=True))})(?![a-zñã])", re.IGNORECASE)
_DASH = re.compile(r"\s*[-\u2010-\u2015]\s*")


def lost(text: str, translated: str) -> list[Span]:
    """The figures of `text` that are not in its translation, in order; each to stay as it is written.

    "20 300" is one number or two, which each side may have its own way: where one reading finds all, all are there.
    """
    missing = (
        [span for span in figures(text, pattern) if not _take(_keys(text, span), have)]
        for pattern in (_NUMBER, _UNGROUPED)
        for have in (_there(translated, _NUMBER), _there(translated, _UNGROUPED))
    )
    return min(missing, key=len)


def figures(text: str, number: re.Pattern[str] = _NUMBER, *, alone: bool = True) -> Iterator[Span]:
    """References and other numbers of a text, in order, none within another.

    `number`: how numbers are read. `alone`: without those in words ("2nd", "MP3"), which languages write as words.
    """
    plain = plain_digits(text)
    end = 0
    for reference in _REFERENCE.finditer(plain):
        yield from _numbers(text, number.finditer(plain, end, reference.start()), alone)
        yield Span(reference.start(), reference.end(), text[reference.start() : reference.end()])
        end = reference.end()
    yield from _numbers(text, number.finditer(plain, end), alone)


def mended(text: str, translated: str) -> str:
    """The translation with references put together again that came apart ("3: 16", "3.16")."""
    there = plain_digits(translated)
    for reference in {match[0] for match in _REFERENCE.finditer(plain_digits(text))}:
        if reference in there:
            continue
        apart = r"\s?[:.,\uff1a]\s?".join(map(re.escape, reference.split(":")))
        apart = _DASH.sub(lambda _: r"\s?[-\u2010-\u2015]\s?", apart.replace(r"\-", "-"))
        found = list(re.finditer(rf"(?<![\d:.,]){apart}(?!\d)", there))
        if len(found) == 1:
            translated = translated[: found[0].start()] + reference + translated[found[0].end() :]
            there = plain_digits(translated)
    return translated


def plain_digits(text: str) -> str:
    """The text with the digits of all scripts as 0 to 9, each in its place."""
    if text.isascii():
        return text
    return "".join(str(unicodedata.digit(c)) if c.isdecimal() and not c.isascii() else c for c in text)


def _numbers(text: str, found: Iterable[re.Match[str]], alone: bool) -> Iterator[Span]:
    for number in found:
        start, end = number.span()
        if not (alone and (_LATIN.match(text[max(0, start - 1) : start]) or _LATIN.match(text, end))):
            yield Span(start, end, text[start:end])


def _there(translated: str, number: re.Pattern[str]) -> Counter[str]:
    """The figures of a translation. "Chapter 3, verse 16" may have become "3:16"."""
    spans = list(figures(translated, number, alone=False))
    within = [part for span in spans if ":" in span.rendering for part in re.findall(r"\d+", span.rendering)]
    counted = [count for span in spans if (count := _counted(translated, span))]
    return Counter([*map(_key, [*(span.rendering for span in spans), *within]), *counted])


def _take(keys: list[str], have: Counter[str]) -> bool:
    """Whether a figure is there still, for each time it is in the source."""
    found = next((key for key in keys if have[key] > 0), None)
    if found is not None:
        have[found] -= 1
    return found is not None


def _keys(text: str, span: Span) -> list[str]:
    """What a figure may have become: itself; with a multiplier what it counts; an hour of half a day ("7 p.m.") that of
    the whole one."""
    counted = _counted(text, span)
    keys = [_key(span.rendering), *([counted] if counted else [])]
    half, (hour, _, minutes) = _HALF_OF_THE_DAY.match(text, span.end), plain_digits(span.rendering).partition(":")
    if half is not None and hour.isdecimal() and 1 <= int(hour) <= 12:
        whole = str(int(hour) % 12 + 12 * (half[1] in "pP"))
        keys = [f"{whole}:{minutes or '00'}", f"{whole}{minutes or '00'}", *([] if minutes else [whole]), *keys]
    return keys


def _counted(text: str, span: Span) -> str:
    """What a number counts with the multiplier behind it, in digits; empty without one."""
    multiplier = _MULTIPLIED.match(text, span.end)
    if multiplier is None or ":" in span.rendering:
        return ""
    plain = plain_digits(span.rendering)
    # One mark, and not before three digits, is a decimal one.
    whole, _, fraction = plain.replace(",", ".").partition(".")
    if not fraction.isdecimal() or len(fraction) == 3:
        whole, fraction = _SEPARATORS.sub("", plain), ""
    digits = fraction.ljust(_POWER[multiplier[1].lower()], "0")
    return (whole + digits).lstrip("0") if len(digits) == _POWER[multiplier[1].lower()] else ""


def _key(figure: str) -> str:
    """What is the same however it is written: digits without separators, references with one kind of dash."""
    plain = plain_digits(figure)
    return _DASH.sub("-", plain) if ":" in plain else _SEPARATORS.sub("", plain)
