"""Recordings in folders: how they are read, cut, shortened and repeated."""

import wave
from pathlib import Path

import pytest

from chassis.pcm import seconds
from tests.eval import corpus
from tests.eval.records import Piece
from tests.recordings import Recording


class Clock:
    """Hears the words that it is told, one a second, each half a second long."""

    def __init__(self, *texts: str) -> None:
        self._texts = list(texts)

    def words(self, pcm: bytes, language: str) -> list[tuple[str, float, float]]:
        return [(word, index + 0.25, index + 0.75) for index, word in enumerate(self._texts.pop(0).split())]


def recording(text: str, length: float, **references: str) -> Recording:
    return Recording("talk-en/one.wav", bytes(int(length * 32_000)), text, "en", references)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    here = tmp_path / "sermon-pt-BR"
    here.mkdir()
    for name in ("one.wav", "two.wav"):
        with wave.open(str(here / name), "wb") as file:
            file.setparams((1, 2, 16_000, 0, "NONE", ""))
            file.writeframes(bytes(32_000))
    (here / "trans.txt").write_text("one.wav\tBom dia.\ntwo.wav\tVamos.\nthree.wav\tNão há.\n", "utf-8")
    (here / "reference-en.txt").write_text("one.wav\tGood morning.\n", "utf-8")
    return tmp_path


def test_a_folder_is_read_file_by_file_and_absent_files_are_passed_over(folder: Path) -> None:
    ((one, two),) = corpus.talks(folder)
    assert (one.name, one.text, one.references) == ("sermon-pt-BR/one.wav", "Bom dia.", {"en": "Good morning."})
    assert (two.name, two.text, two.references, two.seconds) == ("sermon-pt-BR/two.wav", "Vamos.", {}, 1.0)
    assert {one.language, two.language} == {"pt-BR"}


def test_a_transcript_of_absent_files_is_an_error_that_names_it(folder: Path) -> None:
    (folder / "sermon-pt-BR" / "trans.txt").write_text("four.wav\tNada.\n")
    with pytest.raises(ValueError, match=r"trans\.txt"):
        corpus.talks(folder)


def test_files_may_have_blanks_and_dots_in_their_names(folder: Path) -> None:
    here = folder / "sermon-pt-BR"
    (here / "one.wav").rename(here / "Part 1.2, final.wav")
    (here / "trans.txt").write_text(
        "Part 1.2, final.wav\tBom dia,\n  a todos.\ntwo.wav\tVamos.two-b.wav\tSim.\n", "utf-8"
    )
    ((one, two),) = corpus.talks(folder)
    assert (one.name, one.text) == ("sermon-pt-BR/Part 1.2, final.wav", "Bom dia, a todos.")
    assert two.text == "Vamos."


def test_a_folder_that_holds_no_talk_is_an_error(folder: Path, tmp_path: Path) -> None:
    for wrong in (folder / "sermon-pt-BR", tmp_path / "nothing"):
        with pytest.raises(ValueError, match=wrong.name):
            corpus.talks(wrong)


def test_what_is_left_out_of_a_folder_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "notes-en").mkdir()
    assert len(corpus.talks(folder)) == 1
    told = capsys.readouterr().out
    assert "notes-en is left out" in told
    assert "three.wav" in told


def test_a_recording_without_transcript_is_one_piece_without_words() -> None:
    found = corpus.script([recording("", 3.0), recording("", 1.0)], Clock("Unknown words.", ""))
    assert found.pieces == (Piece(0.0, 3.0, ""), Piece(3.0, 1.0, ""))
    assert (found.words, found.transcript) == ((), "")


def test_sentences_are_the_pieces_where_languages_agree_on_how_many() -> None:
    found = corpus.script(
        [recording("Good morning. We begin.", 5.0, pt="Bom dia. Vamos.")], Clock("Good morning. We begin.")
    )
    # Cut in the middle of the pause between "morning", which ends at 1.75, and "We", which begins at 2.25.
    assert found.pieces == (
        Piece(0.0, 2.0, "Good morning.", {"pt": "Bom dia."}),
        Piece(2.0, 3.0, "We begin.", {"pt": "Vamos."}),
    )
    assert found.languages == {"pt"}
    assert [(word.text, word.end) for word in found.words] == [
        ("good", 0.75),
        ("morning", 1.75),
        ("we", 2.75),
        ("begin", 3.75),
    ]


def test_a_file_is_one_piece_where_a_translation_has_fewer_sentences() -> None:
    found = corpus.script([recording("One. Two.", 3.0, pt="Um e dois.")], Clock("One. Two."))
    assert found.pieces == (Piece(0.0, 3.0, "One. Two.", {"pt": "Um e dois."}),)


def test_files_follow_each_other_with_the_gap_between_them() -> None:
    found = corpus.script([recording("One.", 2.0), recording("Two.", 2.0)], Clock("One.", "Two."), gap=0.5)
    assert [piece.start for piece in found.pieces] == [0.0, 2.5]
    assert found.words[1].start == 2.75
    assert found.length == 5.0


def test_the_beginning_is_whole_sentences_with_their_words() -> None:
    whole = corpus.script([recording("Good morning. We begin.", 5.0)], Clock("Good morning. We begin."))
    short = corpus.beginning(whole, 3.0)
    assert (short.transcript, len(short.words), short.length) == ("Good morning.", 2, 2.0)


def test_the_beginning_of_a_long_sentence_is_its_first_words() -> None:
    whole = corpus.script([recording("Good morning, all. We begin.", 5.0, pt="Bom dia.")], Clock("Good morning, all."))
    short = corpus.beginning(whole, 2.0)
    assert (short.transcript, short.length, short.languages) == ("Good morning,", 1.75, set())
    assert [word.text for word in short.words] == ["good", "morning"]


def test_repeated_scripts_fill_the_length_and_words_move_along() -> None:
    one = corpus.script([recording("One.", 2.0)], Clock("One."))
    long = corpus.repeated([one], 10.0, gap=1.0)
    assert [word.start for word in long.words] == [0.25, 3.25, 6.25]
    assert long.transcript == "One. One. One."
    assert seconds(long.audio) <= 10.0


def test_words_as_written_lie_where_their_parts_are_said() -> None:
    found = corpus.script([recording("Use speech/text, please.", 4.0)], Clock("Use speech slash text please."))
    assert [(word.text, word.start, word.end) for word in corpus.spoken(found)] == [
        ("Use", 0.25, 0.75),
        ("speech/text,", 1.25, 3.75),
        ("please.", 4.25, 4.75),
    ]
