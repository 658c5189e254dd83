"""The settings of Amazon Translate, apart from what uses them: a service without it never loads the SDK."""

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from chassis.aws_settings import AwsSettings
from chassis.errors import Invalid
from chassis.language import parse

_NAME = re.compile(r"(?:[A-Za-z0-9-]_?)+")


class AwsTranslateSettings(AwsSettings):
    """How Amazon Translate is asked."""

    aws_endpoint: str = Field(
        "",
        validation_alias="AWS_ENDPOINT_URL_TRANSLATE",
        description="Amazon's engine: URL of another Amazon Translate than that of the region.",
    )
    aws_request_seconds: float = Field(
        1.0, gt=0, description="Amazon's engine: how long one request may take before it is tried again, seconds."
    )
    aws_patience_seconds: float = Field(
        1.5,
        gt=0,
        description="Amazon's engine: how long all tries of one text may take, waiting for a place included, seconds.",
    )
    aws_calls: int = Field(
        50, ge=1, description="Amazon's engine: requests under way at once; further texts wait for a place."
    )
    aws_waiting: int = Field(
        200, ge=0, description="Amazon's engine: texts that may wait for a place; more fail with ENGINE_OVERLOADED."
    )
    aws_languages_seconds: float = Field(
        86_400.0, gt=0, description="Amazon's engine: how often it is asked which languages it has, seconds."
    )
    aws_terminologies: Annotated[dict[str, str], NoDecode] = Field(
        {},
        description="Amazon's engine: custom terminologies of the account, by target language, * for all others, as "
        "es:names-es,*:names. They must be there already.",
    )
    aws_formality: Literal["", "formal", "informal"] = Field(
        "", description="Amazon's engine: how people are addressed, in languages where Amazon can tell."
    )
    aws_mask_profanity: bool = Field(
        False, description="Amazon's engine: profane words become ?$#@$, in languages where Amazon knows them."
    )
    aws_brevity: bool = Field(
        False, description="Amazon's engine: shorter translations, in languages where Amazon can make them."
    )

    @field_validator("aws_terminologies", mode="before")
    @classmethod
    def _by_language(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs = [item.partition(":") for item in value.split(",") if item.strip()]
        return {language.strip(): name.strip() for language, _, name in pairs}

    @field_validator("aws_terminologies")
    @classmethod
    def _named(cls, value: dict[str, str]) -> dict[str, str]:
        if wrong := [name or language for language, name in value.items() if not _NAME.fullmatch(name)]:
            raise ValueError(f"language:name, as Amazon names terminologies, is expected: {', '.join(wrong)}")
        try:
            return {language if language == "*" else parse(language): name for language, name in value.items()}
        except Invalid as error:
            raise ValueError(error.message) from error
