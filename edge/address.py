"""Who is at the other end of a request, as far as limits ask."""

from aiohttp import web

from edge.domain.limits import limited_as


def address_of(request: web.Request, trusted_proxies: int) -> str:
    """The client address of a request, as it is limited: IPv6 by its /64."""
    # Some proxies add a header of their own instead of going on with the client's.
    forwarded_for = ",".join(request.headers.getall("X-Forwarded-For", ()))
    return limited_as(client_address(request.remote or "", forwarded_for, trusted_proxies))


def client_address(remote: str, forwarded_for: str, trusted_proxies: int) -> str:
    """The entry before those that `trusted_proxies` proxies added."""
    entries = [entry.strip() for entry in forwarded_for.split(",") if entry.strip()]
    return [*entries, remote][max(0, len(entries) - trusted_proxies)] if trusted_proxies else remote
