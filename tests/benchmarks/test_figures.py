"""Several commands write docs/benchmarks.md, each its own sections."""

import pytest

from tests.benchmarks import figures

WHOLE = """# Benchmarks

## Pages

| a |

## RADIUS

old

### Logins

old

## Visits

| b |
"""


@pytest.fixture
def report(monkeypatch, tmp_path):
    path = tmp_path / "benchmarks.md"
    path.write_text(WHOLE)
    monkeypatch.setattr(figures, "REPORT", path)
    return path


def test_section_ends_at_the_next_one(report):
    assert figures.find_section("## RADIUS") == "## RADIUS\n\nold\n\n### Logins\n\nold\n\n"
    assert figures.find_section("## Visits") == "## Visits\n\n| b |\n"
    assert figures.find_section("## RAD") == ""


@pytest.mark.parametrize("heading", ["## RADIUS", "## Visits"])
def test_replacing_a_section_keeps_the_others(report, heading):
    others = WHOLE.replace(figures.find_section(heading), "")

    figures.replace_section(heading, f"{heading}\n\nnew \\1\n")

    assert figures.find_section(heading).strip() == f"{heading}\n\nnew \\1"
    said = report.read_text()
    assert said.replace(figures.find_section(heading), "").strip() == others.strip()
    assert said.endswith("\n") and not said.endswith("\n\n")


def test_new_section_is_added_at_the_end(report):
    figures.replace_section("## New", "## New\n\nfigures\n")

    assert report.read_text() == WHOLE + "\n## New\n\nfigures\n"
