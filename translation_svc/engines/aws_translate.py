"""Amazon Translate: every language it has into every other, over the SDK's HTTP client.

One request at a time for a text: it is short, and a text too long goes in portions, in order. Requests are tried again
here, within a patience shorter than the caller's deadline, so that a failure still has a reason and another engine
still has time. What glossaries hold arrives under placeholders (`domain/masking.py`) and is marked as not to be
translated, which Amazon documents for this operation; terminologies of the account are for names that never change:
they take up to ten minutes to be known, a hundred are allowed, with ten languages each, and one goes with a request.
"""

import asyncio
import html
import re
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from random import uniform
from typing import Any, Final

import structlog

from chassis.aws import FAILURES, Meaning, Misconfigured, failure_of, open_client
from chassis.errors import Exhausted, Invalid, LingocastError, Unavailable
from chassis.language import parse
from chassis.places import Places
from chassis.telemetry import Attribute, Metric, meter
from translation_svc.config import Config
from translation_svc.domain.masking import PLACEHOLDER
from translation_svc.domain.portions import portions, utf8
from translation_svc.engines import Capabilities, Pair

log = structlog.get_logger()
_retries = meter.create_counter(Metric.ENGINE_RETRIES)

NAME: Final = "aws-translate"
SERVICE: Final = "Amazon Translate"
MOST_BYTES: Final = 10_000
# Offered until Amazon has been asked: its documentation's list.
KNOWN: Final = (
    "af sq am ar hy az bn bs bg ca zh zh-TW hr cs da fa-AF nl en et fa tl fi fr fr-CA ka de el gu ht ha he hi hu is id "
    "ga it ja kn kk ko lv lt mk ms ml mt mr mn no ps pl pt pt-PT pa ro ru sr si sk sl so es es-MX sw sv ta te th tr uk "
    "ur uz vi cy"
)
# Before the second try and those after it.
_RETRY_SECONDS: Final = (0.1, 0.2, 0.4)
_MEMBER: Final = {"translate_text": "TranslatedText", "list_languages": "Languages"}
_ASK_AGAIN_SECONDS: Final = 60.0
_TAG: Final = re.compile(r"<\s*/?\s*span\b[^>]*>", re.IGNORECASE)
# Written without blanks between sentences.
_UNSPACED: Final = frozenset({"ja", "th", "zh", "zh-TW"})


class AwsTranslator:
    """The engine over a client.

    At most `aws_calls` requests are under way; `aws_waiting` texts wait for a place, and when that is full more are
    refused at once with Exhausted(ENGINE_OVERLOADED).
    """

    def __init__(self, client: Any, config: Config) -> None:
        self._client, self._config = client, config
        self._places = Places(config.aws_calls, config.aws_waiting, _overloaded)
        self._settings = _settings(config)
        self._codes: dict[str, str] = {}
        self._offer(KNOWN.split())

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    async def translate(self, text: str, source: str, target: str) -> str:
        """Also raises Misconfigured(TRANSLATION_FAILED): credentials, rights, or a terminology that is not there."""
        if (source, target) not in self._capabilities.pairs:
            raise Invalid("UNSUPPORTED_LANGUAGE", f"Amazon Translate has nothing from {source} into {target}")
        deadline = asyncio.get_running_loop().time() + self._config.aws_patience_seconds
        answers = [
            await self._portion(portion, source, target, deadline)
            for portion in portions(text, MOST_BYTES, lambda portion: utf8(_posed(portion)))
        ]
        return ("" if target in _UNSPACED else " ").join(answers)

    async def keep_languages(self, wait: float) -> None:
        """Asks for the languages in `wait` seconds and then now and then, for ever; soon again where that fails."""
        while True:
            await asyncio.sleep(wait)
            try:
                await self.ask_languages()
                wait = self._config.aws_languages_seconds
            except LingocastError as error:
                wait = self.not_listed(error)

    def not_listed(self, error: LingocastError) -> float:
        """Says that Amazon did not list its languages. In how many seconds to ask again."""
        log.warning("languages_not_listed", engine=NAME, reason=error.message)
        return min(_ASK_AGAIN_SECONDS, self._config.aws_languages_seconds)

    async def ask_languages(self) -> None:
        """Offers what Amazon lists now. Raises as `translate` does."""
        deadline = asyncio.get_running_loop().time() + self._config.aws_patience_seconds
        codes: list[str] = []
        more: dict[str, str] = {}
        while True:
            page = await self._patiently("list_languages", deadline, MaxResults=500, **more)
            codes += [str(language["LanguageCode"]) for language in page["Languages"]]
            if not page.get("NextToken"):
                break
            more = {"NextToken": page["NextToken"]}
        # An answer without any is no reason to offer none.
        if codes:
            self._offer(codes)

    def _offer(self, codes: Iterable[str]) -> None:
        """`auto` is listed and is no language; what is not spelled as one is of a later Amazon."""
        found: dict[str, str] = {}
        for code in sorted(set(codes) - {"auto"}):
            try:
                found[parse(code)] = code
            except Invalid:
                log.info("language_not_understood", engine=NAME, code=code)
        if set(found) != set(self._codes):
            self._capabilities = Capabilities("aws", _all_pairs(found))
        self._codes = found

    async def _portion(self, portion: str, source: str, target: str, deadline: float) -> str:
        request: dict[str, Any] = {
            "Text": _posed(portion),
            "SourceLanguageCode": self._codes[source],
            "TargetLanguageCode": self._codes[target],
        }
        if self._settings:
            request["Settings"] = self._settings
        names = self._config.aws_terminologies
        if name := names.get(target, names.get("*", "")):
            request["TerminologyNames"] = [name]
        answer = await self._patiently("translate_text", deadline, **request)
        translated = str(answer["TranslatedText"])
        if not translated.strip():
            raise Unavailable("TRANSLATION_FAILED", "Amazon Translate gave no text")
        return _settled(portion, translated)

    async def _patiently(self, operation: str, deadline: float, **parameters: Any) -> dict[str, Any]:
        """One request until it is answered, refused, or has failed too often or too long."""
        async with self._places.one(deadline):
            for wait in _RETRY_SECONDS:
                try:
                    return await self._once(operation, deadline, parameters)
                except (Exhausted, Unavailable) as error:
                    # Spread, so that texts that were throttled together do not come back together.
                    pause = uniform(0.5, 1.0) * wait
                    if isinstance(error, Misconfigured) or asyncio.get_running_loop().time() + pause >= deadline:
                        raise
                    _retries.add(1, {Attribute.ENGINE: NAME, Attribute.REASON: error.reason})
                    await asyncio.sleep(pause)
            return await self._once(operation, deadline, parameters)

    async def _once(self, operation: str, deadline: float, parameters: dict[str, Any]) -> dict[str, Any]:
        left = deadline - asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(min(self._config.aws_request_seconds, left)):
                answer: dict[str, Any] = await getattr(self._client, operation)(**parameters)
        except TimeoutError as error:
            raise Unavailable("ENGINE_TIMEOUT", "Amazon Translate does not answer in time") from error
        except FAILURES as error:
            raise _failed(error) from error
        # The SDK reads an answer that broke off as one without members.
        if _MEMBER[operation] not in answer:
            raise Unavailable("TRANSLATION_FAILED", "Amazon Translate's answer cannot be read")
        return answer


@asynccontextmanager
async def open_engine(config: Config) -> AsyncIterator[AwsTranslator]:
    """Asks Amazon for its languages, once; later in the background, too.

    Raises Misconfigured(TRANSLATION_FAILED) where credentials, rights or the region are wrong. An Amazon that does not
    answer is no reason not to start: its documented languages are offered until it does.
    """
    client = open_client(
        "translate",
        region=config.aws_region,
        endpoint=config.aws_endpoint,
        timeout=config.aws_request_seconds,
        connections=config.aws_calls,
    )
    try:
        opened = await client.__aenter__()
    except FAILURES as error:
        raise _failed(error) from error
    try:
        engine = AwsTranslator(opened, config)
        wait = config.aws_languages_seconds
        try:
            await engine.ask_languages()
        except Misconfigured:
            raise
        except (Exhausted, Unavailable) as error:
            wait = engine.not_listed(error)
        async with asyncio.TaskGroup() as tasks:
            keeping = tasks.create_task(engine.keep_languages(wait))
            try:
                yield engine
            finally:
                keeping.cancel()
    finally:
        await client.__aexit__(None, None, None)


def _all_pairs(codes: Collection[str]) -> dict[tuple[str, str], Pair]:
    """Amazon translates between any two."""
    return {(source, target): Pair(source, target, NAME) for source in codes for target in codes if source != target}


def _settings(config: Config) -> dict[str, str]:
    """What shapes the translation. Amazon leaves out by itself what it cannot do in a language."""
    wanted = {
        "Formality": config.aws_formality.upper(),
        "Profanity": "MASK" * config.aws_mask_profanity,
        "Brevity": "ON" * config.aws_brevity,
    }
    return {name: value for name, value in wanted.items() if value}


def _posed(text: str) -> str:
    """The text as Amazon gets it: with placeholders it is HTML that says what to leave alone."""
    if not PLACEHOLDER.search(text):
        return text
    return PLACEHOLDER.sub(r'<span translate="no">\g<0></span>', html.escape(text, quote=False))


def _settled(text: str, translated: str) -> str:
    """The answer without the marks of `_posed`."""
    return html.unescape(_TAG.sub("", translated)) if PLACEHOLDER.search(text) else translated


def _overloaded() -> Exhausted:
    sentence = "Amazon Translate takes no more texts at present"
    return Exhausted("ENGINE_OVERLOADED", sentence, retry_after=timedelta(seconds=1))


def _failed(error: Exception) -> LingocastError:
    """What a request that failed means. Amazon's own sentences repeat the text: they go no further."""
    failure = failure_of(error, SERVICE)
    match failure.meaning:
        case Meaning.THROTTLED:
            return _overloaded()
        case Meaning.LATER:
            return Unavailable("TRANSLATION_FAILED", failure.message)
        case Meaning.LACKING:
            return Misconfigured("TRANSLATION_FAILED", failure.message)
    match failure.code:
        case "UnsupportedLanguagePairException":
            return Invalid("UNSUPPORTED_LANGUAGE", "Amazon Translate does not translate between these languages")
        case "ResourceNotFoundException":
            return Misconfigured("TRANSLATION_FAILED", "Amazon Translate has no custom terminology of that name")
    # TextSizeLimitExceededException, InvalidRequestException, ValidationException and the like: this text's own.
    return Invalid("TRANSLATION_FAILED", failure.message)
