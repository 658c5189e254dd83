"""What the stand-in for Amazon Polly says: real speech by espeak-ng, or a tone of natural length where it is missing.

SSML is read and refused as Polly's engines do (Developer Guide, "Supported SSML tags"), then spoken roughly: prosody
rate and volume, emphasis and breaks can be measured in the audio.
"""

import asyncio
import re
import shutil
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final
from xml.etree import ElementTree

import numpy as np
import soxr

from chassis.pcm import Samples, samples

_ALL: Final = frozenset({"standard", "neural", "long-form", "generative"})
_TAGS: Final = {
    **dict.fromkeys(("speak", "break", "lang", "mark", "p", "phoneme", "prosody", "s", "say-as", "sub", "w"), _ALL),
    "emphasis": frozenset({"standard"}),
    "amazon-auto-breaths": frozenset({"standard"}),
    "amazon-breath": frozenset({"standard"}),
    "amazon-domain": frozenset({"neural"}),
}
_ROOT: Final = {"version", "xmlns", "{http://www.w3.org/XML/1998/namespace}lang"}
_KEYWORD_RATES: Final = {"x-slow": 0.5, "slow": 0.8, "medium": 1.0, "fast": 1.25, "x-fast": 1.6}
_KEYWORD_VOLUMES: Final = {"x-soft": -12.0, "soft": -6.0, "medium": 0.0, "loud": 6.0, "x-loud": 12.0, "default": 0.0}
_EMPHASIS: Final = {"strong": (0.9, 6.0), "moderate": (0.95, 3.0), "reduced": (1.05, -3.0), "none": (1.0, 0.0)}
_WORDS_PER_MINUTE: Final = 170
# Polly's voices are about so loud; ours are not.
_ACTIVE_DBFS: Final = -25.0
_LEAD_SECONDS: Final = 0.08
_TAIL_SECONDS: Final = 0.35
_TONE_SECONDS_PER_CHARACTER: Final = 0.065


class SsmlRefusedError(Exception):
    """`str()` is Amazon's sentence."""


@dataclass(frozen=True, slots=True)
class Said:
    """A run of text, or a pause (`text` empty). `volume`: dB."""

    text: str
    rate: float = 1.0
    volume: float = 0.0
    seconds: float = 0.0


def billed(ssml: str) -> int:
    """Characters of a document without its tags."""
    return len("".join(_tree(ssml).itertext()))


def read(ssml: str, engine: str) -> list[Said]:
    """A document as what is said. Raises SsmlRefusedError."""
    root = _tree(ssml)
    if _name(root) != "speak" or not set(root.attrib) <= _ROOT:
        raise SsmlRefusedError("Invalid SSML request")
    if engine == "generative" and _splits_sentences(root):
        raise SsmlRefusedError("Unsupported Generative feature")
    return list(_read(root, engine, Said("")))


def _tree(ssml: str) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(re.sub(r"(</?|\s)amazon:", r"\1amazon-", ssml))
    except ElementTree.ParseError as error:
        raise SsmlRefusedError("Invalid SSML request") from error


def _read(element: ElementTree.Element, engine: str, way: Said) -> Iterator[Said]:
    name = _name(element)
    if engine not in _TAGS.get(name, frozenset()) and name != "amazon-effect":
        raise SsmlRefusedError(f"Unsupported {engine.title()} feature" if name in _TAGS else "Invalid SSML request")
    match name:
        case "amazon-effect" if engine != "standard" and (engine == "generative" or element.get("name") != "drc"):
            raise SsmlRefusedError(f"Unsupported {engine.title()} feature")
        case "prosody":
            way = _prosody(element, engine, way)
        case "emphasis":
            rate, volume = _EMPHASIS[element.get("level", "moderate")]
            way = replace(way, rate=way.rate * rate, volume=way.volume + volume)
        case "break":
            yield Said("", seconds=_pause(element))
    if element.text:
        yield replace(way, text=element.text)
    for child in element:
        yield from _read(child, engine, way)
        if child.tail:
            yield replace(way, text=child.tail)


def _prosody(element: ElementTree.Element, engine: str, way: Said) -> Said:
    if engine != "standard" and not set(element.attrib) <= {"rate", "volume"}:
        raise SsmlRefusedError(f"Unsupported {engine.title()} feature")
    if not element.attrib or not set(element.attrib) <= {"rate", "volume", "pitch", "amazon-max-duration"}:
        raise SsmlRefusedError("Invalid SSML request")
    rate, volume = element.get("rate", "100%"), element.get("volume", "+0dB")
    factor = _KEYWORD_RATES.get(rate) or (int(rate[:-1]) / 100 if re.fullmatch(r"\d+%", rate) else 0.0)
    if not 0.2 <= factor <= 2.0 or not (volume in _KEYWORD_VOLUMES or re.fullmatch(r"[+-]\d+(\.\d+)?dB", volume)):
        raise SsmlRefusedError("Invalid SSML request")
    gain = _KEYWORD_VOLUMES[volume] if volume in _KEYWORD_VOLUMES else float(volume[:-2])
    return replace(way, rate=way.rate * factor, volume=way.volume + gain)


def _pause(element: ElementTree.Element) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s)", element.get("time", "400ms"))
    seconds = float(found[1]) / (1000 if found[2] == "ms" else 1) if found else 99.0
    if seconds > 10.0:
        raise SsmlRefusedError("Invalid SSML request")
    return seconds


def _splits_sentences(root: ElementTree.Element) -> bool:
    """Whether a prosody begins or ends within a sentence."""
    found = list(root.iter())
    for parent in found:
        before = (parent.text or "").strip()
        for child in parent:
            if _name(child) == "prosody" and before and before[-1] not in ".?!…":
                return True
            before = (child.tail or "").strip() or before
    return False


def _name(element: ElementTree.Element) -> str:
    return element.tag.rsplit("}", 1)[-1]


async def speech(said: list[Said], language: str) -> Samples:
    """The audio, 16 kHz, with silence before and after as Polly makes it. `language`: Polly's code."""
    waves = [_silence(_LEAD_SECONDS)]
    for run in said:
        if run.seconds:
            waves.append(_silence(run.seconds))
        elif any(character.isalnum() for character in run.text):
            waves.append(await _spoken(run, language))
    return np.concatenate([*waves, _silence(_TAIL_SECONDS)])


async def _spoken(run: Said, language: str) -> Samples:
    wave = await _by_espeak(run, language) if shutil.which("espeak-ng") else _tone(run)
    active = wave[np.abs(wave) > 0.1 * float(np.abs(wave).max(initial=0.0))]
    level = 20 * np.log10(np.sqrt(np.mean(np.square(active)))) if active.size else _ACTIVE_DBFS
    return (wave * np.float32(10 ** ((_ACTIVE_DBFS - level + run.volume) / 20))).astype(np.float32)


async def _by_espeak(run: Said, language: str) -> Samples:
    code = {"arb": "ar", "ar-AE": "ar", "cmn-CN": "cmn", "yue-CN": "yue", "pt-BR": "pt-br", "en-US": "en-us"}
    voice = code.get(language, language.partition("-")[0])
    process = await asyncio.create_subprocess_exec(
        "espeak-ng", "-v", voice, "-s", str(round(_WORDS_PER_MINUTE * run.rate)), "-b", "1", "--stdin", "--stdout",
        stdin=PIPE, stdout=PIPE, stderr=DEVNULL,
    )  # fmt: skip
    output, _ = await process.communicate(run.text.encode())
    body = output[44:]
    rate = int.from_bytes(output[24:28], "little")
    wave = soxr.resample(samples(body[: len(body) // 2 * 2]), rate, 16_000).astype(np.float32)
    loud = np.flatnonzero(np.abs(wave) > 0.005)
    spoken: Samples = wave[loud[0] : loud[-1] + 1] if loud.size else wave[:0]
    return spoken


def _tone(run: Said) -> Samples:
    count = round(len(run.text.strip()) * _TONE_SECONDS_PER_CHARACTER / run.rate * 16_000)
    return (0.3 * np.sin(2 * np.pi * 220 * np.arange(count) / 16_000)).astype(np.float32)


def _silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * 16_000), np.float32)
