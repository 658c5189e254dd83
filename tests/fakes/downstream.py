"""Translation and synthesis by hand: they answer at once, unless a test says otherwise, and remember what was asked."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from chassis.errors import Unavailable
from protos.synthesis.v1 import synthesis_pb2, synthesis_pb2_grpc
from protos.translation.v1 import translation_pb2, translation_pb2_grpc

BYTES_A_SECOND = 32_000


class FakeTranslation(translation_pb2_grpc.TranslationServiceServicer):
    """`hello` into es is `es:hello`."""

    def __init__(self, pairs: tuple[tuple[str, str], ...] = (("en", "es"), ("en", "pt"), ("en", "de"))) -> None:
        self.requests: list[translation_pb2.TranslateRequest] = []
        self.pairs = pairs
        self.delays: dict[str, float] = {}  # Seconds by language.
        self.text_delays: dict[str, float] = {}  # Seconds by source text.
        self.failing: set[str] = set()
        self.unasked: list[str] = []  # Languages answered although nobody asked.

    async def Translate(
        self, request: translation_pb2.TranslateRequest, context: Any
    ) -> AsyncIterator[translation_pb2.TranslateResponse]:
        self.requests.append(request)
        await asyncio.sleep(self.text_delays.get(request.text, 0.0))
        for language in sorted(request.target_languages, key=lambda code: self.delays.get(code, 0.0)):
            await asyncio.sleep(self.delays.get(language, 0.0))
            yield self._response(request.text, language)
        for language in self.unasked:
            yield self._response(request.text, language)

    def _response(self, text: str, language: str) -> translation_pb2.TranslateResponse:
        if language in self.failing:
            failure = translation_pb2.TranslationFailure(reason="TRANSLATION_FAILED", message="on request")
            return translation_pb2.TranslateResponse(language=language, failure=failure)
        translation = translation_pb2.Translation(text=f"{language}:{text}", engine="fake")
        return translation_pb2.TranslateResponse(language=language, translation=translation)

    async def ListLanguages(
        self, request: translation_pb2.ListLanguagesRequest, context: Any
    ) -> translation_pb2.ListLanguagesResponse:
        pairs = [translation_pb2.LanguagePair(source_language=a, target_language=b) for a, b in self.pairs]
        return translation_pb2.ListLanguagesResponse(pairs=pairs)


class FakeSynthesis(synthesis_pb2_grpc.SynthesisServiceServicer):
    """Every text sounds `seconds` long: the first letter of its language, over and over."""

    def __init__(self, seconds: float = 0.3, voices: tuple[str, ...] = ("es", "pt")) -> None:
        self.requests: list[synthesis_pb2.SynthesizeRequest] = []
        self.seconds = seconds
        self.voices = voices
        self.failing: set[str] = set()
        self.failing_half_way: set[str] = set()
        self.silent_unless_hurried = False

    async def Synthesize(
        self, request: synthesis_pb2.SynthesizeRequest, context: Any
    ) -> AsyncIterator[synthesis_pb2.SynthesizeResponse]:
        self.requests.append(request)
        if request.language in self.failing:
            raise Unavailable("SYNTHESIS_FAILED", "on request")
        if self.silent_unless_hurried and not request.hurried:
            await asyncio.sleep(60.0)
        started = synthesis_pb2.SynthesisStarted(voice="fake", engine="fake", tempo=request.tempo)
        yield synthesis_pb2.SynthesizeResponse(started=started)
        for index in range(round(self.seconds * 10)):
            if index == 1 and request.language in self.failing_half_way:
                raise Unavailable("SYNTHESIS_FAILED", "on request")
            audio = request.language[:1].encode() * (BYTES_A_SECOND // 10)
            yield synthesis_pb2.SynthesizeResponse(audio=audio)
        yield synthesis_pb2.SynthesizeResponse(finished=synthesis_pb2.SynthesisFinished())

    async def ListVoices(
        self, request: synthesis_pb2.ListVoicesRequest, context: Any
    ) -> synthesis_pb2.ListVoicesResponse:
        voices = [synthesis_pb2.Voice(name=f"fake/{code}", language=code, neural=code == "pt") for code in self.voices]
        return synthesis_pb2.ListVoicesResponse(voices=voices)
