"""Kills and stops under load."""

import random
import signal
import time

from bench.run import running

STOPS_WITHIN = 10.0  # seconds, where providers answer


def kill_storm(chance: random.Random, quick: bool, server: str) -> bool:
    """SIGKILL of any process, again and again, while messages are being sent."""
    kills = 10 if quick else 100
    with running(chance, server) as run:
        run.start()
        for _ in range(kills):
            # As many as are sent until the next kill; slow ones, so that it meets sends under way.
            run.enqueue(45, slow=5, seconds=1.5)
            run.until_under_way(within=6.0)
            time.sleep(chance.uniform(0.0, 0.5))
            run.strike(signal.SIGKILL)
        print(f"  {kills} kills, then all final after {run.settle():.1f} s")
        return run.report()


def clean_stops(chance: random.Random, quick: bool, server: str) -> bool:
    """SIGTERM under load, with slow answers: what is under way is finished, and no outcome is unknown."""
    slowest = 0.0
    with running(chance, server) as run:
        # More than a stop could wait for.
        run.enqueue(500 if quick else 3_000, slow=40 if quick else 200, seconds=3.0)
        for _ in range(2 if quick else 6):
            run.start()
            time.sleep(chance.uniform(2.0, 4.0))
            slowest = max(slowest, run.stop())
        run.start()
        print(f"  slowest stop {slowest:.1f} s; all final after {run.settle():.1f} s")
        run.promise(slowest <= STOPS_WITHIN, f"a stop took {slowest:.1f} s")
        attempts = run.audit()["attempts"]
        run.promise(attempts.keys() <= {"ACCEPTED", "ABANDONED"}, f"clean stops left attempts {attempts}")
        return run.report()
