"""Amazon Polly: voices of Amazon, streamed as they are made.

One request for each cue, unless the text is longer than a request may be. The request is answered before `speak` gives
the speech out, so that whoever waits learns of a refusal while another engine can still speak.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import structlog

from chassis import pcm
from chassis.aws import Failure, Misconfigured, failure_of, open_client
from chassis.errors import Exhausted, Invalid, LingocastError, Unavailable
from chassis.places import Places
from chassis.telemetry import Attribute, Metric, meter
from synthesis_svc.domain import polly
from synthesis_svc.domain.borrowed import respelled
from synthesis_svc.domain.framing import SENTENCE_PAUSE_SECONDS
from synthesis_svc.domain.polly import MARKUPS, Speaker, speakers
from synthesis_svc.domain.sound import silence
from synthesis_svc.domain.streaming import Levels, Polish
from synthesis_svc.domain.voices import Grade, Tier, Voice, best
from synthesis_svc.engines import Order, Speech, begun
from synthesis_svc.engines.polly_calls import POLLY_FAILURES, SERVICE, RefusedError, blocks, mistake, tried

if TYPE_CHECKING:
    from synthesis_svc.config import Config

log = structlog.get_logger()

# Of waiting for one answer in all, for what trickles in within every time-out: no text takes Amazon so long.
READING_SECONDS: Final = 20.0
# How soon voices are asked for that Amazon did not list, or of which one was gone.
_ASK_AGAIN_SECONDS: Final = 60.0
_MOST_PAGES: Final = 20
# Cues that wait for a connection, for each that there is; further ones are refused at once.
_WAITING_FOR_EACH: Final = 8
# For a cue that is late: the quickest voices, which are not the finest.
_QUICK: Final = Tier("quick", turn=0, patience_seconds=0.0, grades=(Grade.NEURAL, Grade.STANDARD))

_refused = meter.create_counter(Metric.SSML_REFUSED)


class Polly:
    """The client and the voices: the documented ones until it listed its own. At most `polly_connections` requests run
    at once; further cues wait as long as their tier's patience, then get ENGINE_OVERLOADED. An answer that was waited
    for `reading_seconds` in all is given up."""

    def __init__(self, client: Any, config: "Config", reading_seconds: float = READING_SECONDS) -> None:
        self._client, self._config = client, config
        self._reading_seconds = reading_seconds
        self._connections = Places(config.polly_connections, config.polly_connections * _WAITING_FOR_EACH, _overloaded)
        self._levels = Levels()
        self._stale_at = 0.0
        self._offer(polly.KNOWN)

    @asynccontextmanager
    async def speak(self, order: Order) -> AsyncIterator[Speech]:
        """As the port says. Raises Invalid(UNSUPPORTED_LANGUAGE or UNKNOWN_VOICE) too, for a voice that is gone, and
        Misconfigured(SYNTHESIS_FAILED)."""
        order = self._quickly(order) if order.hurried and not order.pinned else order
        async with aclosing(self._audio(order)) as audio:
            # Before this the caller has heard nothing, and whatever fails is raised from here.
            yield Speech(order.voice, await begun(audio))

    async def list_voices(self) -> None:
        """Asks for all voices. Raises Unavailable, Misconfigured or Exhausted."""
        listing: list[Mapping[str, Any]] = []
        token: dict[str, str] = {}
        for _ in range(_MOST_PAGES):
            try:
                answer = await self._tried(self._client.describe_voices, token)
            except RefusedError as refused:
                raise Unavailable("SYNTHESIS_FAILED", refused.failure.message) from refused
            listing += answer.get("Voices", ())
            if not answer.get("NextToken"):
                break
            token = {"NextToken": answer["NextToken"]}
        self._stale_at = _now() + self._config.polly_voices_seconds
        if found := speakers(listing):
            # An answer without any is no reason to offer none.
            self._offer(found)
        log.info("polly_ready", voices=len(self.voices))

    async def keep_voices(self) -> None:
        """Asks for the voices now and then, for ever: soon where they were not listed, or one turned out to be gone."""
        while True:
            await asyncio.sleep(min(_ASK_AGAIN_SECONDS, self._config.polly_voices_seconds))
            if _now() >= self._stale_at:
                try:
                    await self.list_voices()
                except LingocastError as error:
                    not_listed(error)

    def _offer(self, found: Mapping[Voice, Speaker]) -> None:
        self._speakers = found
        self.voices: Sequence[Voice] = tuple(found)

    async def _tried(self, call: Any, request: Mapping[str, str]) -> Any:
        return await tried(call, request, self._config.polly_timeout_seconds)

    def _quickly(self, order: Order) -> Order:
        return replace(order, voice=best(self.voices, order.language, _QUICK) or order.voice)

    async def _audio(self, order: Order) -> AsyncGenerator[bytes, None]:
        speaker = self._speakers.get(order.voice)
        if speaker is None:
            raise _gone(order)
        voice, delivery = order.voice, order.delivery
        louder = (delivery.volume, delivery.emphasis if MARKUPS[voice.grade].emphasis else None)
        polish = Polish(self._levels, (voice, louder), polly.gain_db(delivery, voice.grade))
        pause = 0.0
        for part in polly.parts(respelled(order.text, order.language), delivery, voice.grade):
            patience = _now() + order.tier.patience_seconds
            async with self._connections.one(patience), self._spoken(part, speaker, order) as body:
                async for block in blocks(body, self._reading_seconds):
                    if polished := polish.push(pcm.samples(block)):
                        yield silence(pause) + polished
                        pause = 0.0
            if polished := polish.finish():
                yield silence(pause) + polished
            pause = SENTENCE_PAUSE_SECONDS / delivery.tempo + delivery.pause_seconds

    @asynccontextmanager
    async def _spoken(self, text: str, speaker: Speaker, order: Order) -> AsyncIterator[Any]:
        """The body of an answer; leaving closes it, read or not, and with it the connection of one not read."""
        request = {
            "Engine": speaker.engine,
            "VoiceId": speaker.voice_id,
            "OutputFormat": "pcm",
            "SampleRate": str(pcm.SAMPLE_RATE),
            "Text": polly.marked_up(text, order.delivery, order.voice.grade),
            "TextType": "ssml",
        }
        if speaker.language:
            request["LanguageCode"] = speaker.language
        try:
            answer = await self._tried(self._client.synthesize_speech, request)
        except RefusedError as refused:
            answer = await self._plainly(refused.failure, {**request, "Text": text, "TextType": "text"}, order)
        body = answer["AudioStream"]
        try:
            if "pcm" not in answer.get("ContentType", ""):
                raise Unavailable("SYNTHESIS_FAILED", f"{SERVICE} answered with something else than audio")
            yield body
        finally:
            body.close()

    async def _plainly(self, failure: Failure, request: Mapping[str, str], order: Order) -> Any:
        """Once more without markup, where it was the markup that was refused; raises what any other refusal means."""
        if failure.code not in polly.SSML_REFUSALS:
            raise self._refusal(failure, order)
        grade = order.voice.grade
        log.warning("ssml_refused", reason=failure.code, engine=polly.NAME, grade=grade, language=order.language)
        _refused.add(1, {Attribute.ENGINE.value: polly.NAME, Attribute.REASON.value: failure.code})
        try:
            return await self._tried(self._client.synthesize_speech, request)
        except RefusedError as refused:
            raise self._refusal(refused.failure, order) from refused

    def _refusal(self, failure: Failure, order: Order) -> Invalid:
        if failure.code not in polly.VOICE_REFUSALS:
            return Invalid("SYNTHESIS_FAILED", failure.message)
        self._stale_at = 0.0
        log.warning("voice_refused", reason=failure.code, voice=order.voice.name)
        return _gone(order)


def _gone(order: Order) -> Invalid:
    if order.pinned:
        return Invalid("UNKNOWN_VOICE", f"{SERVICE} does not offer the voice {order.voice.name} here")
    return Invalid("UNSUPPORTED_LANGUAGE", f"{SERVICE} does not speak {order.language} here")


def _overloaded() -> Exhausted:
    return Exhausted("ENGINE_OVERLOADED", f"too much text is waiting for {SERVICE}")


def _now() -> float:
    return asyncio.get_running_loop().time()


def not_listed(error: LingocastError) -> None:
    """Says that Amazon did not list its voices: those there are stay."""
    log.warning("voices_not_listed", engine=polly.NAME, reason=error.reason, message=error.message)


@asynccontextmanager
async def open_engine(config: "Config") -> AsyncIterator[Polly]:
    """Asks Amazon for its voices, once; later in the background, too.

    Raises Misconfigured(SYNTHESIS_FAILED) where credentials, rights or the region are wrong. An Amazon that does not
    answer is no reason not to start: its documented voices are offered until it does.
    """
    connecting = open_client(
        "polly",
        region=config.aws_region,
        endpoint=config.polly_endpoint,
        timeout=config.polly_timeout_seconds,
        connections=config.polly_connections + 1,  # One for the list of voices.
    )
    async with AsyncExitStack() as stack:
        try:
            client = await stack.enter_async_context(connecting)
        except POLLY_FAILURES as error:
            raise mistake(failure_of(error, SERVICE)) from error
        engine = Polly(client, config)
        try:
            await engine.list_voices()
        except Misconfigured:
            raise
        except (Exhausted, Unavailable) as error:
            not_listed(error)
        async with asyncio.TaskGroup() as tasks:
            keeping = tasks.create_task(engine.keep_voices())
            try:
                yield engine
            finally:
                keeping.cancel()
