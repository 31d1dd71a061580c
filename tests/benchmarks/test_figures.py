"""docs/benchmarks.md is written by several commands, each its own part."""

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


def test_a_section_ends_at_the_next_one(report):
    assert figures.find_section("## RADIUS") == "## RADIUS\n\nold\n\n### Logins\n\nold\n\n"
    assert figures.find_section("## Visits") == "## Visits\n\n| b |\n"
    assert figures.find_section("## RAD") == ""


@pytest.mark.parametrize("heading", ["## RADIUS", "## Visits"])
def test_a_section_is_replaced_and_the_others_stay(report, heading):
    others = WHOLE.replace(figures.find_section(heading), "")

    figures.replace_section(heading, f"{heading}\n\nnew \\1\n")

    assert figures.find_section(heading).strip() == f"{heading}\n\nnew \\1"
    said = report.read_text()
    assert said.replace(figures.find_section(heading), "").strip() == others.strip()
    assert said.endswith("\n") and not said.endswith("\n\n")


def test_a_section_that_was_not_there_comes_last(report):
    figures.replace_section("## New", "## New\n\nfigures\n")

    assert report.read_text() == WHOLE + "\n## New\n\nfigures\n"
