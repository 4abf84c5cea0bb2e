#!/usr/bin/env bash
# Puts the Python tools this project uses into .tools/ (ignored by git), at exactly the pinned versions.
#
#   infra/tools/setup.sh [venv] [emulator] [contract] [build]      no argument: all of them
#
#   venv      .tools/venv      sam (template lint, deployment) and the twilio library (conformance tests)
#   emulator  .tools/emulator  ministack and boto3; brings venv with it, since deploying needs sam
#   contract  .tools/contract  schemathesis (tries the API as its document describes it)
#   build     .tools/build     cargo-lambda and its linker (release builds only)
#
# Safe to repeat: an environment whose stamp holds the hash of its requirements and of its Python is left alone.
# PYTHON=/path/to/python3.x chooses the interpreter; otherwise the first of python3.11 or newer on the PATH.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
tools="$root/.tools"

requirements_of() {
  case "$1" in
    venv) echo "$here/requirements.txt" ;;
    *) echo "$here/requirements-$1.txt" ;;
  esac
}

stamp_of() { # what must be unchanged for an environment to be kept
  local sum
  sum=$(cksum <"$(requirements_of "$1")")
  echo "1 $sum $tools/$1"
}

find_python() {
  local candidate
  for candidate in ${PYTHON:-python3.11 python3.12 python3.13 python3.14 python3}; do
    # A version manager's shim can exist and still refuse to run, so the interpreter is asked, not just found.
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
      echo "$candidate"
      return
    fi
  done
  echo "setup: no usable Python 3.11 or newer (with its venv module) found; install it, or set PYTHON=/path/to/python3" >&2
  return 1
}

install() {
  local name=$1 requirements stamp started=$SECONDS python
  requirements=$(requirements_of "$name")
  stamp="$tools/$name/.stamp"
  if [[ -f $stamp && $(<"$stamp") == "$(stamp_of "$name")" ]]; then
    return
  fi
  python=$(find_python)
  echo "setup: $name: installing $(grep -c '^[a-zA-Z]' "$requirements") packages into .tools/$name with $("$python" --version)…"
  rm -rf "${tools:?}/$name"
  mkdir -p "$tools"
  "$python" -m venv "$tools/$name"
  # The lists are complete, so nothing is resolved; byte code is written when a tool first runs.
  "$tools/$name/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-compile \
    --only-binary :all: --requirement "$requirements"
  stamp_of "$name" >"$stamp"
  echo "setup: $name: ready after $((SECONDS - started)) s"
}

targets=("$@")
[[ ${#targets[@]} -gt 0 ]] || targets=(venv emulator contract build)
for target in "${targets[@]}"; do
  case "$target" in
    venv | contract | build) install "$target" ;;
    emulator)
      install venv
      install emulator
      ;;
    *)
      echo "setup: unknown target '$target' (know: venv, emulator, contract, build)" >&2
      exit 2
      ;;
  esac
done
