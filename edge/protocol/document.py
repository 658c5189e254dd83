"""The AsyncAPI 3 document of the WebSocket protocol, generated from the models.

`python -m edge.protocol.document` writes it to `edge/asyncapi.json`; a test fails when that file is out of date.
"""

import json
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from edge.protocol import client, connect, server
from edge.protocol.errors import CODES
from edge.protocol.roles import ROLES, Role

FILE: Final = Path(__file__).parents[1] / "asyncapi.json"
_REFERENCE: Final = "#/components/schemas/{model}"
_QUERIES: Final = (connect.CreateSession, connect.JoinSession, connect.RefreshSpeaker, connect.RefreshListener)


def document() -> dict[str, Any]:
    """The whole document, ready for JSON."""
    requests, answers = _members(client.ClientMessage), _members(server.ServerMessage)
    schemas = _schemas([*requests, *_QUERIES], "validation") | _schemas(answers, "serialization")
    messages = {model.__name__: _message(model) for model in requests}
    messages |= {model.__name__: _message(model) for model in answers}
    messages["Audio"] = {
        "summary": "A binary frame: s16le mono PCM. From a speaker; to lingocast.v1 listeners, between cueStart and "
        "cueEnd, or there one Opus packet where they asked for it.",
        "contentType": "application/octet-stream",
        "payload": {"schemaFormat": "application/octet-stream", "schema": {"type": "string", "format": "binary"}},
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Lingocast",
            "version": "1.0.0",
            "description": "One person speaks; everyone hears it in their own language. Subprotocol `lingocast.v1`, "
            "or none: then audio is base64 in JSON, and nothing is sent as a binary frame.",
        },
        "defaultContentType": "application/json",
        "channels": {
            "ws": {
                "address": "/ws",
                "description": "The query says what is wanted: see `x-queries`.",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in sorted(messages)},
            }
        },
        "operations": _operations(requests, answers),
        "components": {"messages": dict(sorted(messages.items())), "schemas": dict(sorted(schemas.items()))},
        "x-queries": [{"$ref": _REFERENCE.format(model=model.__name__)} for model in _QUERIES],
        "x-errors": {code: {"status": status, "closeCode": close} for code, (status, close) in CODES.items()},
        "x-roles": {action: sorted(roles) for action, roles in ROLES.items()},
    }


def _members(union: object) -> list[type[BaseModel]]:
    """The models of a discriminated union."""
    return list(get_args(get_args(union)[0]))


def _schemas(models: list[type[BaseModel]], mode: Any) -> dict[str, Any]:
    _, found = models_json_schema([(model, mode) for model in models], ref_template=_REFERENCE)
    schemas: dict[str, Any] = found["$defs"]
    return schemas


def _message(model: type[BaseModel]) -> dict[str, Any]:
    field = model.model_fields.get("type") or model.model_fields["action"]
    return {
        "name": " | ".join(map(str, get_args(field.annotation))),
        "summary": (model.__doc__ or "").strip(),
        "payload": {"$ref": _REFERENCE.format(model=model.__name__)},
    }


def _operations(requests: list[type[BaseModel]], answers: list[type[BaseModel]]) -> dict[str, Any]:
    operations = {}
    for role in (Role.SPEAKER, Role.LISTENER):
        allowed = [
            model
            for model in requests
            if all(role in ROLES[action] for action in get_args(model.model_fields["action"].annotation))
        ]
        sent = [*allowed, *([None] if role is Role.SPEAKER else [])]
        operations[f"receiveFrom{role.title()}"] = {
            "action": "receive",
            "channel": {"$ref": "#/channels/ws"},
            "messages": [_in_channel(model.__name__ if model else "Audio") for model in sent],
        }
    operations["send"] = {
        "action": "send",
        "channel": {"$ref": "#/channels/ws"},
        "messages": [_in_channel(model.__name__) for model in answers] + [_in_channel("Audio")],
    }
    return operations


def _in_channel(name: str) -> dict[str, str]:
    return {"$ref": f"#/channels/ws/messages/{name}"}


def text() -> str:
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), "utf-8")
