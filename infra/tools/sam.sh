#!/usr/bin/env bash
# Runs the pinned SAM CLI from .tools/venv (install it with infra/tools/setup.sh venv).
# It neither reports usage nor asks the package registry for a newer version: both would be surprises in a test run.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export SAM_CLI_TELEMETRY=0
export __SAM_CLI_APP_DIR="$root/.tools/sam" # the CLI reads the time of its last version check here
mkdir -p "$__SAM_CLI_APP_DIR"
printf '{"telemetryEnabled": false, "lastVersionCheck": %s}\n' "$(date +%s)" >"$__SAM_CLI_APP_DIR/metadata.json"
exec "$root/.tools/venv/bin/sam" "$@"
