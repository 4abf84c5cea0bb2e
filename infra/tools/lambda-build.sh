#!/usr/bin/env bash
# Release builds of all functions for Amazon Linux 2023, into .artifacts/<function>/bootstrap.
#
#   infra/tools/lambda-build.sh [arm64|x86_64]      default: arm64, the template's default architecture
#
# Needs `infra/tools/setup.sh build`; for arm64 also the Rust target (rustup target add aarch64-unknown-linux-gnu).
# All packages in one invocation, always with an explicit target: any other way of calling cargo-lambda changes flags
# and compiles everything again.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/functions.sh"

architecture=${1:-arm64}
case "$architecture" in
  arm64) target=aarch64-unknown-linux-gnu ;;
  x86_64) target=x86_64-unknown-linux-gnu ;;
  *) echo "usage: lambda-build.sh [arm64|x86_64]" >&2 && exit 2 ;;
esac

tools="$root/.tools/build/bin"
if [[ ! -x "$tools/cargo-lambda" ]]; then
  echo "lambda-build: cargo-lambda is not installed; run infra/tools/setup.sh build" >&2
  exit 1
fi
cd "$root" # so that rustc is the one this project asks for
if [[ ! -d "$(rustc --print target-libdir --target "$target")" ]]; then
  echo "lambda-build: this Rust cannot build for $target; run rustup target add $target" >&2
  exit 1
fi

packages=()
for name in "${functions[@]}"; do
  packages+=(--package "$name")
done

started=$SECONDS
PATH="$tools:$PATH" cargo lambda build --release --target "$target" --lambda-dir "$artifacts" "${packages[@]}"
echo "lambda-build: ${#functions[@]} functions for $architecture in $((SECONDS - started)) s, $(du -sh "$artifacts" | cut -f1) in .artifacts"
