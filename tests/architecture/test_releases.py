"""What a release promises: one version for all parts, a license, and a changelog entry."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PROJECTS = {
    (project := tomllib.loads(file.read_text())["project"])["name"]: project
    for pattern in (
        "pyproject.toml",
        "gateway/pyproject.toml",
        "libs/*/pyproject.toml",
        "services/*/pyproject.toml",
    )
    for file in sorted(REPOSITORY.glob(pattern))
}
RELEASE = PROJECTS["isp-os"]["version"]


@pytest.mark.parametrize("name", PROJECTS)
def test_every_part_has_the_version_of_the_release(name):
    assert PROJECTS[name]["version"] == RELEASE


@pytest.mark.parametrize("name", PROJECTS)
def test_every_part_is_under_the_same_license(name):
    assert PROJECTS[name]["license"] == "AGPL-3.0-or-later"


def test_the_changelog_describes_the_release():
    assert f"\n## {RELEASE}" in (REPOSITORY / "CHANGELOG.md").read_text()


def test_the_list_of_third_party_licenses_is_current():
    script = REPOSITORY / "tools/third_party_licenses.py"
    checked = subprocess.run([sys.executable, script, "check"], capture_output=True, text=True)

    assert checked.returncode == 0, checked.stderr
