#!/usr/bin/env python3
"""The production shape on this machine: the unchanged template.yaml, deployed to an AWS emulator.

    infra/emulator/emulator.py run -- COMMAND…   deploy, run COMMAND against it, stop everything, exit with its code
    infra/emulator/emulator.py up                deploy, print the addresses, stay until Ctrl-C

Needs `infra/tools/setup.sh emulator` and staged binaries (`infra/tools/stage.sh dev` or `infra/tools/lambda-build.sh`).

Everything listens on 127.0.0.1, on ports that are free at the time, and lives in one temporary folder, so several runs
can go on side by side. The folder disappears after success; after a failure its path is printed and it keeps the
emulator's log (emulator.log), the deployment's (deploy.log) and one file per function (functions/*.log).

What is read from the environment, and handed on to COMMAND with the values the functions got:
    TWILIO_API_BASE   Twilio's REST API; default: http://127.0.0.1:<a reserved port>
    OUTBOUND_ALLOW    exceptions of the outbound guard; default: the reserved bidder ports on 127.0.0.1
    LOG_LEVEL         default info
    EMULATOR_KEEP=1   keep the folder even after success
What COMMAND finds besides:
    E2E_BASE_URL             the HTTP API, and the PUBLIC_BASE_URL of the functions
    E2E_FALLBACK_BASE_URL    the CDN, and the FALLBACK_BASE_URL of the functions
    E2E_SITE_URL             the CDN before the number script (its lookups need HTTPS and are not led on)
    E2E_FALLBACK_BUCKET  E2E_TABLE  E2E_BID_LOG_QUEUE_URL  E2E_BID_LOG_DEAD_LETTERS_URL
    E2E_TWILIO_API_PORT      the reserved port of TWILIO_API_BASE: COMMAND may listen there
    E2E_BIDDER_PORTS         comma-separated reserved ports that OUTBOUND_ALLOW names: COMMAND may listen there
    E2E_STACK                name of the stack
    AWS_ENDPOINT_URL, AWS_REGION and credentials, for any AWS SDK
"""

import argparse
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EMULATOR_PYTHON = ROOT / ".tools/emulator/bin/python"

if Path(sys.prefix).resolve() != EMULATOR_PYTHON.parents[1].resolve():
    if not EMULATOR_PYTHON.exists():
        sys.exit("emulator: its tools are not installed; run infra/tools/setup.sh emulator")
    os.execv(EMULATOR_PYTHON, [str(EMULATOR_PYTHON), *sys.argv])

import boto3  # noqa: E402  (only the emulator's own environment has it)
from botocore.config import Config  # noqa: E402
from botocore.exceptions import ClientError  # noqa: E402

import corrections  # noqa: E402
from proxy import FrontDoor  # noqa: E402

REGION = "us-east-1"
STACK = "callcenter-e2e"
BIDDER_PORTS = 12
ELF = b"\x7fELF"


class Failure(Exception):
    """Something a person has to look at; the message says what was attempted."""


def say(text: str) -> None:
    print(f"emulator: {text}", flush=True)


def staged_binaries() -> dict[str, Path]:
    """Function folder → its binary, for every function of the template. Complains about all that are missing at once."""
    template = (ROOT / "template.yaml").read_text()
    folders = re.findall(r"^\s+CodeUri:\s*(\S+?)/?\s*$", template, re.MULTILINE)
    binaries = {Path(folder).name: ROOT / folder / "bootstrap" for folder in folders}
    missing = [name for name, binary in binaries.items() if not os.access(binary, os.X_OK)]
    if missing:
        raise Failure(
            f"no binary staged for {', '.join(missing)}; run infra/tools/stage.sh dev (after cargo build --workspace) "
            "or infra/tools/lambda-build.sh x86_64"
        )
    return binaries


def reserve_ports(count: int) -> list[int]:
    """Ports free right now. They are held open until all are known, so they differ; then they are released."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in held]
    for listener in held:
        listener.close()
    return ports


class Emulator:
    """One deployment, from nothing to a running stack and back to nothing."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="callcenter-emulator-"))
        self.process: subprocess.Popen | None = None
        self.api = FrontDoor()
        self.cdn = FrontDoor()
        self.site = FrontDoor()
        self.port, twilio_port, *bidder_ports = reserve_ports(2 + BIDDER_PORTS)
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.access_key = "".join(secrets.choice("123456789") for _ in range(12))  # the emulator's account number
        defaults = {
            "TWILIO_API_BASE": f"http://127.0.0.1:{twilio_port}",
            "OUTBOUND_ALLOW": ",".join(f"127.0.0.1:{port}" for port in bidder_ports),
            "LOG_LEVEL": "info",
        }
        self.settings = {name: os.environ.get(name, value) for name, value in defaults.items()}
        self.exports = {
            **self.settings,
            "E2E_BASE_URL": self.api.url,
            "E2E_FALLBACK_BASE_URL": self.cdn.url,
            "E2E_SITE_URL": self.site.url,
            "E2E_TWILIO_API_PORT": str(twilio_port),
            "E2E_BIDDER_PORTS": ",".join(map(str, bidder_ports)),
            "E2E_STACK": STACK,
        }

    def environment(self) -> dict[str, str]:
        """The caller's environment, with every way to a real AWS account closed."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return {
            **kept,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
        }

    def client(self, service: str):
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=self.access_key,
            aws_secret_access_key="local",
            config=Config(retries={"max_attempts": 1}, proxies={}),
        )

    def start(self) -> None:
        """The emulator itself, with its files in our folder."""
        scratch = self.folder / "scratch"
        scratch.mkdir()
        # Functions inherit what the emulator has: nothing of the caller's, or a variable that the template forgot to set
        # would go unnoticed, and a proxy setting would send their requests elsewhere.
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        environment = {name: value for name, value in self.environment().items() if name.startswith("AWS_")} | inherited | {
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "MINISTACK_ACCOUNT_ID": self.access_key,
            "MINISTACK_REGION": REGION,
            "LAMBDA_EXECUTOR": "local",
            "AUTH": "true",  # every function acts under its own role, and a permission it lacks is refused
            "TMPDIR": str(scratch),
        }
        log = (self.folder / "emulator.log").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "infra/emulator/launcher.py")],
            env=environment, cwd=scratch, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches us alone, and we stop it in order
        )
        self.wait_for(f"{self.endpoint}/_ministack/health", seconds=30, what="the emulator")

    def wait_for(self, url: str, seconds: float, what: str) -> None:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        deadline, last = time.monotonic() + seconds, ""
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise Failure(f"the emulator ended by itself with code {self.process.returncode} while {what} was awaited")
            try:
                with opener.open(url, timeout=10) as response:
                    if response.status == 200:
                        return
                    last = f"HTTP {response.status}"
            except urllib.error.HTTPError as error:
                last = f"HTTP {error.code}: {error.read(300).decode(errors='replace')}"
            except OSError as error:
                last = str(error)
            time.sleep(0.05)
        raise Failure(f"{what} did not answer at {url} within {seconds:g} s (last: {last})")

    def deploy(self) -> None:
        """`sam deploy` of the template as it is, with this run's parameters."""
        bucket = "deployment-artefacts"
        self.client("s3").create_bucket(Bucket=bucket)
        parameters = self.folder / "parameters.yaml"  # JSON is YAML; a file, because values hold quotes and commas
        parameters.write_text(json.dumps({
            "Stage": "dev",
            "Architecture": "x86_64",
            "PublicBaseUrl": self.api.url,
            "FallbackBaseUrl": self.cdn.url,
            "MailFrom": "calls@example.com",
            "ApiRequestsPerMinute": "100000",
            "TwilioApiBase": self.settings["TWILIO_API_BASE"],
            "OutboundAllow": self.settings["OUTBOUND_ALLOW"],
            "LogLevel": self.settings["LOG_LEVEL"],
        }))
        own_settings = self.folder / "samconfig.toml"  # so that the user's samconfig.toml is not read
        own_settings.write_text("version = 0.1\n")
        with (self.folder / "deploy.log").open("wb") as log:
            code = subprocess.run(
                [
                    str(ROOT / "infra/tools/sam.sh"), "deploy",
                    "--template-file", str(ROOT / "template.yaml"), "--config-file", str(own_settings),
                    "--stack-name", STACK, "--region", REGION, "--s3-bucket", bucket,
                    "--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset", "--no-progressbar",
                    "--parameter-overrides", f"file://{parameters}",
                ],
                env=self.environment() | {"SAM_CLI_POLL_DELAY": "0.2"},
                cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, check=False,
            ).returncode
        if code != 0:
            raise Failure("sam deploy failed:\n  " + "\n  ".join(self.deployment_failures()))

    def deployment_failures(self) -> list[str]:
        """The resources that could not be made, with the reason; or the end of sam's output if it got nowhere."""
        try:
            events = self.client("cloudformation").describe_stack_events(StackName=STACK)["StackEvents"]
        except ClientError:
            events = []
        reasons = [
            f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason given')}"
            for event in reversed(events)
            if event["ResourceStatus"].endswith("_FAILED")
        ]
        return reasons or (self.folder / "deploy.log").read_text(errors="replace").splitlines()[-15:]

    def complete(self) -> None:
        """Corrects what the emulator left out, opens the front doors, collects what COMMAND needs to know."""
        cloudformation = self.client("cloudformation")
        template = corrections.processed_template(cloudformation, STACK)
        resources = corrections.resources_of(cloudformation, STACK)
        corrections.create_routes(self.client("apigatewayv2"), self.client("lambda"), template, resources)
        corrections.enable_time_to_live(self.client("dynamodb"), template, resources)
        corrections.allow_batches(self.client("iam"), template, resources)
        stack = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        self.api.lead_to("127.0.0.1", self.port, f"{outputs['HttpApiId']}.execute-api.localhost:{self.port}")
        self.cdn.lead_to(
            "127.0.0.1", self.port, outputs["FallbackDistributionDomain"], extra={"X-Forwarded-Proto": "https"}
        )
        self.site.lead_to(
            "127.0.0.1", self.port, outputs["DniUrl"].removeprefix("https://"), extra={"X-Forwarded-Proto": "https"}
        )
        with (self.folder / "number-script.log").open("wb") as log:
            filling = [sys.executable, str(ROOT / "infra/tools/number-script.py"), STACK]
            code = subprocess.run(filling, env=self.environment(), stdout=log, stderr=log, check=False).returncode
        if code != 0:
            raise Failure("the number script could not be put into its bucket:\n" + (self.folder / "number-script.log").read_text())
        self.exports |= {
            "E2E_TABLE": outputs["TableName"],
            "E2E_BID_LOG_QUEUE_URL": outputs["BidLogQueueUrl"],
            "E2E_BID_LOG_DEAD_LETTERS_URL": outputs["BidLogDeadLettersUrl"],
            "E2E_FALLBACK_BUCKET": outputs["FallbackBucketName"],
            "E2E_ARCHIVE_BUCKET": outputs["ArchiveBucketName"],
        }

    def wait_until_healthy(self, api_binary: Path) -> None:
        with api_binary.open("rb") as file:
            if file.read(4) != ELF:
                say("the staged api is no real binary; not waiting for /api/health")
                return
        self.wait_for(f"{self.api.url}/api/health", seconds=30, what="the deployed API")

    def collect_function_logs(self) -> None:
        """What the functions wrote, one file each, next to the emulator's own log."""
        target = self.folder / "functions"
        target.mkdir(exist_ok=True)
        logs = self.client("logs")
        for group in logs.describe_log_groups(logGroupNamePrefix=f"/{STACK}/")["logGroups"]:
            name = group["logGroupName"]
            pages = logs.get_paginator("filter_log_events").paginate(logGroupName=name)
            events = sorted((event["timestamp"], event["message"]) for page in pages for event in page["events"])
            (target / f"{Path(name).name}.log").write_text("".join(f"{at} {text}\n" for at, text in events))

    def stop(self, keep: bool) -> None:
        """Ends what we started, and only that."""
        if self.process is not None and self.process.poll() is None:
            if keep:
                try:
                    self.collect_function_logs()
                except Exception as error:  # the logs are a help, never the reason to fail
                    say(f"could not collect the functions' logs: {error}")
            self.end_process_group()
        self.api.close()
        self.cdn.close()
        self.site.close()
        if keep:
            shutil.rmtree(self.folder / "scratch", ignore_errors=True)
            say(f"logs are in {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def end_process_group(self) -> None:
        """The emulator and the functions it runs share the group that it leads."""
        group = self.process.pid
        self.process.terminate()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


def bring_up(emulator: Emulator, binaries: dict[str, Path]) -> None:
    started = time.monotonic()

    def done(what: str) -> None:
        nonlocal started
        now = time.monotonic()
        say(f"{what} in {now - started:.1f} s")
        started = now

    emulator.start()
    done("started")
    emulator.deploy()
    done(f"deployed {len(binaries)} functions")
    emulator.complete()
    emulator.wait_until_healthy(binaries["api"])
    done("completed and healthy")


def run_command(emulator: Emulator, command: list[str]) -> int:
    say(f"running {' '.join(command)}")
    child = subprocess.Popen(command, env=emulator.environment() | emulator.exports)
    try:
        return child.wait()
    finally:
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(timeout=5)
            except subprocess.TimeoutExpired:
                child.kill()


def stay_up(emulator: Emulator) -> int:
    shown = {**emulator.exports, **{k: v for k, v in emulator.environment().items() if k.startswith("AWS_")}}
    for name in sorted(shown):
        print(f"export {name}='{shown[name]}'")
    say(f"the HTTP API answers at {emulator.api.url}; logs in {emulator.folder}; Ctrl-C stops it")
    return emulator.process.wait()


def main() -> int:
    parser = argparse.ArgumentParser(description="Deploys template.yaml to a local AWS emulator.")
    commands = parser.add_subparsers(dest="verb", required=True)
    commands.add_parser("up", help="deploy and stay in the foreground")
    run = commands.add_parser("run", help="deploy, run a command against it, stop")
    run.add_argument("command", nargs=argparse.REMAINDER, help="-- COMMAND [ARGUMENT…]")
    arguments = parser.parse_args()
    command = [part for i, part in enumerate(getattr(arguments, "command", [])) if (i, part) != (0, "--")]
    if arguments.verb == "run" and not command:
        parser.error("run needs a command: run -- COMMAND…")

    def on_signal(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, on_signal)
    try:
        binaries = staged_binaries()
    except Failure as failure:
        say(str(failure))
        return 1
    emulator, code = Emulator(), 1
    try:
        bring_up(emulator, binaries)
        code = run_command(emulator, command) if arguments.verb == "run" else stay_up(emulator)
    except Failure as failure:
        say(str(failure))
    except KeyboardInterrupt:
        code = 0 if arguments.verb == "up" else 130
    finally:
        emulator.stop(keep=code != 0 or os.environ.get("EMULATOR_KEEP") == "1")
    return code


if __name__ == "__main__":
    sys.exit(main())
