"""Which texts share a translation (L2)."""

from hashlib import sha256

from translation_svc.domain.cachekey import cache_key


def test_the_key_is_pair_and_first_16_hex_digits_of_the_trimmed_lower_cased_text() -> None:
    assert cache_key("en", "es", "  Hello, World. ") == "en:es:" + sha256(b"hello, world.").hexdigest()[:16]


def test_the_direction_matters() -> None:
    assert cache_key("en", "es", "no") != cache_key("es", "en", "no")


def test_a_glossary_has_keys_of_its_own() -> None:
    plain, first, second = (cache_key("en", "es", "grace", version) for version in ("", "1", "2"))
    assert len({plain, first, second}) == 3
