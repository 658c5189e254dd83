"""The stand-in for Amazon Transcribe refuses what Amazon's reference does not allow."""

import pytest

from tests.amazon.transcribe_requests import Account, Refused, check, check_audio

GOOD = {"language-code": "en-US", "media-encoding": "pcm", "sample-rate": "16000"}
STABLE = {"enable-partial-results-stabilization": "true", "partial-results-stability": "medium"}
ACCOUNT = Account(["names"], ["rude"], ["sermons"])


@pytest.mark.parametrize(
    "more",
    [
        {},
        STABLE,
        {"session-id": "12345678-1234-1234-1234-123456789abc"},
        {"vocabulary-name": "names", "vocabulary-filter-name": "rude", "vocabulary-filter-method": "tag"},
        {"language-model-name": "sermons"},
        {"show-speaker-label": "True"},
    ],
)
def test_what_amazon_allows_is_taken(more: dict[str, str]) -> None:
    check(GOOD | more, ACCOUNT)


def test_a_language_may_be_left_to_amazon() -> None:
    left = {name: value for name, value in GOOD.items() if name != "language-code"}
    check(left | {"identify-language": "true", "language-options": "en-US,es-US"})


@pytest.mark.parametrize(
    "wrong",
    [
        {"language-code": "en"},
        {"language-code": "tlh-KL"},
        {"media-encoding": "wav"},
        {"sample-rate": "7999"},
        {"sample-rate": "16000.0"},
        {"session-id": "1234"},
        {"vocabulary-name": "no such"},
        {"vocabulary-name": "others"},
        {"vocabulary-filter-method": "mask"},
        {"partial-results-stability": "medium"},
        STABLE | {"partial-results-stability": "highest"},
        {"enable-partial-results-stabilization": "1"},
        {"number-of-channels": "3"},
        {"identify-language": "true"},
        {"languge-code": "en-US"},
    ],
)
def test_what_amazon_does_not_allow_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(Refused, match="BadRequestException"):
        check(GOOD | wrong, ACCOUNT)


@pytest.mark.parametrize("missing", sorted(GOOD))
def test_what_is_required_must_be_there(missing: str) -> None:
    with pytest.raises(Refused, match="BadRequestException"):
        check({name: value for name, value in GOOD.items() if name != missing})


def test_audio_is_of_whole_samples_and_32_kib_at_most() -> None:
    check_audio(bytes(32 * 1024))
    for audio in (bytes(32 * 1024 + 2), bytes(3)):
        with pytest.raises(Refused):
            check_audio(audio)
