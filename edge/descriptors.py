"""How many sockets this process may have open: all that the system allows, for each listener is one."""

import resource
from contextlib import suppress


def as_many_as_allowed() -> None:
    """Raises the soft limit of file descriptors, usually 1024, to the hard one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Some systems name a hard limit that they do not grant; the soft one stays then.
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
