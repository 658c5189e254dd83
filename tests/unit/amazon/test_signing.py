"""The stand-ins' check of signatures takes what Amazon's own signers make, and nothing else."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as SdkCredentials
from yarl import URL

from tests.amazon.signing import Arrived, Credentials, SignatureRefused, verify

WHO = Credentials("AKIDEXAMPLE", "secret/with+signs")
BODY = b'{"Text": "a b"}'
ADDRESS = "http://127.0.0.1:4566/v1/speech?Engine=neural&LanguageCode=en-US&NextToken=a%2Fb%20c"


def signed_in_header(who: Credentials = WHO) -> Arrived:
    request = AWSRequest("POST", ADDRESS, headers={"Content-Type": "application/json", "X-Amz-Target": "T"}, data=BODY)
    SigV4Auth(SdkCredentials(who.access_key, who.secret, who.token or None), "polly", "us-east-1").add_auth(request)
    url = URL(request.url, encoded=True)
    headers = [("Host", "127.0.0.1:4566"), *request.headers.items()]
    return Arrived("POST", url.raw_path_qs, headers, BODY)


def signed_in_query(expires: int = 300) -> Arrived:
    request = AWSRequest("GET", "http://127.0.0.1:80/stream-websocket?language-code=en-US&a=b%20c")
    sdk = SdkCredentials(WHO.access_key, WHO.secret)
    SigV4QueryAuth(sdk, "transcribe", "us-east-1", expires=expires).add_auth(request)
    return Arrived("GET", URL(request.url, encoded=True).raw_path_qs, [("host", "127.0.0.1")])


def test_the_published_example_of_aws_is_taken() -> None:
    # "Signature Version 4 signing process", the request that runs through all its examples.
    who = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    headers = [
        ("Host", "iam.amazonaws.com"),
        ("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"),
        ("X-Amz-Date", "20150830T123600Z"),
        (
            "Authorization",
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "
            "SignedHeaders=content-type;host;x-amz-date, "
            "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
        ),
    ]
    request = Arrived("GET", "/?Action=ListUsers&Version=2010-05-08", headers, b"")
    verify(request, service="iam", credentials=who, now=datetime(2015, 8, 30, 12, 36, tzinfo=UTC))


def test_what_botocore_signs_in_a_header_is_taken() -> None:
    assert verify(signed_in_header(), service="polly", credentials=WHO).access_key == "AKIDEXAMPLE"


def test_temporary_credentials_bring_their_token() -> None:
    who = replace(WHO, token="a/token+of==many signs")
    verify(signed_in_header(who), service="polly", credentials=who)
    with pytest.raises(SignatureRefused, match="UnrecognizedClientException"):
        verify(signed_in_header(), service="polly", credentials=who)


def test_what_botocore_signs_in_a_query_is_taken() -> None:
    verify(signed_in_query(), service="transcribe", credentials=WHO)


@pytest.mark.parametrize("sign", [signed_in_header, signed_in_query], ids=["header", "query"])
@pytest.mark.parametrize(
    "change",
    [
        lambda request: replace(request, method="PUT"),
        lambda request: replace(request, target=request.target.replace("en-US", "en-GB")),
        lambda request: replace(request, target=request.target + "&more=1"),
        lambda request: replace(request, target="/x" + request.target),
        lambda request: replace(
            request, headers=[(name, "evil" if name.lower() == "host" else value) for name, value in request.headers]
        ),
    ],
    ids=["method", "value", "parameter", "path", "host"],
)
def test_a_request_that_was_changed_on_the_way_is_refused(
    sign: Callable[[], Arrived], change: Callable[[Arrived], Arrived]
) -> None:
    signed = sign()  # Here, not where tests are collected: a signature is good for five minutes.
    service = "polly" if "speech" in signed.target else "transcribe"
    verify(signed, service=service, credentials=WHO)
    with pytest.raises(SignatureRefused, match="InvalidSignatureException"):
        verify(change(signed), service=service, credentials=WHO)


def test_another_body_is_refused() -> None:
    with pytest.raises(SignatureRefused, match="InvalidSignatureException"):
        verify(replace(signed_in_header(), body=BODY + b" "), service="polly", credentials=WHO)


@pytest.mark.parametrize("other", [replace(WHO, secret="another"), replace(WHO, access_key="another")])
def test_strangers_are_refused(other: Credentials) -> None:
    with pytest.raises(SignatureRefused, match=r"InvalidSignature|UnrecognizedClient"):
        verify(signed_in_header(), service="polly", credentials=other)


def test_a_signature_for_another_region_or_service_is_refused() -> None:
    with pytest.raises(SignatureRefused, match="InvalidSignatureException"):
        verify(signed_in_header(), service="polly", credentials=WHO, region="eu-west-1")
    with pytest.raises(SignatureRefused, match="InvalidSignatureException"):
        verify(signed_in_header(), service="translate", credentials=WHO)


def test_an_old_signature_is_refused() -> None:
    later = datetime.now(UTC) + timedelta(minutes=6)
    with pytest.raises(SignatureRefused, match="expired"):
        verify(signed_in_header(), service="polly", credentials=WHO, now=later)
    with pytest.raises(SignatureRefused, match="expired"):
        verify(signed_in_query(300), service="transcribe", credentials=WHO, now=later)
    verify(signed_in_query(600), service="transcribe", credentials=WHO, now=later)


def test_an_unsigned_request_is_refused() -> None:
    with pytest.raises(SignatureRefused, match="MissingAuthenticationToken"):
        verify(Arrived("GET", "/?a=b", [("host", "127.0.0.1")], b""), service="polly")
