"""The settings of translation_svc."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from chassis.breaker import BreakerTerms
from chassis.dynamodb_settings import DynamoSettings
from chassis.engines import DEFAULT, EngineNames, FailoverSettings, among, variables
from translation_svc.aws_settings import AwsTranslateSettings
from translation_svc.engines import ENGINES


class Config(AwsTranslateSettings, DynamoSettings, FailoverSettings):
    """translation_svc: turns a text into many languages, and remembers what it has translated."""

    model_config = SettingsConfigDict(env_prefix="TRANSLATION_")

    listen: str = Field("127.0.0.1:50053", description="Address to serve gRPC on, host:port.")
    engines: Annotated[EngineNames, among(ENGINES)] = Field(
        DEFAULT,
        validation_alias=variables("TRANSLATION"),
        description="Translation engines, the preferred first, comma between: aws, local, scripted. "
        "Where one fails the next takes over.",
    )
    engine_timeout_seconds: float = Field(
        2.0, gt=0, description="Longest time one language may take; then it fails with ENGINE_TIMEOUT."
    )
    cache_entries: int = Field(10_000, ge=1, description="Translations remembered; the least used goes first.")
    cache_ttl_seconds: float = Field(3600.0, gt=0, description="How long a translation is remembered.")
    cache_table: bool = Field(
        False,
        description="Remember translations in the DynamoDB table CachedTranslations too, which all instances share.",
    )
    cache_read_seconds: float = Field(
        0.08, gt=0, le=1.0, description="Longest time to look into that table; then the engine is asked, seconds."
    )
    cache_writes_waiting: int = Field(
        1000, ge=1, description="Translations that may wait to be written into that table; more are not written."
    )
    cache_breaker_failures: int = Field(
        5, ge=1, description="So many failures of that table in a row, and it is left alone for a while."
    )
    cache_breaker_seconds: float = Field(30.0, gt=0, description="How long the table is left alone then, seconds.")
    apertium_modes: Path = Field(
        Path("/usr/share/apertium/modes"), description="Local engine: folder of Apertium's .mode files."
    )
    queue: int = Field(
        64, ge=1, description="Local engine: texts that may wait for one program; more fail with ENGINE_OVERLOADED."
    )
    idle_seconds: float = Field(
        900.0, gt=0, description="Local engine: a program not used for so long is ended, which frees its memory."
    )
    warm: Annotated[tuple[str, ...], NoDecode] = Field(
        ("en-pt", "en-es"),
        description="Local engine: pairs whose programs start with the service, comma between; or none.",
    )
    scripted_delay_seconds: float = Field(0.0, ge=0, description="Scripted engine: seconds that every call takes.")
    scripted_failing: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Scripted engine: target languages that fail, comma between."
    )
    scripted_slow: Annotated[dict[str, float], NoDecode] = Field(
        {}, description="Scripted engine: more seconds for some target languages, as de:1.5,fr:0.2."
    )

    @property
    def cache_breaker(self) -> BreakerTerms:
        """When the table is left alone."""
        return BreakerTerms(self.cache_breaker_failures, self.cache_breaker_seconds)

    @field_validator("warm", "scripted_failing", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        return tuple(_items(value)) if isinstance(value, str) else value

    @field_validator("scripted_slow", mode="before")
    @classmethod
    def _mapped(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs = [item.partition(":") for item in _items(value)]
        return {language.strip(): seconds.strip() for language, _, seconds in pairs}


def _items(value: str) -> list[str]:
    return [item for part in value.split(",") if (item := part.strip()) and item != "none"]
