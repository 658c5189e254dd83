"""What the benches' reports share: the machine's name, tables, percentiles."""

import math
import os
import platform
import re
from collections.abc import Iterable, Sequence
from pathlib import Path


def cells(*texts: str) -> str:
    """One row of a table."""
    return f"| {' | '.join(texts)} |"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table with its head, and an empty line after it."""
    return [cells(*head), "|" + "---|" * len(head), *(cells(*row) for row in rows), ""]


def machine() -> str:
    """Processor, cores and Python."""
    names = re.findall(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    name = names[0] if names else platform.processor() or platform.machine()
    return f"{os.cpu_count()} cores of {name}, Python {platform.python_version()}"


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that is not below `share` (0 to 1) of them: one that was measured, not a mean of two."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
