"""Every provider is down, then refuses, for ten minutes: failures, notices, and the repair by one action.

    python -m bench outage --seconds 90 --server URL     (with senders that are killed: outage-killed)

E-mail, SMS and one receiver of webhooks fail together while messages come evenly, a hundred of them to
addresses that do not exist. Pages are read over HTTP, as a clerk reads them; their content is compared with
the rows and with what the providers got. Each promise is printed with its figure.
"""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import Any

from bench import clerk
from bench import outage_trial as promised
from bench.clerk import Clerk
from bench.installation import Installation
from bench.outage_trial import ALL_PENDING, WITHIN, Trial, until_final
from bench.run import Run
from bench.standins import StandIns, stand_ins
from commlog.demo.standins import CHANNELS

MESSAGES, DEAD, SECONDS = 5_000, 100, 600
PACE, PACED = 1_200, 600  # messages a minute, and how many are resent at that pace
KINDS = ("down", "refusing")
_BATCHES = 25
_KEYS = "SELECT json_agg(replace(key::text, '-', '')) FROM notifications_message"


def run(installation: Installation, *, seconds: int = SECONDS, kills: bool = False) -> None:
    """Run both outages, down and refusing; then resend some at a pace, and audit the whole."""
    assert "postgres" in installation.environment["DATABASE_URL"], "of PostgreSQL alone: --server URL --only"
    with started(installation) as (run_, clerk_, others):
        for kind in KINDS:
            _outage(run_, clerk_, others, kind, seconds, kills=kills)
        if not kills:
            _at_a_pace(run_, clerk_, others)
        run_.keys = run_.ask(_KEYS)[0]
        run_.report()


@contextmanager
def started(installation: Installation) -> Iterator[tuple[Run, Clerk, StandIns]]:
    """Yield senders, a web server, and a second mail server for alerts.

    One message has gone to each provider.
    """
    run_ = Run(installation, Random(0))
    run_.excused = {"I7 too many tries"}  # what fails because of its lane costs its message none
    run_.journals.append(installation.directory / "alerts")
    with stand_ins(installation.directory / "alerts") as others:
        installation.environment |= {
            "ALERT_EMAIL": "operations@example.org",
            "ALERT_EMAIL_URL": others.environment()["EMAIL_URL"],
        }
        with clerk.office(installation) as clerk_:
            try:
                run_.start()
                installation.enqueue(*(message(installation, each, each) for each in range(3)))
                run_.settle()
                yield run_, clerk_, others
            finally:
                run_.kill_all()


@contextmanager
def playing(installation: Installation, kind: str) -> Iterator[None]:
    """Have all providers fail in this way inside the block."""
    flags = [installation.providers.journals[channel].flag for channel in CHANNELS]
    for flag in flags:
        flag.write_text(kind)
    try:
        yield
    finally:
        for flag in flags:
            flag.unlink()


def trial(run_: Run, clerk_: Clerk, others: StandIns, kind: str, *, kills: bool = False) -> Trial:
    """Return a trial that begins now."""
    before = run_.ask("SELECT coalesce(max(id), 0) FROM notifications_message")[0]
    return Trial(run_, clerk_, others, kind, before, kills)


def _outage(run_: Run, clerk_: Clerk, others: StandIns, kind: str, seconds: int, *, kills: bool) -> None:
    installation = run_.installation
    it = trial(run_, clerk_, others, kind, kills=kills)
    lanes = ["E-mail", "SMS", "Webhook", "127.0.0.1", "twilio"]
    with playing(installation, kind), clerk.watching(clerk_, lanes) as working:
        it.began = time.time()
        for batch in range(_BATCHES):
            enqueue(installation, _batch(installation, batch))
            if batch == _BATCHES // 2:
                it.kill()
            time.sleep(max(0.0, it.began + (batch + 1) * seconds / _BATCHES - time.time()))
        failed = sum(row["state"] == "FAILED" for row in it.rows())
    it.repaired = time.time()
    print(f"  {kind} for {it.repaired - it.began:.0f} s, {failed:,} FAILED meanwhile", flush=True)
    action: dict[str, Any] = {}
    if kind == "refusing":
        action = promised.resend(it)
    time.sleep(2.0)
    it.kill()
    until_final(it)
    final = time.time() - (action.get("at") or it.repaired)
    until_final(it, ALL_PENDING)
    promised.told(it, working)
    if kind == "down":
        promised.nothing_lost(it)
    else:
        it.says(failed >= 1_000, f"{failed:,} FAILED")
        promised.resent(it, action)
    # What was still being retried comes by itself: the last wait is 54 s.
    limit = promised.DELIVERED + (54 if action else 0) + (40 if kills else 0)
    it.says(final <= limit, f"all delivered {final:.1f} s after the {'action' if action else 'repair'}")
    promised.once(it)


def _at_a_pace(run_: Run, clerk_: Clerk, others: StandIns) -> None:
    installation = run_.installation
    it = trial(run_, clerk_, others, "refusing")
    it.kind = "at a pace"
    with playing(installation, "refusing"):
        it.began = time.time()
        enqueue(installation, [message(installation, each, 900_000 + each) for each in range(PACED)])
        until_final(it)
    page = it.clerk.open_incident(it.clerk.begin())
    at = time.time()
    it.clerk.resend(page, pace=str(PACE))
    while sum(bool(row["of"]) for row in it.rows()) < PACED and time.time() < at + WITHIN:
        time.sleep(0.5)
    until_final(it)
    made = sorted(row["made"] for row in it.rows() if row["of"])
    took, share = made[-1] - made[0], PACE / 15
    wanted = (len(made) - share) * 60 / PACE
    it.says(len(made) == PACED, f"{len(made)} of {PACED} resent")
    it.says(
        wanted - 1 <= took <= wanted * 1.1 + 1,
        f"at {PACE:,} a minute in {took:.1f} s; exactly: {wanted:.1f} s",
    )


def _batch(installation: Installation, batch: int) -> Sequence[dict[str, Any]]:
    """Return a third of the messages for each channel, with some of the mails to nobody."""
    numbers = range(batch * MESSAGES // _BATCHES, (batch + 1) * MESSAGES // _BATCHES)
    dead = DEAD // _BATCHES
    nobody = [f"x{batch}.{each}@nobody.example.org" for each in range(dead)]
    made = [{"type": "EMAIL", "destination": to, "subject": "x", "body": "x"} for to in nobody]
    return [*made, *(message(installation, number % 3, number) for number in numbers[dead:])]


def enqueue(installation: Installation, messages: Sequence[dict[str, Any]]) -> None:
    """Store messages by the long-running process: starting one takes longer than storing a batch."""
    file = installation.directory / "batch.jsonl"
    file.write_text("\n".join(map(json.dumps, messages)))
    installation.ask("enqueue", str(file))


def message(installation: Installation, kind: int, number: int) -> dict[str, Any]:
    channel = CHANNELS[kind % 3]
    to = {
        "EMAIL": f"ana{number}@example.org",
        "SMS": f"+4915{number:09}",
        "WEB_HOOK": installation.providers.webhook_url(f"/in/{number}"),
    }[channel]
    return {"type": channel, "destination": to, "subject": "x" * (channel == "EMAIL"), "body": "x"}
