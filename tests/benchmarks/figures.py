"""Statistics of samples, and tables."""

from __future__ import annotations

import math
import platform
import re
import statistics
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

Row = Sequence[str]
REPORT = Path(__file__).parents[2] / "docs" / "benchmarks.md"
SECTION = r"^{heading}\n.*?(?=^## |\Z)"


def percentile(samples: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile, which is one of the samples."""
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def milliseconds(samples_in_seconds: Sequence[float]) -> tuple[str, str, str]:
    """Median, p99 and maximum, for a table."""
    values = (
        statistics.median(samples_in_seconds),
        percentile(samples_in_seconds, 99),
        max(samples_in_seconds),
    )
    return tuple(f"{value * 1000:.0f} ms" for value in values)  # type: ignore[return-value]


def table(head: Row, rows: Sequence[Row]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def verdict(met: bool) -> str:
    return "met" if met else "**missed**"


def machine() -> str:
    """A description of this machine."""
    processor = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            processor = line.partition(":")[2].strip()
            break
    cores = sum(line.startswith("processor") for line in Path("/proc/cpuinfo").read_text().splitlines())
    kib = int(Path("/proc/meminfo").read_text().split()[1])
    return (
        f"{cores} cores ({processor}), {kib / 1024 / 1024:.0f} GiB, {platform.platform()}, "
        f"Python {platform.python_version()}, SQLAlchemy {version('sqlalchemy')}, "
        f"nameko {version('nameko')}. "
        "The load generator, the brokers and the databases share these cores."
    )


def find_section(heading: str) -> str:
    """A section of docs/benchmarks.md with its heading (`## ...`), or an empty string."""
    found = _section(heading).search(REPORT.read_text())
    return found[0] if found else ""


def replace_section(heading: str, section: str) -> Path:
    """Replace a section of docs/benchmarks.md, or add it at the end; the others stay the same."""
    said = REPORT.read_text()
    section = section.rstrip("\n") + "\n"
    if find_section(heading):
        said = _section(heading).sub(lambda _: section + "\n", said).rstrip("\n") + "\n"
    else:
        said = said.rstrip("\n") + "\n\n" + section
    REPORT.write_text(said)
    return REPORT


def _section(heading: str) -> re.Pattern[str]:
    return re.compile(SECTION.format(heading=re.escape(heading)), re.MULTILINE | re.DOTALL)
