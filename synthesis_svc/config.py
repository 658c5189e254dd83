"""The settings of synthesis_svc."""

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_settings import SettingsConfigDict

from chassis.aws_settings import AwsSettings
from chassis.engines import DEFAULT, EngineNames, FailoverSettings, among, variables
from chassis.errors import Invalid
from synthesis_svc.domain.voices import PREMIUM, STANDARD, grades, overrides
from synthesis_svc.engines import ENGINES


def _checked(setting: str) -> str:
    try:
        overrides(setting)
    except Invalid as error:
        raise ValueError(error.message) from error
    return setting


def _checked_grades(setting: str) -> str:
    try:
        grades(setting)
    except Invalid as error:
        raise ValueError(error.message) from error
    return setting


def seconds_by_language(setting: str) -> dict[str, float]:
    """Reads `de:4.0,fr:1`. Raises ValueError."""
    entries = [entry.partition(":") for entry in filter(None, setting.replace(" ", "").split(","))]
    return {code: float(seconds) for code, _, seconds in entries}


def _checked_seconds(setting: str) -> str:
    seconds_by_language(setting)
    return setting


class Config(AwsSettings, FailoverSettings):
    """synthesis_svc: speaks text with the speaker's loudness and pace."""

    model_config = SettingsConfigDict(env_prefix="SYNTHESIS_")

    listen: str = Field("127.0.0.1:50054", description="Address to serve gRPC on, host:port.")
    engines: Annotated[EngineNames, among(ENGINES)] = Field(
        DEFAULT,
        validation_alias=variables("SYNTHESIS"),
        description="Synthesis engines, the preferred first, comma between: aws, local, scripted. "
        "Where one fails the next takes over.",
    )
    voices: Annotated[str, AfterValidator(_checked)] = Field(
        "", description="Voices to use instead of the defaults: es:kokoro/em_alex,pt-BR:espeak-ng/pt-br."
    )
    standard_patience_seconds: float = Field(
        STANDARD.patience_seconds,
        ge=0,
        description="Tier standard: longest wait for a neural voice before a plain one.",
    )
    premium_patience_seconds: float = Field(
        PREMIUM.patience_seconds, ge=0, description="Tier premium: longest wait for a neural voice before a plain one."
    )
    standard_grades: Annotated[str, AfterValidator(_checked_grades)] = Field(
        ",".join(STANDARD.grades),
        description="Tier standard: grades of voices, best first: standard, neural, long-form, generative.",
    )
    premium_grades: Annotated[str, AfterValidator(_checked_grades)] = Field(
        ",".join(PREMIUM.grades), description="Tier premium: grades of voices, best first."
    )
    polly_endpoint: str = Field(
        "",
        validation_alias="AWS_ENDPOINT_URL_POLLY",
        description="URL of an Amazon Polly endpoint. Empty: Amazon's own in the region.",
    )
    polly_connections: int = Field(
        18,
        ge=1,
        le=1000,
        description="Amazon Polly: texts spoken at the same time. The account's limit is 18 for neural voices, 26 for "
        "generative and long-form ones; beyond it Amazon throttles. More wait, as long as the tier's patience.",
    )
    polly_timeout_seconds: float = Field(
        2.5, gt=0, le=60, description="Amazon Polly: longest wait to connect, and for each next part of an answer."
    )
    polly_voices_seconds: float = Field(
        86_400.0, gt=0, description="Amazon Polly: how often it is asked which voices it has, seconds."
    )
    kokoro_model: str = Field("kokoro-82m-int8", description="Catalogue name of the Kokoro model of the local engine.")
    kokoro_voices: str = Field("kokoro-voices", description="Catalogue name of the Kokoro voices.")
    kokoro_workers: int = Field(1, ge=1, le=64, description="Pieces of text that Kokoro speaks at the same time.")
    kokoro_threads: int = Field(
        2, ge=1, le=64, description="Threads that one piece uses: what the first audio waits for."
    )
    kokoro_niceness: int = Field(
        5, ge=0, le=19, description="How far Kokoro's threads stand back (nice) for recognition on the same machine."
    )
    kokoro_max_pieces: int = Field(
        64, ge=1, description="Pieces that wait for Kokoro at most; beyond: a plain voice or ENGINE_OVERLOADED."
    )
    espeak_program: str = Field("espeak-ng", description="The espeak-ng program, a name on PATH or a path.")
    espeak_processes: int = Field(4, ge=1, le=256, description="espeak-ng processes at the same time; more wait.")
    scripted_delay_seconds: float = Field(0.0, ge=0, description="Scripted engine: seconds until the first chunk.")
    scripted_failing: str = Field("", description="Scripted engine: languages that fail, such as fr,it.")
    scripted_slow: Annotated[str, AfterValidator(_checked_seconds)] = Field(
        "", description="Scripted engine: more seconds until the first chunk by language, such as de:4.0."
    )
