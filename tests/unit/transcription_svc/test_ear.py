"""What is measured beside the words fails without harm to them."""

import numpy as np
from structlog.testing import capture_logs

from chassis.pcm import to_bytes
from tests.alterations import still, talk, voice
from transcription_svc.domain.dynamics import NEUTRAL, Volume
from transcription_svc.domain.quality import Issue, QualityRecovered, QualityWarning
from transcription_svc.ear import Ear


def test_audio_that_cannot_be_measured_is_passed_over_and_told_in_the_log() -> None:
    ear = Ear("en", 20.0)
    with capture_logs() as logs:
        assert ear.hear(bytes(3201), 0.0) == []
    assert [(line["event"], line["error"]) for line in logs] == [("dynamics_failed", "ValueError")]
    sound = to_bytes(voice(2.0, 4.0))
    assert ear.hear(sound, 1.0) == []
    assert ear.dynamics(1.0, 3.0).volume is Volume.MEDIUM


def test_dynamics_that_cannot_be_told_are_neutral_and_told_in_the_log() -> None:
    ear = Ear("en", 20.0)
    ear.hear(to_bytes(voice(2.0, 4.0)), 0.0)
    with capture_logs() as logs:
        assert ear.dynamics(0.0, float("inf")) == NEUTRAL
    assert [line["event"] for line in logs] == ["dynamics_failed"]


def test_what_is_told_to_the_speaker_is_told_in_the_log() -> None:
    ear = Ear("en", 20.0)
    with capture_logs() as logs:
        changes = ear.hear(to_bytes(np.concatenate([still(6.0), talk(2.0)])), 0.0)
    assert [type(change) for change in changes] == [QualityWarning, QualityRecovered]
    assert {change.issue for change in changes} == {Issue.SILENCE}
    assert [(line["event"], line["issue"], line["warning"]) for line in logs] == [
        ("quality_changed", "SILENCE", True),
        ("quality_changed", "SILENCE", False),
    ]
