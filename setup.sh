#!/bin/sh
# Creates the virtual environment and installs the packages pinned in requirements.lock, then our own packages in
# editable mode. Called by make. If something is wrong with this machine, one line says what, and how to fix it.
set -eu

say() { printf '%s\n' "$*" >&2; }

if ! command -v "$PYTHON" >/dev/null 2>&1; then
	say "$PYTHON is missing. Run: sudo apt-get install python3 python3-venv"
	exit 1
fi
if ! "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
	say "$("$PYTHON" --version) is too old; ISP-OS needs 3.11 or newer. Run: sudo apt-get install python3.11 python3.11-venv, then make PYTHON=python3.11 ..."
	exit 1
fi
if ! "$PYTHON" -c 'import venv, ensurepip' 2>/dev/null; then
	version=$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
	say "This Python can't create virtual environments. Run: sudo apt-get install python$version-venv"
	exit 1
fi

say "Setting up $VENV (only once, about half a minute) ..."
uv_version=$(sed -n 's/^uv==\([^ ]*\).*/\1/p' requirements.lock)
if ! "$VENV/bin/uv" --version >/dev/null 2>&1; then
	"$PYTHON" -m venv --clear "$VENV"
	"$VENV/bin/python" -m pip install --quiet --disable-pip-version-check "uv==$uv_version" || {
		say "Can't download the installer. Check that this machine can reach the Python package index (pip config list shows which one), then run make again"
		exit 1
	}
fi
"$VENV/bin/uv" pip sync --quiet --compile-bytecode --python "$VENV/bin/python" --require-hashes requirements.lock
editable=""
for package in "$@"; do
	editable="$editable --editable $package"
done
# shellcheck disable=SC2086  # one word per option
"$VENV/bin/uv" pip install --quiet --python "$VENV/bin/python" --no-build-isolation --no-deps $editable

# PDF invoices need Pango. Everything else works without it, so setup never fails because of it.
pdf_packages="libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"
as_root=
[ "$(id -u)" -eq 0 ] || as_root="sudo -n"
apt() {
	timeout 300 $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=60 "$@" >/dev/null 2>&1
}
if ! "$VENV/bin/python" -W ignore -c 'import weasyprint' >/dev/null 2>&1; then
	# shellcheck disable=SC2086  # a list of package names
	if ! { apt update && apt install --yes --no-install-recommends $pdf_packages; }; then
		say "PDF invoices need one more library (everything else works without it). Run: sudo apt-get install $pdf_packages"
	fi
fi
