"""The documentation: links that work, and words that people understand (docs/style.md)."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PAGES = sorted(
    REPOSITORY / name
    for name in subprocess.run(
        ["git", "ls-files", "-z", "*.md"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    if name and (REPOSITORY / name).exists()
)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"```.*?```", re.DOTALL)
MAY_QUOTE = {"docs/style.md"}
AVOIDED = re.compile(
    r"\b(?:by (?:it|him|her)self|by themselves|the own|whoever|one who|on line|off line|what waits|anew"
    r"|mends?|the way out|at the desk)\b",
    re.IGNORECASE,
)


def name_of(page):
    return str(page.relative_to(REPOSITORY))


def anchors(page):
    """The anchors GitHub makes of the headings."""
    headings = re.findall(r"^#+ (.+)$", CODE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    broken = []
    for target in LINK.findall(CODE.sub("", page.read_text())):
        if "://" in target or target.startswith("mailto:"):
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        if not linked.exists() or (anchor and anchor not in anchors(linked)):
            broken.append(target)

    assert not broken, f"{name_of(page)}: {broken}"


@pytest.mark.parametrize("page", [page for page in PAGES if name_of(page) not in MAY_QUOTE], ids=name_of)
def test_pages_use_words_people_expect(page):
    found = [
        f"{name_of(page)}:{number}: {match.group()}"
        for number, line in enumerate(page.read_text().splitlines(), 1)
        for match in AVOIDED.finditer(line)
    ]

    assert not found, "\n".join(["docs/style.md says what to write instead:", *found])


def test_tables_of_settings_and_events_are_current():
    script = [sys.executable, "-W", "ignore", REPOSITORY / "tools/docs_tables.py", "check"]
    checked = subprocess.run(script, cwd=REPOSITORY, capture_output=True, text=True)

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_decision_record_has_its_own_number():
    numbers = [path.name[:4] for path in (REPOSITORY / "docs" / "adr").glob("*.md")]

    assert sorted(numbers) == sorted(set(numbers))
