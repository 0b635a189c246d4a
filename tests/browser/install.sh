#!/bin/bash
# Chromium for tests/test_report_browser.py, by apt, where there is none.
set -euo pipefail
type -P chromium > /dev/null || type -P chromium-browser > /dev/null && exit 0
as=(); [ "$(id -u)" = 0 ] || as=(sudo -n)
"${as[@]}" apt-get update --quiet=2 >&2 || true  # the lists on the disk may do
"${as[@]}" apt-get install --quiet=2 --yes --no-install-recommends chromium >&2
