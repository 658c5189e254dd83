"""Protobuf to the pipeline's words and back: the border that protobuf does not cross."""

import time
from collections.abc import AsyncIterator

from chassis import language, pcm
from chassis.durations import duration, seconds
from chassis.errors import Invalid
from chassis.glossary import Glossary, Term, glossary
from chassis.pcm import BYTES_PER_SAMPLE, SAMPLE_RATE
from protos.audio.v1 import audio_pb2
from protos.transcription.v1 import transcription_pb2
from protos.translation.v1 import translation_pb2
from transcription_svc.domain.events import (
    AudioIn,
    Caption,
    CuesDropped,
    GlossaryChanged,
    Input,
    LagReport,
    LanguageStatus,
    Options,
    Output,
    PausedChanged,
    SourceCaption,
    TargetsChanged,
    Warned,
)
from transcription_svc.domain.hypothesis import Hypothesis
from transcription_svc.domain.playout import Cue, EndCue, PlayAudio, StartCue
from transcription_svc.domain.quality import Issue, QualityRecovered, QualityWarning

TIERS = ("standard", "premium")
# Offsets may be rounded to milliseconds, each start and each end.
ROUNDING_SECONDS = 0.002
_ISSUES = {
    Issue.SNR_LOW: transcription_pb2.QUALITY_ISSUE_SNR_LOW,
    Issue.CLIPPING: transcription_pb2.QUALITY_ISSUE_CLIPPING,
    Issue.ECHO: transcription_pb2.QUALITY_ISSUE_ECHO,
    Issue.SILENCE: transcription_pb2.QUALITY_ISSUE_SILENCE,
}
_FORMAT = audio_pb2.AudioFormat(encoding=audio_pb2.AUDIO_ENCODING_PCM_S16LE, sample_rate_hertz=SAMPLE_RATE)


def options(config: transcription_pb2.BroadcastConfig) -> Options:
    """The first message of a broadcast. Raises Invalid."""
    check_format(config.audio_format)
    # A Duration of zero is what it is to be absent.
    buffer = seconds(config.max_buffer) or None
    if buffer is not None and not 2.0 <= buffer <= 10.0:
        raise Invalid("INVALID_PARAMETER", "max_buffer is 2 to 10 seconds")
    if config.min_stability and not 0.70 <= round(config.min_stability, 4) <= 0.95:
        raise Invalid("INVALID_PARAMETER", "min_stability is 0.70 to 0.95")
    return Options(
        session_id=config.session_id,
        language=language.parse(config.source_language),
        tier=tier(config.quality_tier),
        targets=tuple(language.parse(code) for code in config.target_languages),
        final_only=config.final_only,
        # Zero is what it is to be absent; a float of 32 bits is not quite what was meant.
        min_stability=round(config.min_stability, 4) or 0.85,
        buffer_seconds=buffer,
        first_segment_id=config.first_segment_id or 1,
        glossary=terms(config.glossary),
    )


def tier(name: str) -> str:
    """A quality tier's name, the default for none. Raises Invalid."""
    if name and name not in TIERS:
        raise Invalid("INVALID_PARAMETER", f"quality_tier is one of: {', '.join(TIERS)}")
    return name or TIERS[0]


def terms(given: translation_pb2.Glossary) -> Glossary:
    """A session's glossary. Raises Invalid."""
    return glossary(Term(term.source, term.target, term.language) for term in given.terms)


def check_format(audio_format: audio_pb2.AudioFormat) -> None:
    """Raises Invalid for all but PCM s16le at 16 kHz."""
    if audio_format != _FORMAT:
        raise Invalid("INVALID_AUDIO_FORMAT", "audio is PCM s16le, one channel, 16000 Hz")


def whole_samples(audio: bytes) -> bytes:
    """The audio, unless it ends in half a sample. Raises Invalid."""
    if len(audio) % BYTES_PER_SAMPLE:
        raise Invalid("INVALID_AUDIO_FORMAT", "audio holds whole 16-bit samples")
    return audio


async def inputs(requests: AsyncIterator[transcription_pb2.BroadcastRequest]) -> AsyncIterator[Input]:
    """What follows the configuration. Raises Invalid."""
    end = 0.0
    async for request in requests:
        match request.WhichOneof("request"):
            case "audio":
                chunk = request.audio
                audio = whole_samples(chunk.audio)
                if audio:
                    start = _not_before(end, seconds(chunk.start_offset))
                    end = start + pcm.seconds(audio)
                    yield AudioIn(audio, start, chunk.received_at.ToNanoseconds() / 1e9 or time.time())
            case "targets":
                yield TargetsChanged(frozenset(language.parse(code) for code in request.targets.languages))
            case "paused":
                yield PausedChanged(request.paused.paused)
            case "config":
                raise Invalid("INVALID_PARAMETER", "the configuration is sent once, first")
            case "glossary":
                yield GlossaryChanged(terms(request.glossary))
            case _:
                raise Invalid("INVALID_PARAMETER", "an empty request")


def _not_before(end: float, start: float) -> float:
    """The start of a chunk, rounding of the caller's taken out. Raises Invalid when it goes back."""
    if start < end - ROUNDING_SECONDS:
        raise Invalid("INVALID_PARAMETER", "start_offset lies before the end of the audio sent already")
    return max(start, end)


def response(event: Output) -> transcription_pb2.BroadcastResponse:  # noqa: PLR0911, C901 - a table
    """One event on the wire."""
    match event:
        case SourceCaption():
            return transcription_pb2.BroadcastResponse(source_caption=_source_caption(event))
        case Caption():
            return transcription_pb2.BroadcastResponse(caption=_caption(event))
        case StartCue(cue, lag_seconds):
            return transcription_pb2.BroadcastResponse(cue_start=_cue_start(cue, lag_seconds))
        case PlayAudio(cue, audio):
            out = transcription_pb2.CueAudio(cue_id=cue.cue_id, language=cue.language, audio=audio)
            return transcription_pb2.BroadcastResponse(cue_audio=out)
        case EndCue(cue, length):
            end = transcription_pb2.CueEnd(cue_id=cue.cue_id, language=cue.language, audio_duration=duration(length))
            return transcription_pb2.BroadcastResponse(cue_end=end)
        case CuesDropped(code, segments, length, reason):
            dropped = transcription_pb2.CuesDropped(
                language=code, segment_ids=segments, audio_duration=duration(length), reason=reason
            )
            return transcription_pb2.BroadcastResponse(cues_dropped=dropped)
        case LanguageStatus(code, available, reason):
            status = transcription_pb2.LanguageStatus(language=code, available=available, reason=reason)
            return transcription_pb2.BroadcastResponse(language_status=status)
        case LagReport(voice_lag, queued):
            report = transcription_pb2.LagReport(
                voice_lag={code: duration(lag) for code, lag in voice_lag.items()},
                queued_audio={code: duration(length) for code, length in queued.items()},
            )
            return transcription_pb2.BroadcastResponse(lag_report=report)
        case Warned(reason, message):
            warning = transcription_pb2.BroadcastWarning(reason=reason, message=message)
            return transcription_pb2.BroadcastResponse(warning=warning)
        case QualityWarning(issue, value, threshold, advice):
            flaw = transcription_pb2.QualityWarning(
                issue=_ISSUES[issue], value=value, threshold=threshold, advice=advice
            )
            return transcription_pb2.BroadcastResponse(quality_warning=flaw)
        case QualityRecovered(issue):
            over = transcription_pb2.QualityRecovered(issue=_ISSUES[issue])
            return transcription_pb2.BroadcastResponse(quality_recovered=over)


def recognized(hypothesis: Hypothesis) -> transcription_pb2.StreamingRecognizeResponse:
    """What an engine believes, on the wire."""
    return transcription_pb2.StreamingRecognizeResponse(
        utterance_id=hypothesis.utterance_id,
        words=[
            transcription_pb2.RecognizedWord(text=word.text, span=span(word.start, word.end), stable=word.stable)
            for word in hypothesis.words
        ],
        is_final=hypothesis.is_final,
    )


def span(start: float, end: float) -> audio_pb2.TimeSpan:
    """Offsets in seconds to a TimeSpan."""
    return audio_pb2.TimeSpan(start_offset=duration(start), end_offset=duration(end))


def _source_caption(event: SourceCaption) -> transcription_pb2.SourceCaption:
    return transcription_pb2.SourceCaption(
        segment_id=event.segment_id,
        text=event.text,
        stable_chars=event.stable_chars,
        is_final=event.is_final,
        span=span(event.start, event.end),
        traceparent=event.traceparent,
    )


def _caption(event: Caption) -> transcription_pb2.Caption:
    return transcription_pb2.Caption(
        segment_id=event.segment_id,
        language=event.language,
        text=event.text,
        stable_chars=event.stable_chars,
        is_final=event.is_final,
        span=span(event.start, event.end),
        traceparent=event.traceparent,
    )


def _cue_start(cue: Cue, lag_seconds: float) -> transcription_pb2.CueStart:
    return transcription_pb2.CueStart(
        cue_id=cue.cue_id,
        segment_id=cue.segment_id,
        language=cue.language,
        format=_FORMAT,
        span=span(cue.start, cue.end),
        tempo=cue.tempo,
        lag=duration(lag_seconds),
        traceparent=cue.traceparent,
    )
