#!/usr/bin/env python3
"""Puts every release of the number script where browsers load it.

    .tools/venv/bin/python infra/tools/number-script.py STACK [REGION]

STACK is a deployed stack (its output SiteBucketName names the bucket). Each release lies at dni/<version>/ccp.js and is never
written twice: pages name its hash. dni/v1/ccp.js is the newest and is looked for again after five minutes.
"""

import json
import sys
from pathlib import Path

import boto3
from botocore.exceptions import ClientError

RELEASES = Path(__file__).resolve().parents[2] / "web" / "dni" / "releases"
SCRIPT = "ccp.js"
FOR_EVER = "public, max-age=31536000, immutable"
FOR_A_WHILE = "public, max-age=300"


def bucket_of(stack: str, region: str | None) -> str:
    stacks = boto3.client("cloudformation", region_name=region).describe_stacks(StackName=stack)["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stacks[0]["Outputs"]}
    return outputs["SiteBucketName"]


def there(s3, bucket: str, key: str) -> bytes | None:
    try:
        return s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
            return None
        raise


def put(s3, bucket: str, key: str, script: bytes, caching: str) -> None:
    s3.put_object(
        Bucket=bucket, Key=key, Body=script, CacheControl=caching, ContentType="text/javascript; charset=utf-8"
    )
    print(f"number script: wrote {key}")


def main() -> None:
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    region = sys.argv[2] if len(sys.argv) == 3 else None
    bucket, s3 = bucket_of(sys.argv[1], region), boto3.client("s3", region_name=region)
    for release in sorted(path.parent for path in RELEASES.glob(f"*/{SCRIPT}")):
        key, script = f"dni/{release.name}/{SCRIPT}", (release / SCRIPT).read_bytes()
        present = there(s3, bucket, key)
        if present is None:
            put(s3, bucket, key, script, FOR_EVER)
        elif present != script:
            sys.exit(f"number script: {key} is there with other bytes. A released version never changes: raise the version.")
    newest = json.loads((RELEASES / "manifest.json").read_text())["version"]
    key, script = f"dni/v1/{SCRIPT}", (RELEASES / newest / SCRIPT).read_bytes()
    if there(s3, bucket, key) != script:
        put(s3, bucket, key, script, FOR_A_WHILE)
    print(f"number script: {newest} is the newest")


if __name__ == "__main__":
    main()
