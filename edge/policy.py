"""What a browser may do with our answers: headers, for everything, more for pages, and few for their files.

Nothing inline and no foreign address, so that a text which got into a page by mistake is a text and no program.
"""

import re
from typing import Final
from urllib.parse import urlsplit

EVERYWHERE: Final = {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    "Permissions-Policy": "microphone=(), camera=(), geolocation=()",
    # Session ids are in the path; other sites need not learn them.
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
FILES: Final = {
    # A page loads dozens of them, over a line where every header counts; they need no policy, which is the page's that
    # uses them. Any site may use the client from here.
    "Access-Control-Allow-Origin": "*",
    "X-Content-Type-Options": "nosniff",
}
PUBLIC: Final = {
    # For whom no credentials are asked: any site may read it.
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Retry-After",
    "Cross-Origin-Resource-Policy": "cross-origin",
}

_HOST: Final = re.compile(r"[\w.-]+(:\d+)?|\[[\da-fA-F:.]+\](:\d+)?", re.ASCII)


def for_page(host: str, public_url: str = "", *, microphone: bool = False) -> dict[str, str]:
    """Headers of a page that was asked for at `host`. Sockets are named by address: for older browsers they are not
    of the same origin. `host` is the client's word, and left out where it is not a host's name."""
    hosts = {name for name in (host, urlsplit(public_url).netloc) if _HOST.fullmatch(name)}
    sockets = [f"{scheme}://{name}" for name in sorted(hosts) for scheme in ("ws", "wss")]
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' blob:",
        "connect-src": " ".join(["'self'", *sockets]),
        "media-src": "'self' blob:",
        "worker-src": "'self'",
        "manifest-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    allowed = {"microphone": "self" if microphone else "", "camera": "", "geolocation": ""}
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": ", ".join(f"{name}=({value})" for name, value in allowed.items()),
    }
