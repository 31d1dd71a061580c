"""Rules about the source that no linter has."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
SOURCES = ("libs/*/src", "services/*/src", "gateway/src", "ispos")
TEST_PATHS = ("libs", "services", "gateway", "tests")
MAX_LINES = 450
# Exceptions, each with its reason.
EXCEPTIONS = {
    "libs/servicekit/src/servicekit/membus.py": 660,  # one broker: its parts share one state
}


def sources(*patterns):
    for pattern in patterns:
        for folder in sorted(REPOSITORY.glob(pattern)):
            yield from sorted(folder.rglob("*.py"))


def name_of(path):
    return str(path.relative_to(REPOSITORY))


def called(node):
    """`datetime.now` for the call `x.y.datetime.now(...)`."""
    function = node.func
    if isinstance(function, ast.Name):
        return function.id
    if isinstance(function, ast.Attribute):
        owner = function.value
        owner_name = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
        return f"{owner_name}.{function.attr}"
    return ""


def wrong_calls(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        name = called(node)
        if name == "float" or name.endswith(".float"):
            yield node.lineno, "float(): money is integer minor units, no float comes near it"
        if name.endswith((".utcnow", ".utcfromtimestamp")):
            yield node.lineno, f"{name}(): gives a naive datetime; instants are aware"
        if name == "datetime.now" and not node.args and not node.keywords:
            yield node.lineno, "datetime.now() without a zone: gives a naive datetime; ask the clock"
        if name == "date.today":
            yield node.lineno, "date.today(): is the machine's date; use local_date(instant, zone)"


def test_no_float_and_no_naive_time_near_services_and_money():
    found = [
        f"{name_of(path)}:{line}: {reason}"
        for path in sources("libs/contracts/src", "libs/servicekit/src", "services/*/src")
        for line, reason in wrong_calls(path)
    ]
    assert not found, "\n".join(found)


def test_money_is_never_divided():
    found = [
        f"{name_of(path)}:{node.lineno}: / gives a float; use Money.share or divmod"
        for path in sources("libs/contracts/src", "services/billing-svc/src", "services/payment-svc/src")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "source", ["float(x)", "datetime.utcnow()", "dt.datetime.now()", "date.today()"], ids=lambda text: text
)
def test_rules_above_find_violations(tmp_path, source):
    (tmp_path / "wrong.py").write_text(source)

    assert list(wrong_calls(tmp_path / "wrong.py"))


def test_no_source_file_is_too_long():
    found = [
        f"{name_of(path)} has {lines} lines"
        for path in sources(*SOURCES)
        if (lines := len(path.read_text().splitlines())) > EXCEPTIONS.get(name_of(path), MAX_LINES)
    ]
    assert not found, "\n".join(found)


ABSOLUTE_PATH = re.compile(r"(?<![\w.])/(?:home|Users)/\w|(?<![\w./])/(?:root|work|workspace)/\w")
REGISTRY = re.compile(
    r"--(?:extra-)?index-url[ =]\S|--find-links|https?://[\w.-]*(?:pypi|pythonhosted|artifactory|nexus|mirror)"
)


def test_no_file_names_a_registry_or_a_machine_path():
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    found = []
    for name in listed.stdout.split("\0"):
        path = REPOSITORY / name
        if not path.is_file() or path == Path(__file__):
            continue
        try:
            lines = path.read_text().splitlines()
        except UnicodeDecodeError:
            continue  # a picture, a font
        found += [
            f"{name}:{number}: {line.strip()[:100]}"
            for number, line in enumerate(lines, 1)
            if ABSOLUTE_PATH.search(line) or REGISTRY.search(line)
        ]
    assert not found, "\n".join(found)


def test_lock_file_has_hashes_and_no_addresses():
    lock = (REPOSITORY / "requirements.lock").read_text()
    assert "://" not in lock

    requirements = [
        block for block in re.split(r"\n(?=[\w.-]+(?:\[[^]]*])?[ =@])", lock) if not block.startswith("#")
    ]
    assert len(requirements) > 50
    for requirement in requirements:
        name = requirement.split()[0]
        assert re.match(r"[\w.-]+(\[[^]]*])?==\S+", requirement), f"{name} is not pinned"
        assert "--hash=sha256:" in requirement, f"{name} has no hash"


def test_make_test_runs_every_test_file_once():
    makefile = (REPOSITORY / "Makefile").read_text()
    parts = re.findall(r"^test-\S+: TESTS := (.*)$", makefile, re.MULTILINE)
    places = [REPOSITORY / place for part in parts for place in part.split()]

    files = [path for top in TEST_PATHS for path in (REPOSITORY / top).rglob("test_*.py")]
    times_run = {name_of(path): sum(path.is_relative_to(place) for place in places) for path in files}

    assert {name: times for name, times in times_run.items() if times != 1} == {}
