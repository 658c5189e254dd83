"""Amazon's three services as stand-ins at Amazon's published pace, on loopback, and what points a system at them.

Recognition tells the talk's own words when they have been said: partials each 0.3 s, a final 1.1 s after the last word.
Translation takes 0.15 s and is the local engine's, so that its length is natural; the voice begins after 0.3 s and is
espeak-ng's. So it is a measure of time, never of quality.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from tests.amazon.polly import PollyStandIn
from tests.amazon.signing import Credentials
from tests.amazon.transcribe import over_websocket
from tests.amazon.transcribe_hearing import ScriptedWord
from tests.amazon.transcribe_stream import Transcribe
from tests.amazon.translate import TranslateStandIn
from tests.eval.corpus import Script, spoken
from translation_svc.config import Config
from translation_svc.engines import local

TRANSLATE_SECONDS = 0.15
POLLY_SECONDS = 0.3


@asynccontextmanager
async def amazon(script: Script) -> AsyncIterator[dict[str, str]]:
    """All three, and the settings of a system that uses them."""
    credentials = Credentials()
    words = [ScriptedWord(word.text, word.start, word.end) for word in spoken(script)]
    async with AsyncExitStack() as stack:
        transcribe = await stack.enter_async_context(over_websocket(Transcribe(script=words)))
        translator = await stack.enter_async_context(local.open_engine(Config()))
        translate = await stack.enter_async_context(
            TranslateStandIn(seconds=TRANSLATE_SECONDS, translator=translator.translate)
        )
        polly = await stack.enter_async_context(PollyStandIn(first_byte_seconds=POLLY_SECONDS).served())
        yield {
            "AWS_ACCESS_KEY_ID": credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": credentials.secret,
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL_TRANSCRIBE_STREAMING": transcribe,
            "AWS_ENDPOINT_URL_TRANSLATE": translate.url,
            "AWS_ENDPOINT_URL_POLLY": polly.url,
        }
