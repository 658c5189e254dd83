"""The evaluation works, small: real speech through the real local system, every output written, nothing absurd in it.

Its figures are for a person at a quiet machine; here they only have to be possible.
"""

import json
import wave
from pathlib import Path

import pytest

from tests.eval import report
from tests.eval.ear import WhisperEar
from tests.eval.goals import ONE
from tests.eval.measures import caption_lags, load_of, segment_ends, voice_lags, word_lags
from tests.eval.parts import Course, Round, clean, share
from tests.recordings import word_error_rate

SECONDS = 13.0

pytestmark = [pytest.mark.local_engines, pytest.mark.timeout(400)]


@pytest.fixture
def course(models: Path, tmp_path: Path) -> Course:
    out = tmp_path / "eval"
    out.mkdir()
    ear = WhisperEar(models.parent, out / "words")
    return Course(models.parent, out, None, ear, quick=True, longest=SECONDS)


async def test_real_speech_is_evaluated_and_every_output_written(course: Course) -> None:
    part = await clean(course, [Round(ONE)])
    part.save(course.out)
    (talk,) = part.performances
    (track,) = talk.tracks.values()
    ends = segment_ends(talk)

    assert word_error_rate(talk.transcript, talk.source.text()) < 0.3
    assert len(talk.words) > 20
    # Half a second is what attention alignment may be off by; ten, far more than a busy machine needs.
    assert all(-0.5 < lag < 20 for lag in caption_lags(track, ends))
    assert len(word_lags(talk)) > len(talk.words) / 2
    voiced = voice_lags(track, ends)
    assert voiced
    assert all(-0.5 < lag < 30 for _, lag in voiced)
    assert track.gold
    assert track.heard_back
    use = load_of(talk)
    assert use is not None
    assert 0.05 < use.system < 2.5
    assert set(use.services) == {"session", "translation", "synthesis", "transcription", "edge"}

    judged = {verdict.goal.text: verdict for verdict in report.write(course.out)}
    assert judged["voice lag p50, one language"].value is not None
    assert judged["drift: voice lag p95, last five minutes / first five"].value is None
    text = (course.out / "report.md").read_text("utf-8")
    assert "measures nothing" in text
    assert all((course.out / "pictures" / name).stat().st_size > 1000 for name in ("lags.png", "lag.png", "cpu.png"))
    (sound,) = (course.out / "audio").glob("*.wav")
    with wave.open(str(sound)) as file:
        assert file.getnframes() > 16_000 * talk.length / 2
    if talk.reference(track.language):
        (log,) = (course.out / "logs").glob("*/instances.log")
        instances = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
        assert len(instances) == len(talk.pieces)
        assert all(len(each["delays"]) == len(each["elapsed"]) == each["prediction_length"] for each in instances)


async def test_our_own_share_of_the_delay_is_measured_through_all_processes(course: Course) -> None:
    part = await share(course, (2, 2))
    assert [each for each in part.journeys if each.caption is not None]
    assert [each for each in part.journeys if each.cue is not None]
    assert [each for each in part.journeys if each.translation is not None]
    # Seconds would be engines'; instant ones leave no more than a busy machine's own.
    assert min(each.cue for each in part.journeys if each.cue is not None) < 1.0
