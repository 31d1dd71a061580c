"""Compiles the modules every RADIUS packet passes through (radius_svc.compiled) with mypyc, if necessary.

Without it the same source runs as plain Python, only slower. So if it cannot be compiled, this prints why and
exits without an error. docs/adr/0015 explains the reasons.
"""

from __future__ import annotations

import shlex
import shutil
import sys
import sysconfig
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from radius_svc import compiled

# `make lint` checks types. Here everything that is not compiled counts as Any: mypyc would otherwise trust
# annotations that are not exact, such as a row of SQLAlchemy that is annotated as a tuple.
CHECKING = ("--config-file=", "--ignore-missing-imports", "--follow-imports=skip")
# Leftovers of a killed attempt are deleted after this long.
ABANDONED_SECONDS = 3600
PLAIN = "The RADIUS listener runs as plain Python and uses a third more CPU time"


def main() -> None:
    target = compiled.folder()
    recipe = f"mypy {version('mypy')}\n{Path(__file__).read_text()}"
    if is_made(target, recipe):
        return
    if not has_compiler():
        python = f"python{sys.version_info.major}.{sys.version_info.minor}"
        say(f"{PLAIN}. To compile it, run: sudo apt-get install gcc libc6-dev {python}-dev && make")
        return
    say("Compiling the RADIUS listener (once, takes about 15 seconds) ...")
    try:
        compiled.FOLDER.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="new-", dir=compiled.FOLDER) as folder:
            new = Path(folder)
            build(new)
            (new / "recipe").write_text(recipe)
            shutil.rmtree(target, ignore_errors=True)
            new.chmod(0o755)
            new.rename(target)
        remove_others(target)
    except (Exception, SystemExit) as error:  # mypyc and setuptools exit on errors
        if not is_made(target, recipe):  # another process may have been faster
            say(f"{PLAIN}, because compiling failed: {error!r}")


def is_made(target: Path, recipe: str) -> bool:
    made_by = target / "recipe"
    return made_by.is_file() and made_by.read_text() == recipe


def has_compiler() -> bool:
    compiler = shlex.split(sysconfig.get_config_var("CC") or "cc")[0]
    return shutil.which(compiler) is not None and Path(sysconfig.get_path("include"), "Python.h").is_file()


def build(new: Path) -> None:
    from mypyc.build import mypycify  # slow to import: only when needed
    from setuptools import setup

    with tempfile.TemporaryDirectory(prefix="isp-os-compile-") as work:
        setup(
            script_args=["--quiet", "build_ext", f"--build-temp={work}", f"--build-lib={new}"],
            ext_modules=mypycify(
                [*CHECKING, *(str(compiled.source_of(module)) for module in compiled.MODULES)],
                group_name=compiled.GROUP,
                target_dir=work,
                opt_level="2",
                debug_level="0",
            ),
        )


def remove_others(target: Path) -> None:
    for other in compiled.FOLDER.iterdir():
        is_being_made = (
            other.name.startswith("new-") and time.time() - other.stat().st_mtime < ABANDONED_SECONDS
        )
        if other != target and not is_being_made:
            shutil.rmtree(other, ignore_errors=True)


def say(what: str) -> None:
    print(what, file=sys.stderr)


if __name__ == "__main__":
    main()
