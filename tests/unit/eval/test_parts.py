"""Which recordings are played, and in which languages they are listened to."""

import wave
from pathlib import Path

import pytest

from chassis.system import Ready, System
from tests.eval.corpus import Script
from tests.eval.ear import WhisperEar
from tests.eval.parts import Course
from tests.eval.records import Piece

SYSTEM = System("", Path(), {}, {}, ready=Ready(languages={"en": ("es", "fr", "pt", "en"), "pt": ("en", "es")}))


def course(path: Path, *languages: str, recordings: Path | None = None) -> Course:
    return Course(path, path, recordings, WhisperEar(path, path), languages=languages)


def script(language: str, **references: str) -> Script:
    return Script("talk", language, b"", (Piece(0.0, 1.0, "Good morning.", references),), ())


def test_languages_asked_for_go_first_then_those_with_references(tmp_path: Path) -> None:
    talk = script("en", es="Buenos días.")
    assert course(tmp_path).targets(SYSTEM, talk, 3) == ["es", "pt", "fr"]
    assert course(tmp_path, "fr").targets(SYSTEM, talk, 2) == ["fr", "es"]
    assert course(tmp_path, "de", "fr").targets(SYSTEM, talk, 1) == ["fr"]


def test_a_region_of_a_language_is_that_language(tmp_path: Path) -> None:
    assert course(tmp_path, "es-MX").targets(SYSTEM, script("pt-BR"), 2) == ["es", "en"]


@pytest.mark.parametrize(("language", "wanted"), [("ja", ()), ("en", ("de",)), ("pt", ("pt",))])
def test_nothing_else_is_measured_in_place_of_what_was_asked_for(
    tmp_path: Path, language: str, wanted: tuple[str, ...]
) -> None:
    with pytest.raises(ValueError, match=f"from {language}"):
        course(tmp_path, *wanted).targets(SYSTEM, script(language))


def test_ones_own_recordings_are_played_and_no_others(tmp_path: Path) -> None:
    here = tmp_path / "mine" / "sermon-pt"
    here.mkdir(parents=True)
    (here / "trans.txt").write_text("one.wav\tBom dia.\n")
    with wave.open(str(here / "one.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(bytes(32_000))
    found = course(tmp_path, recordings=tmp_path / "mine")
    assert [file.name for files in found.files for file in files] == ["sermon-pt/one.wav"]
    assert found.main[0].language == "pt"
