#!/bin/sh
# Installs the programs that the tests need and pip can't install (Debian, Ubuntu): RabbitMQ, radclient, FreeRADIUS,
# Chromium, and a C compiler with Python's headers. With the argument bench-radius, also the PostgreSQL server that
# `make bench-radius` runs.
# If everything is installed, it quickly does nothing. It needs root or passwordless sudo; without, it says what to run.
set -eu

LOCK_WAIT_SECONDS=300
POLICY=/usr/sbin/policy-rc.d

missing=
[ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || missing="$missing rabbitmq-server"
command -v radclient >/dev/null 2>&1 || missing="$missing freeradius-utils"
[ -e /usr/lib/freeradius/rlm_sql_postgresql.so ] || missing="$missing freeradius freeradius-postgresql"
# Ubuntu has Chromium only as a snap, not as a package: there, the browser tests are skipped and listed.
command -v chromium-headless-shell >/dev/null 2>&1 || grep -q '^ID=ubuntu' /etc/os-release ||
    missing="$missing chromium-headless-shell"
[ -n "$(command -v cc)" ] && [ -e /usr/include/stdio.h ] || missing="$missing gcc libc6-dev"
# Headers of the Python that make uses, if it is Debian's. Any other Python includes its own.
: "${PYTHON:=python3}"
missing="$missing$("$PYTHON" -c '
import sys, sysconfig
from pathlib import Path
if sys.base_prefix == "/usr" and not Path(sysconfig.get_path("include"), "Python.h").exists():
    print(" python%d.%d-dev" % sys.version_info[:2])')"
if [ "${1:-}" = bench-radius ]; then
    ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$missing postgresql"
fi
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "install-tools: there is no apt-get on this machine; install these yourself:$missing" >&2
    exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
    if sudo -n true 2>/dev/null; then
        exec sudo -n env PYTHON="$PYTHON" "$0" "$@"
    fi
    # Not a plain apt-get: that would also start what it installs, including FreeRADIUS on our ports.
    echo "install-tools: root is needed to install$missing. Run: sudo PYTHON=$PYTHON sh tests/install-tools.sh" >&2
    exit 1
fi

policy_is_ours=
log=$(mktemp)
clean_up() {
    rm -f "$log"
    [ -z "$policy_is_ours" ] || rm -f "$POLICY"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Otherwise, two copies of this script could remove each other's policy-rc.d.
exec 9>/run/isp-os-install-tools.lock
flock --wait "$LOCK_WAIT_SECONDS" 9

# Debian starts a service as soon as it is installed. The tests run their own private node, and we should not add a
# broker on the default port. Exit status 101 means "do not start". The noclobber redirection keeps an existing policy.
if (set -C; printf '#!/bin/sh\nexit 101\n' >"$POLICY") 2>/dev/null; then
    policy_is_ours=yes
    chmod 755 "$POLICY"
fi

quietly() {
    "$@" >"$log" 2>&1 || { cat "$log" >&2; return 1; }
}

# apt-get update doesn't wait for the lock of the package lists, whatever DPkg::Lock::Timeout says.
update_lists() {
    waited=0
    until apt-get -qq update >"$log" 2>&1; do
        if [ "$waited" -ge "$LOCK_WAIT_SECONDS" ] || ! grep -q 'Could not get lock' "$log"; then
            cat "$log" >&2
            return 1
        fi
        sleep 5
        waited=$((waited + 5))
    done
}

export DEBIAN_FRONTEND=noninteractive
update_lists
# shellcheck disable=SC2086  # a list of package names
quietly apt-get -qq -o "DPkg::Lock::Timeout=$LOCK_WAIT_SECONDS" install --yes --no-install-recommends $missing
echo "install-tools: installed$missing"
