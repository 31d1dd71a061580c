"""Write or check THIRD_PARTY_LICENSES.md: the packages ISP-OS runs on, and the files it ships.

    python tools/third_party_licenses.py write | check

Packages are those the product depends on, directly or indirectly, on Linux with the oldest supported Python;
their licenses are read from the metadata of the installed packages. Versions are in requirements.lock. The
table of shipped files comes from gateway/src/gateway/static/vendor/README.md.
"""

from __future__ import annotations

import re
import sys
import tomllib
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

REPOSITORY = Path(__file__).parents[1]
PAGE = REPOSITORY / "THIRD_PARTY_LICENSES.md"
VENDOR = REPOSITORY / "gateway/src/gateway/static/vendor"
PARTS = ("gateway/pyproject.toml", "libs/*/pyproject.toml", "services/*/pyproject.toml", "pyproject.toml")
# Dependencies differ between Pythons. The page is about this one, wherever it is written.
ENVIRONMENT = {
    "python_version": "3.11",
    "python_full_version": "3.11.0",
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "platform_machine": "x86_64",
    "sys_platform": "linux",
    "os_name": "posix",
}
# Packages whose metadata states no license, or states it in prose. Taken from the license files they install.
STATED_ELSEWHERE = {
    "path-py": "MIT",
    "psycopg2-binary": "LGPL-3.0-or-later WITH exceptions",
    "pyphen": "GPL-2.0-or-later OR LGPL-2.1-or-later OR MPL-1.1",
}
SHORT_NAMES = {
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
HEAD = """\
# Third-party licenses

ISP-OS is licensed under AGPL-3.0-or-later ([LICENSE](LICENSE)). It runs on the packages below and ships the
files below, each under its own license. Written by `make licenses`; do not edit.
"""


def main(arguments: list[str]) -> int:
    if arguments not in (["write"], ["check"]):
        print(__doc__, file=sys.stderr)
        return 2
    page = render()
    if arguments == ["write"]:
        PAGE.write_text(page)
        return 0
    if not PAGE.exists() or PAGE.read_text() != page:
        print("THIRD_PARTY_LICENSES.md is out of date: run make licenses and commit it", file=sys.stderr)
        return 1
    return 0


def render() -> str:
    """The page, as Markdown. Raises LookupError for a package whose license cannot be read."""
    return "\n".join([HEAD, *_packages(), "", *_shipped(), ""])


def _packages() -> list[str]:
    rows = [
        f"| {name} | {license_of(name, package)} |" for name, package in sorted(runtime_packages().items())
    ]
    return ["## Python packages", "", "| Package | License |", "|---|---|", *rows]


def _shipped() -> list[str]:
    """The rows of the vendor README, each with a link to the license text next to the files."""
    rows = [line for line in (VENDOR / "README.md").read_text().splitlines() if line.startswith("| `")]
    table = []
    for row in rows:
        folder, what, version, license_name = (cell.strip() for cell in row.strip("|").split("|"))
        text = next((VENDOR / folder.strip("`/")).glob("LICENSE*"), None)
        if text is None:
            raise LookupError(f"{VENDOR.relative_to(REPOSITORY)}/{folder.strip('`')} has no LICENSE file")
        text = text.relative_to(REPOSITORY)
        table.append(f"| {what} | {version} | [{license_name}]({text}) |")
    return ["## Files shipped with the gateway", "", "| What | Version | License |", "|---|---|---|", *table]


def runtime_packages() -> dict[str, Distribution | None]:
    """What the product needs at run time, by normalized name, without its own parts.

    None stands for a package that the oldest supported Python needs and the running one does not have.
    """
    found: dict[str, Distribution | None] = {}
    parts = dict(_project(file) for pattern in PARTS for file in REPOSITORY.glob(pattern))
    wanted: list[tuple[str, frozenset[str]]] = [(name, frozenset()) for name in parts]
    seen = set(wanted)
    while wanted:
        name, extras = wanted.pop()
        if name in parts:
            requirements = parts[name]
        else:
            found[name] = package = _installed(name)
            requirements = (package.requires if package else None) or []
        for text in requirements:
            requirement = Requirement(text)
            needed = (_normalized(requirement.name), frozenset(requirement.extras))
            if _applies(requirement, extras) and needed not in seen:
                seen.add(needed)
                wanted.append(needed)
    return found


def license_of(name: str, package: Distribution | None) -> str:
    """An SPDX expression where the package has one. Raises LookupError if it states no license."""
    if name in STATED_ELSEWHERE:
        return STATED_ELSEWHERE[name]
    if package is None:
        return _license_on_the_page(name)
    if expression := _stated(package, "License-Expression"):
        return expression
    stated = _stated(package, "License")
    if stated and stated != "UNKNOWN" and "\n" not in stated and len(stated) <= 40:
        return SHORT_NAMES.get(stated, stated)
    classified = [
        classifier.rpartition(" :: ")[2]
        for classifier in package.metadata.get_all("Classifier") or ()
        if classifier.startswith("License :: ") and classifier != "License :: OSI Approved"
    ]
    if not classified:
        raise LookupError(f"{name} states no license in its metadata: add it to STATED_ELSEWHERE")
    return " OR ".join(SHORT_NAMES.get(license_name, license_name) for license_name in classified)


def _stated(package: Distribution, field: str) -> str:
    """The field of the package's metadata without surrounding space, or ""."""
    return "".join(package.metadata.get_all(field) or ()).strip()


def _license_on_the_page(name: str) -> str:
    match = re.search(rf"^\| {re.escape(name)} \| (.+) \|$", PAGE.read_text(), re.MULTILINE)
    if match is None:
        raise LookupError(f"{name} is not installed: run this with Python {ENVIRONMENT['python_version']}")
    return match[1]


def _installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def _applies(requirement: Requirement, extras: frozenset[str]) -> bool:
    if requirement.marker is None:
        return True
    return any(requirement.marker.evaluate({**ENVIRONMENT, "extra": extra}) for extra in extras or {""})


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _project(file: Path) -> tuple[str, list[str]]:
    """Name and dependencies of one of our parts, from its pyproject.toml."""
    project = tomllib.loads(file.read_text())["project"]
    return _normalized(project["name"]), project["dependencies"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
