"""Write or check what the docs say about settings and events, between markers, from the code.

    python tools/docs_tables.py write | check

A block starts with `<!-- generated: NAME -->` and ends with `<!-- end -->`. Names: `settings` and `events`,
and for the README of one part `settings of PROCESS` and `events of SERVICE`. Settings come from their
declarations (servicekit.environment), events from the contracts, and what a consumer does with an event from
the docstring of its handler.
"""

import servicekit.green  # noqa: F401, I001  # must come first

import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterable
from pathlib import Path

from contracts.common import Event
from servicekit.environment import Setting, declared_in
from servicekit.events import handlers_of
from servicekit.settings import ProcessSettings

from ispos.embedded import SERVICES
from ispos.settings import LISTENER, SETTINGS_TYPES, ListenerSettings

REPOSITORY = Path(__file__).parents[1]
PAGES = ("README.md", "docs/**/*.md", "gateway/README.md", "libs/*/README.md", "services/*/README.md")
BLOCK = re.compile(r"(<!-- generated: ([a-z -]+) -->\n).*?(<!-- end -->)", re.DOTALL)
LINE_LENGTH = 118
HANDLERS = {service.name: handlers_of(service) for service in SERVICES if service.name != "gateway"}
PROCESSES: dict[str, type[ProcessSettings]] = {**SETTINGS_TYPES, LISTENER: ListenerSettings}
SHOWN = {"gateway": "gateway", LISTENER: "RADIUS listener"}


def main(arguments: list[str]) -> int:
    if arguments not in (["write"], ["check"]):
        print(__doc__, file=sys.stderr)
        return 2
    stale = {path: text for path, text in generated().items() if text != path.read_text()}
    for path, text in stale.items():
        if arguments == ["write"]:
            path.write_text(text)
        else:
            print(f"{path.relative_to(REPOSITORY)}: not current; run `make generated`")
    return 1 if stale and arguments == ["check"] else 0


def generated() -> dict[Path, str]:
    """Every page that has blocks, as it should be."""
    pages = [page for pattern in PAGES for page in sorted(REPOSITORY.glob(pattern))]
    return {page: filled(text) for page in pages if BLOCK.search(text := page.read_text())}


def filled(page: str) -> str:
    """The page with the content of each of its blocks made again."""
    return BLOCK.sub(lambda block: f"{block[1]}{content_of(block[2])}\n{block[3]}", page)


def content_of(name: str) -> str:
    kind, _, of = name.partition(" of ")
    if kind == "settings":
        return settings_of(of) if of else settings_table()
    if kind == "events":
        return events_of(of) if of else events_table()
    raise ValueError(f"a block is named {name!r}; use settings, events, settings of ..., or events of ...")


def settings_table() -> str:
    """All settings of all processes, each once, those of many processes first."""
    rows: dict[tuple[str, ...], Setting] = {}
    readers: dict[tuple[str, ...], list[str]] = {}
    for process, kind in PROCESSES.items():
        for declaration in declared_in(kind).values():
            names = names_of(declaration)
            # The listener reads a variable that is one of a row: the address of radius-svc's database.
            row = next((known for known in rows if set(names) <= set(known)), names)
            rows.setdefault(row, declaration)
            readers.setdefault(row, []).append(process)
    return table(
        ("Variable", "Default", "Read by", "Meaning"),
        (
            (listed(row), rows[row].default_shown, read_by(row, readers[row]), rows[row].meaning)
            for row in sorted(rows, key=lambda row: -len(readers[row]))
        ),
    )


def names_of(declaration: Setting) -> tuple[str, ...]:
    """One variable, or one per service."""
    return tuple(dict.fromkeys(declaration.variable_of(service) for service in SETTINGS_TYPES))


def read_by(row: tuple[str, ...], readers: list[str]) -> str:
    if len(row) > 1:
        return "its own service"
    if set(readers) == set(PROCESSES):
        return "all"
    if set(readers) == set(SETTINGS_TYPES):
        return "all services"
    return ", ".join(SHOWN.get(process, f"{process}-svc") for process in readers)


def settings_of(process: str) -> str:
    """The variables that one process reads."""
    declared = declared_in(PROCESSES[process]).values()
    return wrapped(listed(sorted(one.variable_of(process) for one in declared)) + ".")


def events_table() -> str:
    """All events: who publishes them, when, and who does what with them."""
    return table(
        ("Event", "Published by", "When", "Handled by"),
        (
            (
                f"`{event.name}`",
                publisher_of(event),
                first_sentence(event),
                "<br>".join(f"{name}: {does(HANDLERS[name][event.name])}" for name in event.consumers),
            )
            for event in Event.known.values()
        ),
    )


def events_of(service: str) -> str:
    """The events that one service handles, with what it does, and those that it publishes."""
    by_handler: dict[Callable, list[str]] = {}
    for event in Event.known.values():
        if service in event.consumers:
            by_handler.setdefault(HANDLERS[service][event.name], []).append(event.name)
    handled = [f"{listed(names)} ({does(handler)})" for handler, names in by_handler.items()]
    published = [event.name for event in Event.known.values() if publisher_of(event) == service]
    return "\n".join(
        wrapped(f"- **{verb}** {events or 'no events'}.", indent="  ")
        for verb, events in (("Handles", "; ".join(handled)), ("Publishes", listed(published)))
    )


def publisher_of(event: type[Event]) -> str:
    return str(vars(sys.modules[event.__module__])["SERVICE_NAME"])


def does(handler: Callable) -> str:
    sentence = first_sentence(handler).rstrip(".")
    return sentence[:1].lower() + sentence[1:]


def first_sentence(thing: object) -> str:
    text = " ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split())
    return text.partition(". ")[0].rstrip(".") + "."


def listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    cells = [list(head), *([*row] for row in rows)]
    lines = [f"| {' | '.join(row)} |" for row in cells]
    lines.insert(1, "|---" * len(cells[0]) + "|")
    return "\n".join(lines)


def wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(
        text, LINE_LENGTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
