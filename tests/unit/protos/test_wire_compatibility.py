"""What the last release sends must mean the same to this one, and the other way round.

`last_release.json` lists every element on the wire of the last release. A release rewrites it:
`python -m tests.unit.protos.test_wire_compatibility`.
"""

import importlib
import json
from pathlib import Path

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, FileDescriptor, ServiceDescriptor

ROOT = Path(__file__).resolve().parents[3]
SNAPSHOT = Path(__file__).with_name("last_release.json")
_TYPES = {number: name for name, number in vars(FieldDescriptor).items() if name.startswith("TYPE_")}


def wire() -> dict[str, str]:
    """Every element by its place on the wire, with all that a peer relies on."""
    elements: dict[str, str] = {}
    for path in sorted(ROOT.glob("protos/*/v*/*.proto")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts) + "_pb2"
        file: FileDescriptor = importlib.import_module(module).DESCRIPTOR
        for message in file.message_types_by_name.values():
            _message(message, elements)
        for enum in file.enum_types_by_name.values():
            _enum(enum, elements)
        for service in file.services_by_name.values():
            _service(service, elements)
    return elements


def broken(before: dict[str, str], now: dict[str, str]) -> list[str]:
    """What a peer of the last release would miss or misread. Additions are none; a reserved number is a farewell."""
    return [
        f"{place}: was {meaning}, is {now.get(place, 'gone')}"
        for place, meaning in before.items()
        if now.get(place) not in (meaning, "reserved")
    ]


def _message(message: Descriptor, elements: dict[str, str]) -> None:
    for field in message.fields:
        elements[f"{message.full_name}#{field.number}"] = _meaning(field)
    proto = descriptor_pb2.DescriptorProto()
    message.CopyToProto(proto)
    for span in proto.reserved_range:
        elements |= {f"{message.full_name}#{number}": "reserved" for number in range(span.start, span.end)}
    for nested in message.nested_types:
        _message(nested, elements)
    for enum in message.enum_types:
        _enum(enum, elements)


def _meaning(field: FieldDescriptor) -> str:
    of = field.message_type or field.enum_type
    group = field.containing_oneof
    words = [
        "repeated" if field.is_repeated else "single",
        _TYPES[field.type].removeprefix("TYPE_").lower(),
        of.full_name if of else "",
        field.name,
        f"in {group.name}" if group else "",
    ]
    return " ".join(word for word in words if word)


def _enum(enum: EnumDescriptor, elements: dict[str, str]) -> None:
    for value in enum.values:
        elements[f"{enum.full_name}#{value.number}"] = value.name


def _service(service: ServiceDescriptor, elements: dict[str, str]) -> None:
    for method in service.methods:
        asked = "stream " * method.client_streaming + method.input_type.full_name
        answered = "stream " * method.server_streaming + method.output_type.full_name
        elements[f"{service.full_name}/{method.name}"] = f"({asked}) returns ({answered})"


def test_nothing_the_last_release_relies_on_has_changed() -> None:
    assert broken(json.loads(SNAPSHOT.read_text("utf-8")), wire()) == []


def test_the_snapshot_covers_every_service() -> None:
    services = {place.split("/")[0] for place in json.loads(SNAPSHOT.read_text("utf-8")) if "/" in place}
    names = ("session", "synthesis", "transcription", "translation")
    assert services == {f"lingocast.{name}.v1.{name.title()}Service" for name in names}


def test_a_removed_renumbered_or_retyped_field_is_found_and_an_added_or_reserved_one_is_fine() -> None:
    before = {"m#1": "single string name", "m#2": "single float tempo", "m#3": "single bool on"}
    now = {"m#1": "single bytes name", "m#3": "reserved", "m#4": "single float tempo", "s/Call": "(a) returns (b)"}
    assert broken(before, now) == [
        "m#1: was single string name, is single bytes name",
        "m#2: was single float tempo, is gone",
    ]


if __name__ == "__main__":
    SNAPSHOT.write_text(json.dumps(wire(), indent=1, sort_keys=True) + "\n", "utf-8")
