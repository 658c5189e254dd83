"""The logs for other tools hold what those read, and give our own figures when computed from them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.eval import formats
from tests.eval.measures import laal, stream_laal
from tests.unit.eval.broadcasts import two_segments


def instances(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "instances.log").read_text("utf-8").splitlines()]


@pytest.fixture
def written(tmp_path: Path) -> Path:
    (folder,) = formats.write(two_segments(), tmp_path)
    return folder


def test_simulevals_log_has_an_instance_for_each_sentence_in_milliseconds_from_its_start(written: Path) -> None:
    first, second = instances(written)
    assert first == {
        "index": 0,
        "prediction": "Buenos días a todos.",
        "delays": [3000.0, 3250.0, 3250.0, 3250.0],  # No more than the sentence's length had been played.
        "elapsed": [3000.0, 4500.0, 4500.0, 4500.0],
        "prediction_length": 4,
        "reference": "Buenos días a todos.",
        "source": ["talk.wav", "samplerate: 16000 Hz, offset: 0.000 s"],
        "source_length": 3250.0,
    }
    assert (second["index"], second["delays"], second["elapsed"]) == (1, [4000.0], [4000.0])
    assert (written / "config.yaml").read_text() == "source_type: speech\ntarget_type: text\n"


def test_simulevals_log_gives_the_lagging_that_the_report_gives(written: Path) -> None:
    values = []
    for each in instances(written):
        assert isinstance(each["elapsed"], list)
        assert isinstance(each["source_length"], float)
        value = laal(each["elapsed"], each["source_length"], len(str(each["reference"]).split()))
        assert value is not None
        values.append(value / 1000)
    talk = two_segments()
    assert sum(values) / len(values) == pytest.approx(stream_laal(talk, talk.tracks["es"]))


def test_omnistevals_files_agree_on_the_recording_and_the_count_of_sentences(written: Path) -> None:
    hypothesis = json.loads((written / "hypothesis.jsonl").read_text("utf-8"))
    assert hypothesis["prediction"].split()[-1] == "Empecemos."
    assert hypothesis["elapsed"] == [3000.0, 4500.0, 4500.0, 4500.0, 7250.0]
    assert hypothesis["source_length"] == 10_000.0
    segmentation = json.loads((written / "segmentation.json").read_text())
    assert [(each["offset"], each["duration"]) for each in segmentation] == [(0.0, 3.25), (3.25, 6.75)]
    assert {each["wav"] for each in segmentation} == {hypothesis["source"][0]}
    assert len((written / "references.txt").read_text("utf-8").splitlines()) == 2


def test_a_language_without_reference_has_no_log(tmp_path: Path) -> None:
    talk = two_segments()
    pieces = [replace(talk.pieces[0], references={}), talk.pieces[1]]
    assert formats.write(replace(talk, pieces=pieces), tmp_path) == []
