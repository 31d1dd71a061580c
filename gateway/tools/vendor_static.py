"""Fetch the third-party files that pages use into gateway/src/gateway/static/vendor.

Run by hand when a version below changes, never when the product is built or started: what it writes is
committed. Needs npm, and fonttools and brotli (WeasyPrint brings both).
"""

from __future__ import annotations

import re
import subprocess
import tarfile
import tempfile
from pathlib import Path
from xml.etree import ElementTree

from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

VENDOR = Path(__file__).parents[1] / "src/gateway/static/vendor"
PACKAGES = {
    "@tabler/core": "1.6.1",
    "@tabler/icons": "3.51.0",
    "htmx.org": "4.0.1",
    "uplot": "1.6.32",
    "inter-ui": "4.1.1",
}
COPIES = {
    "tabler/tabler.min.css": ("@tabler/core", "dist/css/tabler.min.css"),
    "tabler-icons/LICENSE": ("@tabler/icons", "LICENSE"),
    "htmx/htmx.min.js": ("htmx.org", "dist/htmx.min.js"),
    "htmx/LICENSE": ("htmx.org", "LICENSE"),
    "uplot/uPlot.iife.min.js": ("uplot", "dist/uPlot.iife.min.js"),
    "uplot/uPlot.min.css": ("uplot", "dist/uPlot.min.css"),
    "uplot/LICENSE": ("uplot", "LICENSE"),
    "inter/LICENSE.txt": ("inter-ui", "LICENSE.txt"),
}
ICONS = """
activity adjustments alert-triangle antenna-bars-off arrow-back-up arrow-down arrow-right arrow-up
arrows-sort ban bolt brand-speedtest building-store calendar cash chart-bar check chevron-down
chevron-left chevron-right circle-check circle-dashed clock copy credit-card device-desktop dots
download edit external-link eye file-invoice file-type-pdf filter gauge history info-circle key
layout-dashboard link lock logout mail map-pin menu-2 moon phone player-pause player-play
plug-connected-x plus receipt refresh router search settings shield-lock stack-2 sun trash user
user-plus users wifi wifi-off x
""".split()  # noqa: SIM905 - a list to read
# Latin with its extensions (Peña, Čeština), currency signs (₱), arrows and typographic punctuation.
LETTERS = (
    "U+0020-007E,U+00A0-017F,U+0192,U+02C6,U+02DA,U+02DC,U+2010-2027,U+2030-203A,U+20A0-20BF,"
    "U+2122,U+2190-2199,U+2212,U+2248,U+2264,U+2265,U+25CF,U+2713,U+2717"
)
FEATURES = "kern,liga,calt,ccmp,locl,mark,mkmk,tnum,case"
SVG = "{http://www.w3.org/2000/svg}"


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        sources = {name: _fetch(name, version, Path(directory)) for name, version in PACKAGES.items()}
        for target, (package, path) in COPIES.items():
            _write(target, (sources[package] / path).read_bytes())
        _write("tabler-icons/sprite.svg", _sprite(sources["@tabler/icons"]).encode())
        _subset_font(sources["inter-ui"] / "variable/InterVariable.woff2", Path(directory))


def _fetch(name: str, version: str, directory: Path) -> Path:
    packed = subprocess.run(  # noqa: S603 - only names from above
        ["npm", "pack", "--silent", f"{name}@{version}"],  # noqa: S607
        cwd=directory,
        check=True,
        capture_output=True,
        text=True,
    )
    target = directory / name.replace("/", "-")
    with tarfile.open(directory / packed.stdout.strip().splitlines()[-1]) as archive:
        archive.extractall(target, filter="data")
    return target / "package"


def _write(target: str, content: bytes) -> None:
    (VENDOR / target).parent.mkdir(parents=True, exist_ok=True)
    # Source maps are not shipped: a browser would ask for them in vain.
    (VENDOR / target).write_bytes(re.sub(rb"\n?/[/*]# sourceMappingURL=[^\n]*", b"", content))


def _sprite(package: Path) -> str:
    """One file with a <symbol> per icon; its shapes only, the look is that of the <svg> that uses it."""
    symbols = []
    for name in ICONS:
        icon = ElementTree.parse(package / f"icons/outline/{name}.svg").getroot()  # noqa: S314
        shapes = [shape for shape in icon if shape.get("stroke") != "none"]
        body = "".join(_shape(shape) for shape in shapes)
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{body}</symbol>')
    return '<svg xmlns="http://www.w3.org/2000/svg">' + "\n".join(symbols) + "</svg>\n"


def _shape(shape: ElementTree.Element) -> str:
    attributes = " ".join(f'{key}="{value}"' for key, value in shape.attrib.items())
    return f"<{shape.tag.removeprefix(SVG)} {attributes}/>"


def _subset_font(source: Path, directory: Path) -> None:
    font = instancer.instantiateVariableFont(TTFont(source), {"opsz": 14, "wght": (400, 700)})
    font.flavor = None
    font.save(directory / "inter.ttf")
    subset.main(
        [
            str(directory / "inter.ttf"),
            f"--unicodes={LETTERS}",
            f"--layout-features={FEATURES}",
            "--flavor=woff2",
            f"--output-file={VENDOR / 'inter/inter-subset.woff2'}",
        ]
    )


if __name__ == "__main__":
    main()
