#!/usr/bin/env python3
"""Tries the API as its OpenAPI document describes it: api-contract.py PLATFORM, with the binary of the local platform.

Starts a platform in memory on free ports, with a key that may do everything, and lets schemathesis send it what the
document allows and what it does not. What is sent is drawn from a fixed seed, so a run can be repeated. Fails on any
finding: a server error, a status, header or body that the document does not declare, something invalid that was taken.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "ignored_auth",
]
SEED = os.environ.get("CONTRACT_SEED", "20261122")
EXAMPLES = os.environ.get("CONTRACT_EXAMPLES", "4")
# A regular expression: only the operations under these paths, while one of them is worked on.
ONLY = os.environ.get("CONTRACT_ONLY")
# Seconds for everything; far above what it takes on an idle machine.
TIME = 900


def main() -> int:
    tool = Path(__file__).resolve().parents[2] / ".tools/contract/bin/schemathesis"
    # The tool leaves files where it runs.
    folder = tempfile.TemporaryDirectory()
    platform = subprocess.Popen([sys.argv[1], "contract"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        line = platform.stdout.readline()
        if not line:
            print("api-contract: the platform did not start", file=sys.stderr)
            return 1
        ready = json.loads(line)
        return subprocess.run(
            [
                tool, "--config-file", Path(__file__).with_name("schemathesis.toml"),
                "run", f"{ready['url']}/api/openapi.json",
                "--header", f"Authorization: Bearer {ready['key']}",
                "--checks", ",".join(CHECKS),
                "--phases", "examples,coverage,fuzzing",
                "--max-examples", EXAMPLES,
                "--seed", SEED,
                "--generation-deterministic",
                "--continue-on-failure",
                "--request-timeout", "20",
                "--suppress-health-check", "all",
                "--workers", "2",
                "--no-color",
                *(["--include-path-regex", ONLY] if ONLY else []),
            ],
            env=dict(os.environ, NO_PROXY="127.0.0.1,localhost", no_proxy="127.0.0.1,localhost"),
            cwd=folder.name,
            timeout=TIME,
            check=False,
        ).returncode
    except subprocess.TimeoutExpired:
        print(f"api-contract: not done after {TIME} s", file=sys.stderr)
        return 1
    finally:
        platform.stdin.close()
        try:
            platform.wait(timeout=20)
        except subprocess.TimeoutExpired:
            platform.kill()
        folder.cleanup()


if __name__ == "__main__":
    sys.exit(main())
