"""Two plain clusters, one of them frozen for longer than a lease.

Its results come late, its permits have lapsed, and the other one goes on.
"""

import os
import random
import signal
import time

from bench.run import Run, running

LONGER_THAN_A_LEASE = 22.0  # seconds; a lease is 20


def freezes(chance: random.Random, quick: bool, server: str) -> bool:
    """SIGSTOP of a whole cluster while it sends, SIGCONT after its leases lapsed; unsupervised."""
    with running(chance, server) as run:
        groups = [run.start_cluster().pid, run.start_cluster().pid]
        time.sleep(4)
        for _ in range(1 if quick else 4):
            run.enqueue(200, slow=40, seconds=1.5)
            frozen, hands = _busiest(run, groups)
            os.killpg(frozen, signal.SIGSTOP)
            before = _ended(run)
            time.sleep(LONGER_THAN_A_LEASE)
            meanwhile = _ended(run) - before
            os.killpg(frozen, signal.SIGCONT)
            print(
                f"  frozen with {hands} sends under way; the other cluster ended {meanwhile} attempts "
                "meanwhile"
            )
            time.sleep(chance.uniform(0.5, 2.0))
        print(f"  all final after {run.settle():.1f} s")
        time.sleep(2)  # what is late is recorded by the drain that has it
        late = run.audit()["late"]
        run.promise(late > 0, "no result came late, so nothing was shown")
        return run.report()


def _busiest(run: Run, groups: list[int]) -> tuple[int, int]:
    """Return the process group with the most sends under way, and how many; waits until there are some."""
    end = time.monotonic() + 20
    while True:
        hands = {group: len(_under_way(run, group)) for group in groups}
        group = max(hands, key=hands.__getitem__)
        if hands[group] >= 4 or time.monotonic() > end:
            return group, hands[group]
        time.sleep(0.02)


def _under_way(run: Run, group: int) -> list[str]:
    """Return the workers of this process group with open, permitted attempts."""
    aggregate = "STRING_AGG(worker, ',')" if run.on_postgres else "GROUP_CONCAT(worker)"
    (names,) = run.ask(
        f"SELECT COALESCE({aggregate}, '') FROM notifications_attempt WHERE outcome = '' AND permitted_at IS "
        "NOT NULL"
    )
    return [name for name in names.split(",") if name and _group_of(int(name.rpartition(":")[2])) == group]


def _group_of(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0


def _ended(run: Run) -> int:
    return run.ask("SELECT COUNT(*) FROM notifications_attempt WHERE outcome <> ''")[0]
