"""The speed at which the API accepts messages, in lists and one by one, and their latency meanwhile.

    python -m bench intake --server URL --only

Prints figures and ratios. The server is gunicorn with the options of docs/operate.md. Calls are counted, with
limits that are never reached. For comparison there are a bare COPY of the same rows, with a commit per list,
and a bare INSERT with a commit per row.
"""

import json
import os
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime
from http.client import HTTPConnection
from statistics import median, quantiles
from threading import Event
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from bench import sinks
from bench.installation import Installation, descendants, production
from bench.sign_ins import served

SEND = "/api/communications/messages"
A_LIST, LISTS, ROUNDS = 500, 20, 3  # LISTS: of a round
SINGLES, PACED, A_SECOND = 600, 200, 20
SENDERS = 3
# That send lists while others send single messages: as many as web processes, and those would wait for the
# lists' answers.
FLOODING = 2
TEXT = (
    "Dear Ana, we received your payment of 120.00. Your next instalment is due on the first of the month. "
    * 4
)
NO_LIMIT = {"API_CALLS_A_MINUTE": "1000000", "API_CALLS_A_MINUTE_IN_ALL": "1000000"}
NO_LIMIT |= {"API_MESSAGES_A_MINUTE": "100000000", "API_MESSAGES_A_MINUTE_IN_ALL": "100000000"}
AIMS = {"lists": 2_500, "one by one": 200, "paced": 60, "lane": 250}


class Caller:
    """A program with an API key."""

    def __init__(self, port: int, key: str) -> None:
        self.port = port
        self.headers = {"apiKey": key, "Content-Type": "application/json"}

    def post(self, body: bytes, **headers: str) -> tuple[int, bytes]:
        """Return the status and body of the answer.

        Sync workers close each connection, so each call opens one.
        """
        connection = HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request(
                "POST",
                SEND,
                body,
                self.headers | {name.replace("_", "-"): value for name, value in headers.items()},
            )
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def stored(self, body: bytes) -> bytes:
        """Return the answer after checking that everything was stored."""
        status, answer = self.post(body)
        assert status == 201, answer[:500]
        return answer


def run(installation: Installation) -> None:
    """Measure each promise by itself, and print it beside the promised figure."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    installation.environment |= NO_LIMIT | production(f"http://127.0.0.1:{port}")
    installation.manage("collectstatic", "--noinput", "--verbosity", "0")
    caller = Caller(
        port,
        installation.manage("create_api_key", "--consumer", "bench", "--role", "Administrator").split()[-1],
    )
    with served(installation, port):
        _rates(installation, caller)
        _once(caller)
    # Nothing is due.
    installation.manage(
        "shell", "-c", "from notifications.models import Message; Message.objects.all().delete()"
    )
    with served(installation, port), installation.cluster():
        _paced(installation, caller)
    with sinks.running() as (_, ports):
        installation.environment["EMAIL_URL"] = f"smtp://127.0.0.1:{ports['smtp']}"
        with served(installation, port), installation.cluster():
            _lane(installation, caller)


def _email(name: str) -> dict[str, str]:
    return {
        "type": "EMAIL",
        "destination": f"{name}@example.org",
        "subject": "Payment received",
        "body": TEXT,
    }


def _list(name: str) -> bytes:
    return json.dumps([_email(f"{name}-{number}") for number in range(A_LIST)]).encode()


def _rates(installation: Installation, caller: Caller) -> None:
    """Measure lists, single calls and the bare loops, interleaved.

    A slowdown of the machine affects all of them.
    """
    lists = [_list(f"l{number}") for number in range(LISTS)]
    single = json.dumps(_email("single")).encode()
    caller.stored(lists[0])
    rates: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        rates.setdefault("lists", []).append(_rate(installation, caller, lists, A_LIST))
        rates.setdefault("one by one", []).append(_rate(installation, caller, [single] * SINGLES, 1))
        for name, rate in _bare(installation.environment["DATABASE_URL"], LISTS * A_LIST).items():
            rates.setdefault(name, []).append(rate)
    for name, measured in rates.items():
        aim = f"; at least {AIMS[name]:,} are promised" if name in AIMS else ""
        print(
            f"  {name:<12} {median(measured):8,.0f} messages a second "
            f"({', '.join(f'{each:,.0f}' for each in measured)}){aim}"
        )
    for ours, bare in (("lists", "bare COPY"), ("one by one", "bare INSERT")):
        if bare in rates:
            ratios = [mine / other for mine, other in zip(rates[ours], rates[bare], strict=True)]
            print(
                f"  {ours} beside a {bare}: {median(ratios):.2f} × ({min(ratios):.2f} to {max(ratios):.2f})"
            )


def _rate(installation: Installation, caller: Caller, bodies: Sequence[bytes], each: int) -> float:
    """Return messages a second from several senders at once; prints the processor time per message."""
    with _processor(installation) as spent, ThreadPoolExecutor(SENDERS) as senders:
        began = time.monotonic()
        list(senders.map(caller.stored, bodies))
        took = time.monotonic() - began
    count = len(bodies) * each
    web, database = (seconds / count * 1e6 for seconds in spent)
    print(
        f"    {count:,} messages by {each}: web processes {web:,.0f} µs of processor a message, database "
        f"{database:,.0f} µs",
        flush=True,
    )
    return count / took


@contextmanager
def _processor(installation: Installation) -> Iterator[list[float]]:
    """Yield a list that gets the seconds of processor time used inside the block.

    They are those of web processes and of database sessions, in this order; 0 for what is not on this
    machine.
    """
    spent: list[float] = []
    before = _used(installation)
    yield spent
    after = _used(installation)
    spent += [
        sum(now - old.get(pid, 0.0) for pid, now in new.items())
        for old, new in zip(before, after, strict=True)
    ]


def _used(installation: Installation) -> list[dict[int, float]]:
    used: list[dict[int, float]] = [{}, {}]
    for found, pids in zip(
        used, (descendants(os.getpid()), _sessions(installation.environment["DATABASE_URL"])), strict=True
    ):
        for pid in pids:
            with suppress(OSError):
                found[pid] = sinks.spent(pid)
    return used


def _sessions(url: str) -> list[int]:
    if url.startswith("sqlite"):
        return []
    with psycopg.connect(url) as connection:
        return [
            pid
            for (pid,) in connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
            )
        ]


def _bare(url: str, count: int) -> dict[str, float]:
    """Return rows a second of writing the API's rows again, by a bare COPY and a bare INSERT.

    They go into a table with the same columns, indexes and constraints.
    """
    if url.startswith("sqlite"):
        return {}
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "DROP TABLE IF EXISTS bare; CREATE TABLE bare (LIKE notifications_message INCLUDING ALL)"
        )
        with connection.cursor().copy(
            f"COPY (SELECT * FROM notifications_message ORDER BY id DESC LIMIT {count}) TO STDOUT"
        ) as copy:
            rows = [bytes(row) for row in copy]
        began = time.monotonic()
        for start in range(0, len(rows), A_LIST):
            with connection.cursor().copy("COPY bare FROM STDIN") as copy:
                copy.write(b"".join(rows[start : start + A_LIST]))
        copied = len(rows) / (time.monotonic() - began)
        found = connection.execute(f"SELECT * FROM bare LIMIT {SINGLES}")
        names = [column.name for column in found.description or ()]
        values = [
            [Jsonb(each) if isinstance(each, dict) else each for each in row] for row in found.fetchall()
        ]
        columns = ", ".join(f'"{name}"' for name in names)
        insert = f"INSERT INTO bare ({columns}) VALUES ({', '.join(['%s'] * len(names))})"
        connection.execute("TRUNCATE bare")
        began = time.monotonic()
        for row in values:
            connection.execute(insert, row)
        inserted = len(values) / (time.monotonic() - began)
        connection.execute("DROP TABLE bare")
    return {"bare COPY": copied, "bare INSERT": inserted}


def _once(caller: Caller) -> None:
    body = _list("once")
    with ThreadPoolExecutor(50) as senders:
        answers = list(senders.map(lambda _: caller.post(body, Idempotency_Key="once"), range(50)))
    made = {answer for status, answer in answers if status == 201}
    statuses = Counter(status for status, _ in answers)
    print(f"  50 lists at once with one Idempotency-Key: {len(made)} result, answered {dict(statuses)}")


def _paced(installation: Installation, caller: Caller) -> None:
    """Measure single calls at a steady pace.

    The latencies are from the call, and from the row, to the mail server.
    """
    took = _latencies(installation, "EMAIL", PACED, lambda number: _send(caller, _email(f"paced{number}")))
    print(
        f"  {A_SECOND} single calls a second, received after: {took}; at most {AIMS['paced']} ms are promised"
    )


def _lane(installation: Installation, caller: Caller) -> None:
    """Measure SMS at a steady pace while lists of e-mails come as fast as they are accepted.

    The e-mails go to another server.
    """
    ended = Event()

    def flood(sender: int) -> int:
        number = 0
        while not ended.is_set():
            caller.stored(_list(f"flood{sender}-{number}"))
            number += 1
        return number

    with ThreadPoolExecutor(FLOODING) as senders:
        lists = [senders.submit(flood, sender) for sender in range(FLOODING)]
        began = time.monotonic()
        sms = [
            {"type": "SMS", "destination": f"+4915{number:09}", "body": "Your code is 123456"}
            for number in range(PACED + 1)
        ]
        took = _latencies(installation, "SMS", PACED, lambda number: _send(caller, sms[number]))
        ended.set()
        stored = sum(each.result() for each in lists) * A_LIST
    rate = stored / (time.monotonic() - began)
    print(
        f"  while lists came at {rate:,.0f} messages a second, SMS received after: {took}; at most "
        f"{AIMS['lane']} ms are promised"
    )


def _received(installation: Installation, channel: str, count: int) -> list[dict[str, Any]]:
    """Return what the provider got, once there are `count` entries."""
    end = time.monotonic() + 60
    while len(entries := installation.providers.journal(channel)) < count:
        assert time.monotonic() < end, f"{len(entries)} of {count} were received"
        time.sleep(0.2)
    return entries


def _send(caller: Caller, message: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(caller.stored(json.dumps(message).encode()))
    return found


def _latencies(
    installation: Installation, channel: str, count: int, send: Callable[[int], dict[str, Any]]
) -> str:
    """Describe the latencies from the beginning of each call, and from the row's own time."""
    known = len(installation.providers.journal(channel)) + 1
    send(count)  # until it is received, the cluster may not have started yet
    _received(installation, channel, known)
    with ThreadPoolExecutor(SENDERS) as senders:
        calls = []
        start = time.time()
        for number in range(count):
            time.sleep(max(0.0, start + number / A_SECOND - time.time()))
            calls.append((time.time(), senders.submit(send, number)))
        sent = [(began, call.result()) for began, call in calls]
    entries = _received(installation, channel, known + count)[known:]
    received = {entry["destination"]: datetime.fromisoformat(entry["at"]).timestamp() for entry in entries}
    by_call = [received[answer["destination"]] - began for began, answer in sent]
    by_row = [
        received[answer["destination"]] - datetime.fromisoformat(answer["creationDate"]).timestamp()
        for _, answer in sent
    ]
    ends = [quantiles(each, n=20)[-1] * 1_000 for each in (by_row, by_call)]
    return (
        f"median {median(by_row) * 1_000:.0f} ms (p95 {ends[0]:.0f}), from the call "
        f"{median(by_call) * 1_000:.0f} ms (p95 {ends[1]:.0f})"
    )
