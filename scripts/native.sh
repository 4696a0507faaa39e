#!/bin/sh
# Makes sure that native libraries are there: pango (PDF), chromium and poppler (tests).
# As root on Debian or Ubuntu it installs what is missing; elsewhere it says what to install.
set -eu

missing=""
for part in "$@"; do
    case "$part" in
    pango)
        ldconfig -p 2>/dev/null | grep -q 'libpangoft2-1.0' ||
            missing="$missing libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"
        ;;
    chromium)
        command -v chromium >/dev/null 2>&1 || [ -n "${MUNIMENT_CHROMIUM:-}" ] || missing="$missing chromium"
        ;;
    poppler)
        command -v pdftotext >/dev/null 2>&1 || missing="$missing poppler-utils"
        ;;
    qpdf)
        command -v qpdf >/dev/null 2>&1 || missing="$missing qpdf"
        ;;
    esac
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing system packages:$missing"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >/dev/null
    # shellcheck disable=SC2086
    apt-get install -y -qq --no-install-recommends $missing >/dev/null
    exit 0
fi
cat >&2 <<TEXT
Muniment needs native libraries that Python packages cannot carry:$missing
  Debian, Ubuntu:  sudo apt-get install$missing
  Fedora:          sudo dnf install pango chromium poppler-utils qpdf
  macOS:           brew install pango poppler qpdf   (and MUNIMENT_CHROMIUM=/path/to/a/Chrome)
Then repeat the command.
TEXT
exit 2
