"""Dependencies point one way. The rules are in pyproject.toml, [tool.importlinter]."""

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
LISTENER_MUST_NOT_LOAD = ("eventlet", "nameko", "kombu", "flask", "alembic")


def test_import_rules_hold():
    linter = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run(
        [linter, "--no-cache", "--no-logo"], cwd=REPOSITORY, capture_output=True, text=True
    )

    assert result.returncode == 0, result.stdout + result.stderr


def test_radius_listener_loads_no_event_loop():
    loaded = f"""
import sys
import radius_svc.listener.process.run
print(*[name for name in {LISTENER_MUST_NOT_LOAD} if name in sys.modules])
"""
    result = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)

    assert result.stdout.split() == []
