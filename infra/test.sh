#!/usr/bin/env bash
# Every check of the project, stage by stage, with the time each took.
#   infra/test.sh all           what `make test` and CI run
#   infra/test.sh lint          formatting, clippy, structure
#   infra/test.sh dni           the number script of web pages, in a real Chromium
#   infra/test.sh deploy-local  release build with cargo-lambda, deployed to the emulator, end-to-end test against it
#   infra/test.sh soak          the long tests
#   infra/test.sh fuzz          every parser under cargo-fuzz, FUZZ_SECONDS each (needs nightly)
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$HOME/.cache/callcenter-pro/target}"
export CARGO_TERM_PROGRESS_WHEN=never

report=()
stage() {
    local name=$1 began=$SECONDS
    shift
    printf '\n=== %s\n' "$name"
    if ! "$@"; then
        printf '\n=== %s FAILED after %d s\n' "$name" $((SECONDS - began))
        exit 1
    fi
    report+=("$(printf '%5d s  %s' $((SECONDS - began)) "$name")")
}

need() {
    command -v "$1" >/dev/null || { echo "This needs $1: $2" >&2; exit 1; }
}

format() { cargo fmt --all --check; }
clippy() { cargo clippy --quiet --workspace --lib --bins -- --deny warnings; }
# A test may panic and print, its helpers too; everything else holds for it as well.
clippy_tests() {
    cargo clippy --quiet --workspace --tests --benches -- --deny warnings \
        --allow clippy::unwrap_used --allow clippy::expect_used --allow clippy::panic --allow clippy::float_arithmetic \
        --allow clippy::print_stdout --allow clippy::print_stderr --allow clippy::large_futures --allow missing_docs
}
structure() { cargo run --quiet -p xtask -- check; }
build() { cargo build --quiet --workspace --all-targets; }

node_packages() {
    local stamp=tests/conformance/node_modules/.installed-for
    local wanted
    wanted=$(sha256sum tests/conformance/package-lock.json | cut -d' ' -f1)
    [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && return
    (cd tests/conformance && npm ci --silent) && echo "$wanted" >"$stamp"
}
node_selftest() { (cd tests/conformance && npm test --silent); }

# The corpus gathers every TwiML document that any test receives; the conformance stage judges them all.
rust_tests() { cargo test --quiet --workspace; }
twiml_corpus() {
    local documents
    documents=$(find "$TWIML_CORPUS_DIR" -name '*.ndjson' -print0 | xargs -0 -r cat | sort -u)
    [ -n "$documents" ] || { echo "no TwiML was collected: the corpus check would prove nothing" >&2; return 1; }
    printf '%s\n' "$documents" | node tests/conformance/twiml-check.mjs --ndjson >"$TWIML_CORPUS_DIR/verdicts" || {
        grep -v '"ok":true' "$TWIML_CORPUS_DIR/verdicts" | head -20
        return 1
    }
    echo "$(printf '%s\n' "$documents" | wc -l) different documents, all conform to Twilio's types and limits"
}

tools() { infra/tools/setup.sh "$@"; }
template() { infra/tools/sam.sh validate --lint --template template.yaml --region us-east-1; }
stage_dev_binaries() { infra/tools/stage.sh dev; }
api_contract() { infra/tools/setup.sh contract && infra/tools/api-contract.py "$CARGO_TARGET_DIR/debug/local-platform"; }
number_script() {
    infra/tools/chromium.sh
    local stamp=web/dni/node_modules/.installed-for wanted
    wanted=$(sha256sum web/dni/package-lock.json | cut -d' ' -f1)
    if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
        (cd web/dni && npm ci --silent) && echo "$wanted" >"$stamp"
    fi
    (cd web/dni && npm test --silent)
}
number_script_on_the_platform() {
    (cd web/dni && LOCAL_PLATFORM="$CARGO_TARGET_DIR/debug/local-platform" npm run test:platform --silent)
}
emulator() { infra/emulator/emulator.py run -- cargo test --quiet --workspace --test emulator -- --nocapture; }

lint_stages() {
    stage "format" format
    stage "clippy" clippy
    stage "clippy on tests" clippy_tests
    stage "structure" structure
}

all() {
    need cargo "install Rust 1.95 or newer from https://rustup.rs"
    need node "install Node.js 20.19 or newer"
    need python3 "install Python 3.11 or newer"
    need curl "install curl: the walk-through infra/first-call.md is executed"
    export TWIML_CORPUS_DIR
    TWIML_CORPUS_DIR=$(mktemp -d)
    trap 'rm -rf "$TWIML_CORPUS_DIR"' EXIT
    lint_stages
    stage "node packages" node_packages
    stage "conformance tools" node_selftest
    stage "number script" number_script
    stage "build" build
    stage "number script on the platform" number_script_on_the_platform
    stage "tests" rust_tests
    stage "TwiML of the whole run" twiml_corpus
    stage "API contract" api_contract
    stage "cloud tools" tools emulator
    stage "template" template
    stage "stage binaries" stage_dev_binaries
    stage "end to end on the emulator" emulator
}

case "${1:-all}" in
all) all ;;
lint) lint_stages ;;
dni)
    need node "install Node.js 20.19 or newer"
    stage "number script" number_script
    ;;
deploy-local)
    stage "cloud tools" tools emulator build
    stage "release build" infra/tools/lambda-build.sh x86_64
    stage "build" build
    stage "end to end on the emulator" emulator
    ;;
soak)
    stage "kill storms" cargo test --quiet --workspace --test soak -- --nocapture
    export PROPTEST_CASES=2000
    PROPTEST_RNG_SEED=$(date +%s)
    export PROPTEST_RNG_SEED
    echo "property tests with seed $PROPTEST_RNG_SEED"
    stage "properties of the domain, 2,000 cases" cargo test --quiet -p domain -p twilio
    export FUZZ_CASES=1000000
    stage "a million cases for each parser" cargo test --quiet --workspace --test fuzz -- mutations --nocapture
    export CALLS=100000
    stage "lists of 100,000 calls" cargo test --quiet --workspace --test rest -- scale --nocapture
    export PROPTEST_CASES=500
    export CALLERS=1000
    stage "disordered callbacks and caps, 500 stories" cargo test --quiet --workspace --test calls -- order capacity
    export ASKS=250
    stage "limits under eight processes, 2,000 requests at once" cargo test --quiet --workspace --test calls -- processes
    export SESSIONS=10000
    stage "numbers of 10,000 visitors, twice" cargo test --quiet --workspace --test dni -- storm --nocapture
    ;;
fuzz)
    # Nothing else needs the nightly compiler, so its absence is told and is no failure.
    if ! cargo +nightly --version >/dev/null 2>&1 || ! cargo +nightly fuzz --version >/dev/null 2>&1; then
        echo "make fuzz needs the nightly compiler, cargo-fuzz and a C++ compiler:"
        echo "  rustup toolchain install nightly && cargo install cargo-fuzz"
        echo "without them: FUZZ_CASES=1000000 cargo test --workspace --test fuzz -- --nocapture"
        exit 0
    fi
    cp Cargo.lock tests/fuzz/Cargo.lock
    for target in tests/fuzz/fuzz_targets/*.rs; do
        name=$(basename "$target" .rs)
        # New findings go to a folder of their own; the committed samples are only read.
        mkdir -p ".artifacts/fuzz/$name"
        stage "fuzz $name" cargo +nightly fuzz run --fuzz-dir tests/fuzz "$name" ".artifacts/fuzz/$name" \
            "tests/fuzz/corpus/$name" -- -max_total_time="${FUZZ_SECONDS:-60}" -max_len=65536
    done
    ;;
*)
    echo "unknown: $1 (all, lint, dni, deploy-local, soak, fuzz)" >&2
    exit 2
    ;;
esac

printf '\n=== all passed; time per stage\n'
printf '%s\n' "${report[@]}"
