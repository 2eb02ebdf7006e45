"""A database that is absent at first, and one that goes away and comes back while messages are sent."""

import random
import threading
import time
from datetime import UTC, datetime, timedelta

from bench.postgres import Server, own_server
from bench.run import Run, running

BACK_WITHIN = 15.0  # seconds after the database answers again


def restarts(chance: random.Random, quick: bool, _: str) -> bool:
    """PostgreSQL absent at the start, then restarted (fast, or by a crash) and away, under load."""
    with own_server() as server, running(chance, server.url) as run:
        run.enqueue(100)
        server.stop("fast")
        run.start()
        time.sleep(4)
        server.start()
        _say(run, "not there at the start", datetime.now(UTC))
        load = Load(run)
        load.start()
        for number in range(4 if quick else 12):
            time.sleep(chance.uniform(2.0, 4.0))
            mode = ("fast", "immediate")[number % 2]
            away = chance.uniform(3.0, 9.0) if number % 4 > 1 else 0.0
            _say(run, f"{mode} stop, away for {away:.1f} s", _restart(server, mode, away))
        load.end()
        print(
            f"  {load.stored} batches stored, {load.refused} refused by a database that was away; all final "
            f"after {run.settle():.1f} s"
        )
        return run.report()


def _restart(server: Server, mode: str, away: float) -> datetime:
    server.stop(mode)
    time.sleep(away)
    server.start()
    return datetime.now(UTC)


def _say(run: Run, what: str, back: datetime) -> None:
    """Wait for the first attempt accepted after the database came back, and print how long that took."""
    query = (
        f"SELECT MIN(finished_at) FROM notifications_attempt WHERE opened_at > '{back.isoformat()}' AND "
        "outcome = 'ACCEPTED'"
    )
    end = time.monotonic() + BACK_WITHIN * 2
    while (first := run.ask(query)[0]) is None and time.monotonic() < end:
        time.sleep(0.1)
    took = first - back if first else timedelta(seconds=BACK_WITHIN * 2)
    print(f"  {what}: back at work {took.total_seconds():.1f} s after the database", flush=True)
    run.promise(
        took.total_seconds() <= BACK_WITHIN, f"{what}: back at work only after {took.total_seconds():.1f} s"
    )


class Load(threading.Thread):
    """A thread that stores messages all the time; a batch that is refused was not accepted."""

    def __init__(self, run: Run) -> None:
        super().__init__(daemon=True)
        self._load = run
        self._enough = threading.Event()
        self.stored = self.refused = 0

    def run(self) -> None:
        """Store a batch of a hundred each second."""
        while not self._enough.is_set():
            try:
                self._load.enqueue(80, slow=20, seconds=0.5)
                self.stored += 1
            except AssertionError:  # the command failed
                self.refused += 1
            self._enough.wait(1.0)

    def end(self) -> None:
        """End the thread."""
        self._enough.set()
        self.join()
