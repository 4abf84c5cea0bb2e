# Shared by stage.sh and lambda-build.sh; sourced, not run. Sets root, artifacts, target_dir and functions.
# A function is a folder under functions/ with a Cargo.toml; folder, package and binary have the same name.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
artifacts="$root/.artifacts"
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$HOME/.cache/callcenter-pro/target}
target_dir=$CARGO_TARGET_DIR

functions=()
for manifest in "$root"/functions/*/Cargo.toml; do
  [[ -f $manifest ]] && functions+=("$(basename "$(dirname "$manifest")")")
done
if [[ ${#functions[@]} -eq 0 ]]; then
  echo "no function found: functions/*/Cargo.toml matches nothing" >&2
  exit 1
fi
