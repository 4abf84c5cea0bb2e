#!/usr/bin/env python3
"""When the hours in hours_oracle.json are open, worked out in another way than the product does it.

Every date of the year is painted, minute by minute of its wall clock; then each minute of UTC is looked up by what
zoneinfo says the wall clock shows. Holidays are the list that the government published, not a rule.

Prints JSON: for each zone the windows of UTC minutes that were looked at, as [first minute, "runs"], a run being how
many minutes in a row are open or closed, the first run closed (maybe 0 long).
    hours_oracle.py changes   3 hours around each change of the clocks and each edge of a span
    hours_oracle.py year      every minute of the year
"""
import datetime
import itertools
import json
import pathlib
import sys
import zoneinfo

DAY = 24 * 60
AROUND = 3 * 60
# https://www.opm.gov/policy-data-oversight/pay-leave/federal-holidays/ (2027), and the days themselves where another is kept.
US_FEDERAL = set(
    "2027-01-01 2027-01-18 2027-02-15 2027-05-31 2027-06-18 2027-06-19 2027-07-04 2027-07-05 2027-09-06 "
    "2027-10-11 2027-11-11 2027-11-25 2027-12-24 2027-12-25 2027-12-31 2028-01-01".split()
)


def minutes(text):
    return int(text[:2]) * 60 + int(text[3:])


def painted(hours, year):
    """Which minutes of which local dates are open: {ordinal: bytearray of a day}."""
    first = datetime.date(year, 1, 1).toordinal() - 3
    days = {first + n: bytearray(DAY) for n in range(375)}
    pauses = set()
    for pause in hours.get("breaks", []):
        start, end = minutes(pause["from"]), minutes(pause["to"])
        pauses.update(minute % DAY for minute in range(start, end if end > start else end + DAY))
    for ordinal in list(days):
        date = datetime.date.fromordinal(ordinal)
        without = pauses
        if date.isoformat() in hours.get("exceptions", {}):
            spans, without = hours["exceptions"][date.isoformat()], set()
        elif "us_federal" in hours.get("holidays", []) and date.isoformat() in US_FEDERAL:
            spans = []
        elif "week" in hours:
            spans = hours["week"].get(date.strftime("%A").lower(), [])
        else:
            spans = [{"from": "00:00", "to": "24:00"}]
        for span in spans:
            start, end = minutes(span["from"]), minutes(span["to"])
            for minute in range(start, end if end > start else end + DAY):
                day = days.get(ordinal + minute // DAY)
                if day is not None and minute % DAY not in without:
                    day[minute % DAY] = 1
    return days


def main():
    mode = sys.argv[1]
    cases = json.loads(pathlib.Path(__file__).with_suffix(".json").read_text())
    utc = datetime.timezone.utc
    begin = int(datetime.datetime(cases["year"], 1, 1, tzinfo=utc).timestamp()) // 60
    end = int(datetime.datetime(cases["year"] + 1, 1, 1, tzinfo=utc).timestamp()) // 60
    answer = {}
    for name, hours in cases["zones"].items():
        zone = zoneinfo.ZoneInfo(name)
        days = painted(hours, cases["year"])
        opens, changes, offset = bytearray(), [], None
        for minute in range(begin, end):
            wall = datetime.datetime.fromtimestamp(minute * 60, zone)
            opens.append(days[wall.toordinal()][wall.hour * 60 + wall.minute])
            if minute % 15 == 0:
                before, offset = offset, wall.utcoffset()
                if before not in (None, offset):
                    changes.append(minute - begin)
        if mode == "changes":
            edges = changes + [n for n in range(1, len(opens)) if opens[n] != opens[n - 1]]
            wanted = bytearray(len(opens))
            for edge in edges:
                low, high = max(0, edge - AROUND), min(len(opens), edge + AROUND)
                wanted[low:high] = b"\1" * (high - low)
        else:
            wanted = bytearray(b"\1" * len(opens))
        windows = []
        at = 0
        for taken, run in itertools.groupby(wanted):
            length = len(list(run))
            if taken:
                runs = [(bit, len(list(same))) for bit, same in itertools.groupby(opens[at : at + length])]
                counts = [count for _, count in runs]
                windows.append([begin + at, counts if runs[0][0] == 0 else [0, *counts]])
            at += length
        answer[name] = {"windows": windows, "changes": [begin + change for change in changes]}
    json.dump(answer, sys.stdout)


main()
