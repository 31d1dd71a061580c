#!/bin/sh
# Makes the virtual environment and installs what requirements.lock pins, then our own packages in place.
# Called by make; says in one line what is wrong with this machine and what mends it.
set -eu

say() { printf '%s\n' "$*" >&2; }

if ! command -v "$PYTHON" >/dev/null 2>&1; then
	say "$PYTHON is missing: sudo apt-get install python3 python3-venv"
	exit 1
fi
if ! "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
	say "$("$PYTHON" --version) is too old, 3.11 or newer is needed: sudo apt-get install python3.11 python3.11-venv, then make PYTHON=python3.11 ..."
	exit 1
fi
if ! "$PYTHON" -c 'import venv, ensurepip' 2>/dev/null; then
	version=$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
	say "This Python cannot make virtual environments: sudo apt-get install python$version-venv"
	exit 1
fi

say "Setting up $VENV (once, about half a minute) ..."
uv_version=$(sed -n 's/^uv==\([^ ]*\).*/\1/p' requirements.lock)
if ! "$VENV/bin/uv" --version >/dev/null 2>&1; then
	"$PYTHON" -m venv --clear "$VENV"
	"$VENV/bin/python" -m pip install --quiet --disable-pip-version-check "uv==$uv_version" || {
		say "The installer could not be fetched: check that this machine reaches the Python package index (pip config list shows which one), then run make again"
		exit 1
	}
fi
"$VENV/bin/uv" pip sync --quiet --python "$VENV/bin/python" --require-hashes requirements.lock
editable=""
for package in "$@"; do
	editable="$editable --editable $package"
done
# shellcheck disable=SC2086  # one word per option
"$VENV/bin/uv" pip install --quiet --python "$VENV/bin/python" --no-build-isolation --no-deps $editable

# PDF invoices need Pango. Everything else works without it, so this never fails the set-up.
pdf_packages="libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"
as_root=
[ "$(id -u)" -eq 0 ] || as_root="sudo -n"
apt() {
	timeout 300 $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=60 "$@" >/dev/null 2>&1
}
if ! "$VENV/bin/python" -W ignore -c 'import weasyprint' >/dev/null 2>&1; then
	# shellcheck disable=SC2086  # a list of package names
	if ! { apt update && apt install --yes --no-install-recommends $pdf_packages; }; then
		say "PDF invoices need a library: sudo apt-get install $pdf_packages (all else works without it)"
	fi
fi
