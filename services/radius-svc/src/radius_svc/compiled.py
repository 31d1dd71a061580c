"""Imports compiled modules in place of their sources, if they were compiled from just these sources.

See docs/adr/0015. `services/radius-svc/compile.py` compiles them into a folder named after a hash of the
sources. After an edit, an upgrade or a downgrade no folder matches, and the modules run as plain Python
until they are compiled again.
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

# The code every packet passes through, and nothing that reads rows or waits: compiled code does not let other
# threads run until it calls something that is not compiled.
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
# mypyc puts a group of modules into one library, and names the library after the group.
GROUP = "radius_svc"
_LIBRARY = f"{GROUP}__mypyc"

_SOURCE = Path(__file__).parents[1]
FOLDER = Path(__file__).parent / "_compiled"


def source_of(module: str) -> Path:
    return _SOURCE / f"{module.replace('.', '/')}.py"


def folder() -> Path:
    """The folder of the modules compiled from the sources as they are now. It may not exist."""
    digest = hashlib.sha256(sys.version.encode())
    for module in MODULES:
        digest.update(source_of(module).read_bytes())
    return FOLDER / digest.hexdigest()[:20]


def use() -> None:
    """Import the compiled modules from now on, if there are any for these sources."""
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
