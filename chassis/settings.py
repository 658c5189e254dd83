"""Settings come from the environment, are checked once at start, and explain themselves.

A service declares a `Settings` subclass whose fields carry a description; its `__main__` calls `load`. `--help` prints
every setting with its default; every mistake is reported at once, by variable name, never with a secret's value.
"""

import sys
from pathlib import Path
from typing import Literal, NoReturn, TypeVar

from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

S = TypeVar("S", bound="Settings")


def data_default() -> Path:
    """Where models, the database and the local issuer's key live unless LINGOCAST_DATA says otherwise."""
    return Path.home() / ".local" / "share" / "lingocast"


class Settings(BaseSettings):
    """What every service knows. Subclasses add fields and set `env_prefix` for their own."""

    model_config = SettingsConfigDict(
        # A variable that is set to nothing is not set: `LINGOCAST_DATA= make run` does not mean the current folder.
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        populate_by_name=True,
    )

    data: Path = Field(
        default_factory=data_default,
        validation_alias="LINGOCAST_DATA",
        description="Folder of models, the SQLite file and the local issuer's key.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", validation_alias="LOG_LEVEL", description="Least severe log line that is written."
    )
    otlp_endpoint: str = Field(
        "",
        validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT",
        description="Where traces and metrics go (OTLP over gRPC). Empty: nowhere, at no cost.",
    )


def load(kind: type[S], arguments: list[str] | None = None) -> S:
    """Reads and checks the settings of one service. Prints help, or all mistakes, and exits where asked or needed."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if {"-h", "--help"} & set(arguments):
        print(describe(kind))
        raise SystemExit(0)
    if arguments:
        _exit(f"unknown arguments: {' '.join(arguments)} (settings come from the environment; see --help)")
    try:
        return kind()
    except ValidationError as error:
        lines = [f"  {_variable_of(kind, mistake['loc'])}: {mistake['msg']}" for mistake in error.errors()]
        _exit("\n".join(["these settings are wrong:", *lines]))
    except SettingsError as error:
        # A list or a table that is not JSON; pydantic-settings stops at the first.
        _exit(f"these settings are wrong:\n  {error}")


def describe(kind: type[Settings]) -> str:
    """A table of every setting: variable, default, meaning."""
    lines = [(kind.__doc__ or "").strip(), "", "Settings, from the environment:"]
    for name, field in kind.model_fields.items():
        lines.append(f"  {variable(kind, name, field)}={_shown(field)}")
        lines.append(f"      {field.description or ''}")
    return "\n".join(lines)


def variable(kind: type[Settings], name: str, field: FieldInfo) -> str:
    """The environment variable that a field is read from; `A or B` where either will do, A before B."""
    if isinstance(field.validation_alias, str):
        return field.validation_alias
    if isinstance(field.validation_alias, AliasChoices):
        return " or ".join(str(choice) for choice in field.validation_alias.choices)
    return f"{kind.model_config.get('env_prefix', '')}{name}".upper()


def _variable_of(kind: type[Settings], location: tuple[int | str, ...]) -> str:
    first = str(location[0]) if location else ""
    field = kind.model_fields.get(first)
    return variable(kind, first, field) if field else first


def _shown(field: FieldInfo) -> str:
    if field.annotation is SecretStr:
        return "(secret)"
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, tuple):
        value = ",".join(map(str, value))
    home = str(Path.home())
    return "(required)" if field.is_required() else str(value).replace(home, "~")


def _exit(message: str) -> NoReturn:
    print(message, file=sys.stderr)
    raise SystemExit(2)
