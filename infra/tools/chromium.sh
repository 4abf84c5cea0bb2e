#!/usr/bin/env bash
# Sees to it that there is a Chromium for the tests of web/dni: Debian's, by apt, where none is installed.
# CHROMIUM=/path/to/it chooses another.
set -euo pipefail

for candidate in "${CHROMIUM:-}" /usr/bin/chromium /usr/bin/chromium-browser /usr/bin/google-chrome; do
  [[ -n $candidate && -x $candidate ]] && exit
done

if ! command -v apt-get >/dev/null; then
  echo "chromium: install Chromium, or set CHROMIUM=/path/to/it" >&2
  exit 1
fi
if [[ $(id -u) -ne 0 ]]; then
  echo "chromium: not installed, and this is not root. Run: sudo apt-get update && sudo apt-get install -y chromium" >&2
  echo "chromium: or set CHROMIUM=/path/to/it" >&2
  exit 1
fi
echo "chromium: installing Debian's package…"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends chromium fonts-liberation >/dev/null
