"""Modules as machine code in place of their source (docs/adr/0015), where they were made of just this source.

`services/radius-svc/compile.py` makes them, into a folder that is named after what the sources contain. Of
other sources nothing is found there: what was edited, upgraded or set back runs as plain Python until it is
compiled again.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

# What every packet passes through, and nothing that reads rows or waits: compiled code keeps the interpreter
# until it calls something that is not.
MODULES = (
    "radius_svc.domain.acct_unique_id",
    "radius_svc.domain.mschap",
    "radius_svc.listener.accounting.events",
    "radius_svc.listener.accounting.receiver",
    "radius_svc.listener.authentication.decision",
    "radius_svc.listener.authentication.receiver",
    "radius_svc.listener.index.entries",
    "radius_svc.listener.receiving.duplicates",
    "radius_svc.listener.receiving.receiver",
    "radius_svc.listener.receiving.tally",
    "radius_svc.protocol.packet",
    "radius_svc.protocol.signing",
)
# What the compiled modules are parts of, by the name of the group that mypyc is given.
GROUP = "radius_svc"
_LIBRARY = f"{GROUP}__mypyc"

_SOURCE = Path(__file__).parents[1]
FOLDER = Path(__file__).parent / "_compiled"


def source_of(module: str) -> Path:
    return _SOURCE / f"{module.replace('.', '/')}.py"


def folder() -> Path:
    """Where the modules are that were made of the sources as they are now, if they were."""
    digest = hashlib.sha256(sys.version.encode())
    for module in MODULES:
        digest.update(source_of(module).read_bytes())
    return FOLDER / digest.hexdigest()[:20]


def use() -> None:
    """From now on these modules are imported as compiled, if they are."""
    found = folder()
    if found.is_dir():
        sys.meta_path.insert(0, _Finder(found))


class _Finder(MetaPathFinder):
    def __init__(self, found: Path) -> None:
        self._files = {
            name: found / f"{name.replace('.', '/')}{EXTENSION_SUFFIXES[0]}" for name in (*MODULES, _LIBRARY)
        }

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return spec_from_file_location(name, self._files[name]) if name in self._files else None
