"""The check of what reaches the stand-ins: what Amazon would refuse is refused, in its words."""

import json
from typing import Any

import botocore.session
import pytest
from botocore.serialize import create_serializer

from tests.amazon.requests import Call, Refused, Service

TARGET = "AWSShineFrontendService_20170701.TranslateText"
TEXT = {"Text": "Hello.", "SourceLanguageCode": "en", "TargetLanguageCode": "es"}
SPEECH = {"OutputFormat": "pcm", "SampleRate": "16000", "Text": "Hello.", "VoiceId": "Joanna", "Engine": "neural"}


def translate(body: object, target: str = TARGET, kind: str = "application/x-amz-json-1.1", path: str = "/") -> Call:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Service("translate").read("POST", path, {"x-amz-target": target, "content-type": kind}, sent)


def polly(body: object, method: str = "POST", target: str = "/v1/speech") -> Call:
    return Service("polly").read(method, target, {}, json.dumps(body).encode() if body else b"")


def test_what_the_sdk_sends_is_read_as_it_was_meant() -> None:
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("translate", "TranslateText", {**TEXT, "TerminologyNames": ["a"], "Settings": {"Formality": "FORMAL"}}),
        ("translate", "ListLanguages", {"MaxResults": 500}),
        ("polly", "SynthesizeSpeech", SPEECH),
        ("polly", "DescribeVoices", {"Engine": "neural", "IncludeAdditionalLanguageCodes": True}),
        ("polly", "GetLexicon", {"Name": "names"}),
    ]
    for service, operation, members in calls:
        model = botocore.session.get_session().get_service_model(service)
        serializer = create_serializer(model.metadata["protocol"], include_validation=True)
        sent = serializer.serialize_to_request(dict(members), model.operation_model(operation))
        query = (
            "&".join(f"{name}={value}" for name, value in sent["query_string"].items()) if service == "polly" else ""
        )
        headers = {name.lower(): value for name, value in sent["headers"].items()}
        target = f"{sent['url_path']}?{query}".rstrip("?")
        read = Service(service).read(sent["method"], target, headers, sent["body"] or b"")
        assert read == Call(operation, members)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"Text": None}, "Value null at 'text' failed to satisfy constraint: Member must not be null"),
        ({"Text": ""}, "Member must have length greater than or equal to 1"),
        ({"Text": "é" * 10_001}, "Member must have length less than or equal to 10000"),
        ({"TargetLanguageCode": "zh-Hant"}, "at 'targetLanguageCode'"),
        ({"Settings": {"Formality": "POLITE"}}, "Member must satisfy enum value set: [FORMAL, INFORMAL]"),
        ({"TerminologyNames": ["two words"]}, "Value 'two words' at 'terminologyNames.1.member'"),
        ({"Glossary": "mine"}, "Value at 'glossary' is unknown"),
        ({"Text": "", "TargetLanguageCode": "e"}, "3 validation errors detected"),
    ],
)
def test_values_that_amazon_refuses_are_refused_in_its_words(changed: dict[str, object], sentence: str) -> None:
    with pytest.raises(Refused) as refused:
        translate({**TEXT, **changed})
    assert (refused.value.code, refused.value.status) == ("ValidationException", 400)
    assert sentence in refused.value.message


@pytest.mark.parametrize("body", [b"{", b"[]", {**TEXT, "Text": 7}, {**TEXT, "TerminologyNames": "mine"}])
def test_what_cannot_be_read_is_a_serialization_error(body: object) -> None:
    with pytest.raises(Refused, match="SerializationException"):
        translate(body)


@pytest.mark.parametrize(
    "wrong",
    [{"target": "AWSShineFrontendService_20170701.Guess"}, {"target": ""}, {"kind": "text/json"}, {"path": "/v1"}],
)
def test_an_operation_nobody_knows_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(Refused, match="UnknownOperationException"):
        translate(TEXT, **wrong)


@pytest.mark.parametrize(
    ("body", "method", "target", "code", "status"),
    [
        ({**SPEECH, "VoiceId": "Nobody"}, "POST", "/v1/speech", "ValidationException", 400),
        ({**SPEECH, "OutputFormat": "wav"}, "POST", "/v1/speech", "ValidationException", 400),
        ({**SPEECH, "SampleRate": 16000}, "POST", "/v1/speech", "SerializationException", 400),
        ({**SPEECH, "LexiconNames": ["a"] * 6}, "POST", "/v1/speech", "ValidationException", 400),
        (None, "POST", "/v1/speech", "ValidationException", 400),
        (None, "GET", "/v1/voices?Engine=human", "ValidationException", 400),
        (None, "GET", "/v1/voices?Colour=red", "ValidationException", 400),
        (None, "GET", "/v1/voices?IncludeAdditionalLanguageCodes=maybe", "SerializationException", 400),
        (None, "GET", "/v1/lexicons/not%20a%20name", "ValidationException", 400),
        (None, "GET", "/v2/voices", "UnknownOperationException", 404),
    ],
)
def test_rest_requests_are_read_from_path_query_and_body(
    body: object, method: str, target: str, code: str, status: int
) -> None:
    with pytest.raises(Refused) as refused:
        polly(body, method, target)
    assert (refused.value.code, refused.value.status) == (code, status)


def test_errors_travel_as_each_protocol_carries_them() -> None:
    refused = Refused("ThrottlingException", "Rate exceeded")
    in_body = Service("translate").refusal(refused)
    assert isinstance(in_body.body, bytes)
    assert json.loads(in_body.body) == {"__type": "ThrottlingException", "message": "Rate exceeded"}
    in_header = Service("polly").refusal(refused)
    assert in_header.headers["x-amzn-ErrorType"] == "ThrottlingException"
    assert in_body.headers["x-amzn-RequestId"] != in_header.headers["x-amzn-RequestId"]
