"""How soon the words of new messages are in the table that searches read, while the senders are busy.

python -m bench search-lag --server URL
"""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median, quantiles

from bench.installation import Installation, mixed, production
from bench.run import Run

BURST, RATE, SECONDS = 2_000, 200, 60
WITHIN = 5.0  # seconds
_EVERY, _START = 0.2, 15.0  # seconds between two looks; until a sender is at work
_FAR = """SELECT COALESCE(MAX(id), 0), (SELECT COALESCE(MAX(reach), 0) FROM notifications_wordsreach)
FROM notifications_message"""


def run(installation: Installation, *, seconds: int = SECONDS) -> None:
    """Print how old messages were whose words were not there yet: after a burst, and at a steady rate."""
    installation.environment |= production()
    it = Run(installation, random.Random(1))
    with installation.cluster("sender"):
        installation.enqueue(*mixed(installation.providers, 4))
        time.sleep(_START)
        with _looked_at(it, f"{BURST:,} messages at once"):
            installation.enqueue(*mixed(installation.providers, BURST))
            installation.until_final(within=120)
        with _looked_at(it, f"{RATE} messages a second for {seconds} s"):
            began = time.monotonic()
            for number in range(4 * seconds):
                installation.enqueue(*mixed(installation.providers, RATE // 4))
                time.sleep(max(0.0, began + (number + 1) / 4 - time.monotonic()))
            took = time.monotonic() - began
            installation.until_final(within=120)
        print(f"  they were stored within {took:.0f} s")


@contextmanager
def _looked_at(it: Run, what: str) -> Iterator[None]:
    lags: list[float] = []
    over = threading.Event()

    def look() -> None:
        seen: list[tuple[float, int]] = []  # when a message was seen first that nobody had seen before
        while not over.wait(_EVERY):
            now = time.monotonic()
            newest, reach = it.ask(_FAR)
            seen = [(at, pk) for at, pk in seen if pk > reach]
            if newest > max([reach, *(pk for _, pk in seen)]):
                seen.append((now, newest))
            lags.append(now - seen[0][0] if seen else 0.0)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield
        time.sleep(WITHIN)  # what was stored last
    finally:
        over.set()
        looking.join()
    kept = "" if max(lags) <= WITHIN else f": MORE THAN {WITHIN:.0f} s"
    print(
        f"  {what}: a message was without words for {median(lags):.1f} s in the median, p95 "
        f"{quantiles(lags, n=20)[-1]:.1f} s, at most {max(lags):.1f} s{kept}",
        flush=True,
    )
