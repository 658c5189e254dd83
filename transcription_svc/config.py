"""The settings of transcription_svc."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from chassis.aws_settings import AwsSettings
from chassis.engines import DEFAULT, EngineNames, FailoverSettings, among, variables
from transcription_svc.domain.quality import SNR_DB
from transcription_svc.engines import ENGINES


class Config(AwsSettings, FailoverSettings):
    """transcription_svc: recognises speech, cuts it into segments, conducts translation and synthesis."""

    model_config = SettingsConfigDict(env_prefix="TRANSCRIPTION_")

    listen: str = Field("127.0.0.1:50052", description="Address to serve gRPC on, host:port.")
    engines: Annotated[EngineNames, among(ENGINES)] = Field(
        DEFAULT,
        validation_alias=variables("TRANSCRIPTION"),
        description="Recognition engines, the preferred first, comma between: aws, local, scripted. "
        "Where one fails the next takes over.",
    )
    translation: str = Field(
        "127.0.0.1:50053", validation_alias="TRANSLATION_ADDRESS", description="Where translation_svc answers."
    )
    synthesis: str = Field(
        "127.0.0.1:50054", validation_alias="SYNTHESIS_ADDRESS", description="Where synthesis_svc answers."
    )
    whisper_model: str = Field("whisper-base", description="Catalogue name of the Whisper model of the local engine.")
    whisper_threads: int = Field(1, ge=1, le=64, description="Threads that one Whisper decode uses.")
    whisper_workers: int = Field(
        1, ge=1, le=64, description="Whisper decodes at once, each on its threads; speakers take turns."
    )
    max_streams: int = Field(50, ge=1, description="Speakers at once; more are refused with TOO_MANY_STREAMS.")
    drafts: bool = Field(
        True,
        description="Whether listeners read the open segment in translation, at one more call about every half second "
        "(Amazon bills each character).",
    )
    snr_db: float = Field(
        SNR_DB, ge=10, le=40, description="Signal-to-noise ratio in dB below which the speaker is told of noise."
    )
    scripted_delay_seconds: float = Field(
        0.0, ge=0, description="Scripted engine: seconds from the end of a word until it is recognised."
    )
    aws_transport: Literal["websocket", "http2"] = Field(
        "websocket",
        description="Amazon engine: what carries the stream, websocket or http2 (Amazon's own SDK, which goes through "
        "no proxy).",
    )
    aws_endpoint: str = Field(
        "",
        validation_alias="AWS_ENDPOINT_URL_TRANSCRIBE_STREAMING",
        description="Amazon engine: where it is, https:// or, websocket only, http://. Empty: Amazon's, by region.",
    )
    aws_ca_bundle: str = Field(
        "",
        validation_alias="AWS_CA_BUNDLE",
        description="Amazon engine: file of the CAs to trust. Empty: the system's.",
    )
    aws_vocabularies: dict[str, str] = Field(
        {}, description='Amazon engine: names of custom vocabularies by language, such as {"en": "names"}.'
    )
    aws_vocabulary_filters: dict[str, str] = Field(
        {}, description="Amazon engine: names of vocabulary filters by language."
    )
    aws_vocabulary_filter_method: Literal["mask", "remove", "tag"] = Field(
        "mask", description="Amazon engine: what a vocabulary filter does with its words: mask, remove or tag."
    )
    aws_language_models: dict[str, str] = Field(
        {}, description="Amazon engine: names of custom language models by language."
    )
