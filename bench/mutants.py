"""python -m bench.mutants: plants faults in a copy of the engine, one at a time, and runs the tests on it.

It runs on SQLite, or on the PostgreSQL of `--server`; faults of PostgreSQL alone are planted only there.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.installation import ROOT

TESTS = [
    "lanes/test_pace.py",
    "test_retry.py",
    "delivery/test_verdict.py",
    "delivery/test_leases.py",
    "test_lifecycle.py",
    "delivery/test_fast_path.py",
    "delivery/test_delivery.py",
    "delivery/test_turns.py",
    "outbox/test_resend.py",
    "outbox/test_sendable.py",
    "cluster/test_broker.py",
    "lanes/test_lanes.py",
]


@dataclass(frozen=True, slots=True)
class Mutant:
    """A planted fault: its file, the text that is replaced, and its replacement."""

    title: str
    file: str
    old: str
    new: str


CLAIMS, RESULTS, LEASES = (f"notifications/delivery/{name}.py" for name in ("claims", "results", "leases"))
VERDICT, RETRY, OUTBOX = (
    "notifications/delivery/verdict.py",
    "notifications/retry.py",
    "notifications/outbox.py",
)
BROKER, LANES, DRAIN = (
    "notifications/cluster/broker.py",
    "notifications/lanes/openings.py",
    "notifications/delivery/drain.py",
)
LANE_EFFECTS, LANE_TURN, FAST_PATH = (
    f"notifications/delivery/{name}.py" for name in ("lane_effects", "lane_turn", "fast_path")
)
PACE = "notifications/lanes/pace.py"

MUTANTS = [
    Mutant("a permit can be taken twice", CLAIMS, "AND permitted_at IS NULL AND outcome", "AND outcome"),
    Mutant("a lapsed lease still gets a permit", CLAIMS, "WHEN m.lease_until > %s THEN", "WHEN m.lease_until <> %s THEN"),
    Mutant("the token does not count claims", CLAIMS, "token = token + 1, attempt_count", "token = token + 0, attempt_count"),
    Mutant("a claim has no lease", CLAIMS, "[sql.moment(now + LEASE), which]", "[sql.moment(now - LEASE), which]"),
    Mutant("a result needs no token", RESULTS, "(each.claim.message_id, each.claim.token) in mine", "each.claim.message_id in {m for m, _ in mine}"),
    Mutant("a late result is thrown away", RESULTS, "        keep_late(each)\n", "        pass\n"),
    Mutant("a lost worker's message counts as unsent", LEASES, "open_attempt.filter(permitted_at=None).update(", "open_attempt.update("),
    Mutant("a message may kill workers for ever", RESULTS, "abandons__lt=MOST_ABANDONS", "abandons__lt=10**9"),
    Mutant("a message that kills its worker takes others with it", CLAIMS, "return rows[: first or int(suspects)]", "return rows"),
    Mutant("what was lost with its worker waits among others", LANE_TURN, "suspects = not self.waiting and self._may_leave > 0", "suspects = True"),
    Mutant("an abandoned attempt uses a retry", RESULTS, "    _change(claim, state=MessageState.WAITING, waiting_reason", "    _change(claim, failures=claim.failures + 1, state=MessageState.WAITING, waiting_reason"),
    Mutant("an unknown SMS is retried", VERDICT, "        return policy.unknown\n", "        return True\n"),
    Mutant("an unknown outcome is forgotten at the next refusal", VERDICT, "Outcome.UNKNOWN in (error.outcome, outcome)", "error.outcome == Outcome.UNKNOWN"),
    Mutant("a possible duplicate is not marked", VERDICT, "possible_duplicate or (unknown and due_at is not None)", "possible_duplicate"),
    Mutant("one retry too many", RETRY, "return self.retries is None or number < self.retries", "return self.retries is None or number <= self.retries"),
    Mutant("the first retry waits", RETRY, "if self.first_at_once and number == 0:", "if False:"),
    Mutant("what can never be sent is retried", VERDICT, "if error.kind is Failure.NEVER:", "if False:"),
    Mutant("a resend ignores what is under way", OUTBOX, "if under_way := next((each for each in chain if not each.is_final), None):", "if under_way := None:"),
    Mutant("a resend ignores that one was delivered", OUTBOX, "is not None and not again:", "is not None and False:"),
    Mutant("what is not due is claimed", CLAIMS, "lane_id = %s AND due_at <= %s AND", "lane_id = %s AND due_at >= %s AND"),
    Mutant("the broker looks at no cap", LANES, "        if due and room > 0:\n", "        if due:\n"),
    Mutant("an open circuit holds everybody", LANES, "None if delivers else _UNTRIED_OUT", "None if delivers else 0"),
    Mutant("what failed does not wait apart", LANE_TURN, "circuits.park(self.lane_id, wanted, now=now)", "pass"),
    Mutant("a try of a lane in trouble costs a retry", LANE_EFFECTS, "spared=True, parked=in_trouble) if in_trouble or throttled", "spared=True) if throttled"),
    Mutant("one that had failed and is delivered to frees nobody", LANE_EFFECTS, "had_failed=had_failed, now", "had_failed=False, now"),
    Mutant("a resend makes a row that fails at once", OUTBOX, "        return error\n    _make_due(new", "        pass\n    _make_due(new"),
    Mutant("lapsed claims are no work", BROKER, "(delivery.lapsed(now) or receipts.overdue(now))", "receipts.overdue(now)"),
    Mutant("a waiting turn gives back what it has just claimed", DRAIN, "lane.withdraw(but=leaving[lane_id])", "lane.withdraw()"),
    Mutant("a turn that is to stop takes what is new", DRAIN, "this_process.is_to_stop()\n            or now < self.look_at", "now < self.look_at"),
    Mutant("a drain recovers nothing", DRAIN, "            leases.recover(self.clock.now())\n", ""),
    Mutant("a slow lane waits for another that hangs", LANE_TURN, "return pace < _DEAD and", "return False and"),
    Mutant("what was claimed anew is marked by an older claim", RESULTS, "{sql.MESSAGE}.token = v.token AND {_STILL_MINE}", "{_STILL_MINE}"),
    Mutant("what is not under way is marked", RESULTS, "{sql.MESSAGE}.token = v.token AND {_STILL_MINE}", "{sql.MESSAGE}.token = v.token"),
    Mutant("an attempt is closed twice", RESULTS, "EACH AND {sql.ATTEMPT}.outcome || '' = '' RETURNING", "EACH RETURNING"),
    Mutant("a lane that was told to slow down goes on as fast", PACE, "_SLOWEST, _BELOW * (", "_SLOWEST, 1.0 * ("),
    Mutant("a rest that a provider asks for is not kept", PACE, "tokens_at=begins", "tokens_at=now"),
    Mutant("a lane in trouble gets all it could", PACE, "None if delivers else _UNTRIED", "None"),
    Mutant("what may not leave leaves in a round", FAST_PATH, "return [each for each in claims if each.attempt_id in granted]", "return list(claims)"),
    Mutant("a late result of a round is thrown away", FAST_PATH, "                keep_late(each)\n", "                pass\n"),
    Mutant("a round marks what has no open attempt", FAST_PATH, "THEN 1 ELSE 0 END", "THEN 1 ELSE 1 END"),
    Mutant("a round counts nothing", FAST_PATH, "counted AS ({inserts.TO_TALLIES.replace(\"EACH\", _COUNTED)}), ", "counted AS (SELECT %s), "),
    Mutant("a round counts one message", FAST_PATH, "COUNT(*) tries", "1 tries"),
    Mutant("a round counts in no minute", FAST_PATH, "FLOOR(EXTRACT(EPOCH FROM finished_at) / 60)::integer AS minute", "0 AS minute"),
    Mutant("a round holds what failed", FAST_PATH, "isinstance(each.answer, Receipt) and ", ""),
    Mutant("a round holds what was tried before", FAST_PATH, "each.claim.token == 1 and ", ""),
    Mutant("a round holds tries of a lane in trouble", FAST_PATH, " and not each.claim.trial", ""),
    Mutant("a round permits what is sent inside it", FAST_PATH, "and not any(channels.get(each.channel).inline for each in claims)", ""),
]  # fmt: skip


def main() -> int:
    """Plant each fault. Returns 1 if more than one in ten is not noticed."""
    parser = argparse.ArgumentParser(prog="python -m bench.mutants", description=__doc__)
    parser.add_argument("--only", default="", help="those whose title holds this text")
    parser.add_argument(
        "--server", default="", help="a database of PostgreSQL, beside which the tests make theirs"
    )
    options = parser.parse_args()
    chosen = [
        mutant
        for mutant in MUTANTS
        if options.only in mutant.title and (options.server or mutant.file != FAST_PATH)
    ]
    survivors = [mutant.title for mutant in chosen if not _noticed(mutant, options.server)]
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} planted faults noticed")
    return int(len(survivors) > len(chosen) // 10)


def _noticed(mutant: Mutant, server: str) -> bool:
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory) / "copy"
        for name in ("commlog", "notifications", "tests", "bench", "templates", "static"):
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("manage.py", "pyproject.toml"):
            shutil.copy(ROOT / name, copy)
        target = copy / mutant.file
        source = target.read_text()
        if source.count(mutant.old) != 1:
            raise SystemExit(
                f"cannot plant “{mutant.title}”: its place is there {source.count(mutant.old)} times"
            )
        target.write_text(source.replace(mutant.old, mutant.new))
        tests = sorted(
            TESTS, key=lambda name: target.stem not in name
        )  # its own first: they are the likeliest to notice
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-x",
            "--timeout",
            "60",
            *(f"tests/notifications/{name}" for name in tests),
        ]
        done = subprocess.run(
            command,
            cwd=copy,
            env=_environment(directory, server),
            capture_output=True,
            text=True,
            check=False,
        )
    noticed = done.returncode == 1
    by = next((line for line in done.stdout.splitlines() if line.startswith("FAILED")), "").removeprefix(
        "FAILED "
    )[:100]
    print(f"  {'noticed ' if noticed else 'SURVIVED'} {mutant.title}  {by}", flush=True)
    return noticed


def _environment(directory: str, server: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": directory, "TMPDIR": directory} | (
        {"DATABASE_URL": server} if server else {}
    )


if __name__ == "__main__":
    sys.exit(main())
