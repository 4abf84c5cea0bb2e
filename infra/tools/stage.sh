#!/usr/bin/env bash
# Puts binaries that cargo has built where template.yaml looks for them: .artifacts/<function>/bootstrap, stripped.
#
#   infra/tools/stage.sh dev          from the dev profile (after cargo build --workspace); what CI deploys to the emulator
#   infra/tools/stage.sh release      from the release profile of this machine
#   infra/tools/stage.sh DIRECTORY    from a folder that holds one binary per function
#
# For the real Lambda use lambda-build.sh: it links against the C library of Amazon Linux, not this machine's.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/functions.sh"

case "${1:-}" in
  dev) from="$target_dir/debug" ;;
  release) from="$target_dir/release" ;;
  "") echo "usage: stage.sh dev|release|DIRECTORY" >&2 && exit 2 ;;
  *) from=$1 ;;
esac

missing=()
for name in "${functions[@]}"; do
  [[ -x "$from/$name" ]] || missing+=("$name")
done
if [[ ${#missing[@]} -gt 0 ]]; then
  echo "stage: not built in $from: ${missing[*]} (cargo build --workspace builds them)" >&2
  exit 1
fi

for name in "${functions[@]}"; do
  mkdir -p "$artifacts/$name"
  next="$artifacts/$name/.bootstrap.next"
  if command -v strip >/dev/null; then
    strip -o "$next" "$from/$name"
  else
    cp "$from/$name" "$next"
  fi
  chmod 755 "$next"
  mv "$next" "$artifacts/$name/bootstrap" # in one step: nobody ever deploys half a file
done
echo "stage: ${#functions[@]} functions from $from, $(du -sh "$artifacts" | cut -f1) in .artifacts"
