#!/bin/sh
# The independent ends that the end-to-end tests call: sipp and baresip (phones), Chromium (a
# person at a screen), PostgreSQL (the history of a bigger center), Dovecot (a mailbox), what fax
# stands on (libspandsp2) and a fax machine by others (efax), openssl (looks at our TLS), ip
# (networks of their own). As root they are installed; otherwise the one line to run is printed.
# Nothing that a package brings is started.
set -eu

PACKAGES="sip-tester baresip-core chromium postgresql fonts-dejavu-core dovecot-imapd dovecot-lmtpd libspandsp2 efax openssl iproute2"

missing=""
command -v sipp >/dev/null 2>&1 || missing="$missing sipp"
command -v baresip >/dev/null 2>&1 || missing="$missing baresip"
command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
command -v dovecot >/dev/null 2>&1 || missing="$missing dovecot"
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$missing postgresql"
command -v openssl >/dev/null 2>&1 || missing="$missing openssl"
command -v ip >/dev/null 2>&1 || missing="$missing iproute2"
command -v efax >/dev/null 2>&1 || missing="$missing efax"
ls /usr/lib/*/libspandsp.so.2 /usr/lib/libspandsp.so.2 2>/dev/null | grep -q . || missing="$missing libspandsp2"
[ -n "$missing" ] || exit 0

LINE="apt-get install -y --no-install-recommends $PACKAGES"
if [ "$(id -u)" != 0 ]; then
    echo "The tests call real peers that are not installed:$missing" >&2
    echo "Run this once, then make test again:  sudo $LINE" >&2
    exit 2
fi

POLICY=/usr/sbin/policy-rc.d
if [ ! -e "$POLICY" ]; then
    printf '#!/bin/sh\nexit 101\n' > "$POLICY"
    chmod 755 "$POLICY"
    trap 'rm -f "$POLICY"' EXIT INT TERM
fi

echo "Installing the test peers:$missing"
export DEBIAN_FRONTEND=noninteractive
LOG=$(mktemp)
for attempt in 1 2 3; do
    if { apt-get update -qq && $LINE; } >"$LOG" 2>&1; then
        rm -f "$LOG"
        exit 0
    fi
    echo "apt-get failed (attempt $attempt of 3)" >&2
    sleep $((attempt * 5))
done
tail -n 20 "$LOG" >&2
echo "The test peers could not be installed. Run by hand:  $LINE" >&2
exit 2
