"""JSON Schemas of the contracts: `python -m servicekit.schemas write | check`.

They are generated from the contract modules, committed next to them, and compared in a test. So a review
shows what changes on the wire, and programs in other languages can use them.
"""

from __future__ import annotations

import dataclasses
import enum
import importlib
import json
import sys
from pathlib import Path
from typing import Any

import contracts
import msgspec
from contracts.common import Command, Envelope, Event

from servicekit.rpc import methods_of

MODULES = ("subscriber", "billing", "payment", "radius", "router")
FOLDER = Path(str(contracts.__file__)).parents[2] / "schemas"


def schema_of(module_name: str) -> dict[str, Any]:
    """Everything that the module `contracts.<module_name>` defines, as one JSON Schema document."""
    module = importlib.import_module(f"contracts.{module_name}")
    own = [
        shape
        for shape in vars(module).values()
        if isinstance(shape, type)
        and shape.__module__ == module.__name__
        and (dataclasses.is_dataclass(shape) or issubclass(shape, enum.Enum))
    ]
    methods = methods_of(protocol_of(module_name))
    signatures = [
        shape for method in methods.values() for shape in (*method.parameters.values(), method.result)
    ]
    schemas, definitions = msgspec.json.schema_components(
        [Envelope, *own, *signatures], ref_template="#/$defs/{name}"
    )
    for definition in definitions.values():
        definition.pop("description", None)  # rewording a docstring does not change the wire
    by_shape = iter(schemas[1 + len(own) :])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{module_name}-svc",
        "methods": {
            name: {
                "parameters": {parameter: next(by_shape) for parameter in method.parameters},
                "result": next(by_shape),
            }
            for name, method in methods.items()
        },
        "events": {
            event.name: {"data": {"$ref": f"#/$defs/{event.__name__}"}, "consumers": sorted(event.consumers)}
            for event in own
            if issubclass(event, Event) and event in Event.known.values()
        },
        "commands": sorted(shape.__name__ for shape in own if issubclass(shape, Command)),
        "$defs": definitions,
    }


def protocol_of(module_name: str) -> type:
    """The Protocol of RPC methods in a contract module. It is named like the service."""
    module = importlib.import_module(f"contracts.{module_name}")
    found: type = vars(module)[module.SERVICE_NAME.capitalize()]
    return found


def differences(committed: Any, current: Any, path: str = "") -> list[str]:
    """The paths at which two documents differ, with both values."""
    if isinstance(committed, dict) and isinstance(current, dict):
        return [
            found
            for key in sorted({*committed, *current})
            for found in differences(committed.get(key), current.get(key), f"{path}/{key}")
        ]
    if committed == current:
        return []
    return [f"{path}: was {json.dumps(committed)}, is {json.dumps(current)}"]


def committed_schema(module_name: str) -> dict[str, Any]:
    """The committed schema; empty if there is none."""
    path = FOLDER / f"{module_name}.json"
    content: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return content


def main(arguments: list[str]) -> int:
    if arguments not in (["write"], ["check"]):
        print("usage: python -m servicekit.schemas write | check", file=sys.stderr)
        return 2
    changed = 0
    for name in MODULES:
        current = schema_of(name)
        if arguments == ["write"]:
            FOLDER.mkdir(exist_ok=True)
            (FOLDER / f"{name}.json").write_text(json.dumps(current, indent=2, sort_keys=True) + "\n")
            continue
        for difference in differences(committed_schema(name), json.loads(json.dumps(current))):
            changed = 1
            print(f"{name}{difference}")
    return changed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
