"""Which texts share a translation: same pair, same words whatever their case, same glossary."""

from hashlib import sha256


def cache_key(source: str, target: str, text: str, glossary_version: str = "") -> str:
    """`source:target:`, 16 hex digits of SHA-256 of the trimmed, lower-cased text, and the glossary's version if any.

    The key says nothing of the text, so it may be logged and stored.
    """
    digest = sha256(text.strip().lower().encode()).hexdigest()[:16]
    key = f"{source}:{target}:{digest}"
    return f"{key}:{glossary_version}" if glossary_version else key
