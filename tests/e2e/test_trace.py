"""One spoken segment is one trace, from the microphone's chunk to the listener's socket (O1)."""

import asyncio
from pathlib import Path

from chassis.system import launched
from edge.client import CueEnd, Listener, Speaker, pace
from tests.e2e.talks import Received, noise, silence
from tests.fakes.collector import Collector, Spanned, collecting


async def test_one_segment_is_one_trace_through_all_processes(tmp_path: Path) -> None:
    async with collecting() as (collector, endpoint):
        async with launched(data=tmp_path, env={"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}) as system:
            received = Received()
            async with (
                asyncio.timeout(60),
                asyncio.TaskGroup() as tasks,
                Speaker.open(system.url, system.speaker_token) as speaker,
                Listener.open(system.url, speaker.session_id, "es") as listener,
            ):
                tasks.create_task(received.read(listener))
                async for chunk in pace(noise(2.5) + silence(0.8)):
                    await speaker.send(chunk)
                await received.until(lambda so_far: so_far.of(CueEnd))
                await speaker.end()
                await received.ended()
            # A fan-out's span is recorded when even a slow listener had a second to take it.
            async with asyncio.timeout(30):
                while len(voiced(collector)) < len(received.of(CueEnd)):  # noqa: ASYNC110 - nothing tells
                    await asyncio.sleep(0.1)
        # With what the services sent while they drained.
        traces, metrics = voiced(collector), collector.metrics
    assert len(traces) == len(received.of(CueEnd))
    check(traces[0])
    assert {"lingocast_caption_lag_seconds", "lingocast_voice_lag_seconds"} <= metrics


def voiced(collector: Collector) -> list[list[Spanned]]:
    """The traces of cues that went out."""
    return [spans for spans in collector.traces.values() if any(span.name == "edge.cue" for span in spans)]


def check(spans: list[Spanned]) -> None:
    """The spans of one segment hang together, in the order of what happens."""
    by_name = {span.name: span for span in spans}
    assert {
        ("transcription_svc", "segment"),
        ("edge", "edge.receive"),
        ("transcription_svc", "recognize"),
        ("transcription_svc", "translate"),
        ("translation_svc", "engine.translate"),
        ("transcription_svc", "voice"),
        ("synthesis_svc", "engine.synthesize"),
        ("edge", "edge.caption"),
        ("edge", "edge.cue"),
    } <= {(span.service, span.name) for span in spans}
    ids = {span.span_id for span in spans}
    roots = [span for span in spans if not span.parent_id]
    assert [root.name for root in roots] == ["segment"]
    assert [span.name for span in spans if span.parent_id and span.parent_id not in ids] == []
    root = roots[0]
    assert by_name["edge.receive"].start >= root.start - 0.05
    order = ["edge.receive", "translate", "voice", "edge.cue"]
    starts = [by_name[name].start for name in order]
    assert starts == sorted(starts)
    assert root.attributes["lingocast.session"].count("-") == 2
