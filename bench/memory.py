"""The memory that this process has taken."""

from __future__ import annotations

import re
from pathlib import Path


def read_peak_mib() -> float:
    """The most memory at once, in MiB, as Linux reports it.

    Raises:
        RuntimeError: Another system.
    """
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    if not found:
        raise RuntimeError("/proc/self/status names no VmHWM")
    return int(found[1]) / 1024
