"""One process of a sender killed, of each role, idle or busy, and the time until it is back at work."""

import random
import signal
import time
from datetime import UTC, datetime
from statistics import median

from bench.installation import descendants
from bench.run import Run, running, send_signal

ROLES = ("sender", "main", "sentinel", "worker", "monitor", "pusher")
# The sender's descendants, in the order of their start.
BELOW = ("main", "sentinel", "worker 1", "worker 2", "monitor", "pusher")
BACK_WITHIN = 15.0  # seconds


def roles(chance: random.Random, quick: bool, server: str) -> bool:
    """SIGKILL of each role, idle and busy; back at work is when messages stored after the kill are final."""
    trials = [(role, busy) for _ in range(3) for role in ROLES for busy in (False, True)]
    if quick:
        trials = [(role, number % 2 == 1) for number, role in enumerate(ROLES)]
    within = BACK_WITHIN + (10 if quick else 0)  # the quick one runs beside other checks
    took: dict[tuple[str, bool], list[float]] = {}
    with running(chance, server) as run:
        for role, busy in trials:
            took.setdefault((role, busy), []).append(_trial(run, role, busy))
        for (role, busy), found in sorted(took.items(), key=lambda item: ROLES.index(item[0][0])):
            print(f"  {role:<9} {'busy' if busy else 'idle'}  {', '.join(f'{each:.1f}' for each in found)} s")
        every = [each for found in took.values() for each in found]
        back = sum(each <= within for each in every)
        print(
            f"  {back} of {len(every)} back at work within {within:.0f} s; median {median(every):.1f} "
            f"s, longest {max(every):.1f} s"
        )
        run.promise(
            back == len(every), f"{len(every) - back} of {len(every)} took longer than {within:.0f} s"
        )
        run.start()
        print(f"  all final after {run.settle():.1f} s")
        return run.report()


def _trial(run: Run, role: str, busy: bool) -> float:
    """Return the seconds from the kill until messages stored after it are final."""
    run.start()
    victim = _process(run, role)
    time.sleep(2)
    if busy:
        run.enqueue(200, slow=20)
    (newest,) = run.ask("SELECT COALESCE(MAX(id), 0) FROM notifications_message")
    killed = datetime.now(UTC)
    if role == "sender":  # its service manager ends what is left of it, and starts it anew
        run.kill_all()
        run.start()
    else:
        send_signal(victim, signal.SIGKILL)
    run.enqueue(4)
    ended = _ended_after(run, newest)
    run.stop()
    return (ended - killed).total_seconds()


def _process(run: Run, role: str) -> int:
    """Return the process of a role in a sender that has just been started."""
    end = time.monotonic() + 30
    while len(found := descendants(run.sender.pid) if run.sender else []) < len(BELOW):
        if time.monotonic() > end:
            raise RuntimeError(f"the cluster has only {len(found)} processes")
        time.sleep(0.1)
    return run.chance.choice(
        [pid for pid, name in zip(found, BELOW, strict=True) if name.startswith(role) or role == "sender"]
    )


def _ended_after(run: Run, newest: int) -> datetime:
    """Return when the last attempt at the four messages stored after message `newest` ended.

    An SMS may be among them that an orphan was handing over when its cluster was restarted: it ends as
    FAILED, its outcome unknown.
    """
    end = time.monotonic() + 60
    while time.monotonic() < end:
        (final,) = run.ask(
            f"SELECT COUNT(*) FROM notifications_message WHERE id > {newest} AND state IN ('SENT', 'FAILED')"
        )
        if final == 4:
            return run.ask(f"SELECT MAX(finished_at) FROM notifications_attempt WHERE message_id > {newest}")[
                0
            ]
        time.sleep(0.1)
    return datetime.now(UTC)
