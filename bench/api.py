"""The API over many messages: the time of a page, and whether a walk by cursor stays as fast as it began.

python -m bench api --rows 1000000 --server URL [--keep]
"""

from typing import Any

from bench.installation import Installation
from bench.log import filled, in_production

SLOWEST = 60.0  # milliseconds at the 95th percentile, for a page of 50
WORST_RATIO = 1.5  # the last tenth of a walk beside its first


def run(installation: Installation, *, rows: int, keep: bool = False) -> None:
    """Measure, print, and check the limits."""
    url = installation.environment["DATABASE_URL"]
    server = "" if url.startswith("sqlite") else url
    with filled(installation, server, rows, keep) as database:
        found: dict[str, Any] = in_production(installation, database, "bench.api_pages")
    for question, times in found["pages"].items():
        print(
            f"  :search, {question:24} p50 {times['p50']:6.1f} ms   p95 {times['p95']:6.1f} ms   "
            f"{times['rows']} rows"
        )
    walk = found["walk"]
    print(
        f"  a walk over {walk['messages']:,} messages in pages of 1,000: {walk['seconds']:.1f} s, "
        f"{walk['pages']} pages"
    )
    print(
        f"  its first tenth {walk['first']:.1f} ms a page, its last {walk['last']:.1f} ms; the whole table "
        f"has {rows:,}"
    )
    if server:
        slow = [question for question, times in found["pages"].items() if times["p95"] > SLOWEST]
        assert not slow, f"over {SLOWEST} ms: {slow}"
        assert walk["last"] <= walk["first"] * WORST_RATIO, "the walk slows down"
