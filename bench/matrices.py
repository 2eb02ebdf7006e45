"""Misbehaviours of mail servers, receivers and addresses, with the real channels: class, time and memory."""

import logging
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from uuid import UUID

from bench.hostile import http_answers, mail_stages
from bench.hostile.servers import Listener, RawHttp, ScriptedSmtp
from bench.hostile.urls import LITERALS, MALFORMED, NAMES, RESOLUTIONS, SCHEMES, resolver
from notifications.channels.base.contract import Channel, DeliveryError, Envelope, Failure
from notifications.channels.email import EmailChannel
from notifications.channels.webhook import WebhookChannel
from notifications.states import Outcome

DEADLINE = 0.6  # seconds, so that what hangs does not hang for long
MOST_OVER = 1.0  # seconds that a call may outlast its deadline
MOST_MEMORY = 10.0  # MiB that a whole matrix may add
AT_ONCE = 8
LOOPBACK = [ip_network("127.0.0.0/8")]

# Its name, and what gives the class that was found and the one that is right.
Case = tuple[str, Callable[[], tuple[object, object]]]


@dataclass
class Tally:
    """The results of a matrix."""

    name: str
    cases: int
    wrong: list[str]
    slowest: float
    grown: float  # MiB

    @property
    def broken(self) -> bool:
        """Whether a class, the time or the memory was not as promised."""
        return bool(self.wrong) or self.slowest > DEADLINE + MOST_OVER or self.grown > MOST_MEMORY

    def __str__(self) -> str:
        right = f"{self.cases - len(self.wrong)} of {self.cases} classed right"
        return (
            f"{self.name:<38} {right}; slowest {self.slowest:.2f} s of {DEADLINE:g} s; memory + "
            f"{self.grown:.1f} MiB"
        )


def run() -> bool:
    """Print every matrix. Returns whether any was broken."""
    canaries = Listener(), Listener("::1")
    statuses = RawHttp(http_answers.any_status)
    after = [(name, how, status) for name, how in http_answers.AFTER_STATUS.items() for status in (200, 500)]
    matrices: dict[str, list[Case]] = {
        "mail servers, each stage, pipelined too": [_mail_case(*stage) for stage in mail_stages.EACH_WAY],
        "HTTP statuses 100 to 599": [_status_case(statuses, status) for status in http_answers.STATUSES],
        "no status, broken off or endless": [_break_case(*each) for each in http_answers.NO_STATUS.items()],
        "after a status, broken off or endless": [_after_case(*each) for each in after],
        "addresses that must lead nowhere": list(_address_cases(canaries)),
    }
    broken = False
    logging.disable()  # each refusal is a line in a log
    for name, cases in matrices.items():
        tally = _tally(name, cases)
        broken |= tally.broken
        print(f"  {tally}{''.join(f'{chr(10)}    WRONG {each}' for each in tally.wrong)}", flush=True)
    came = sum(canary.connections for canary in canaries)
    print(f"  connections that the canaries on 127.0.0.1 and ::1 got: {came}")
    for server in (*canaries, statuses):
        server.close()
    # The first one is tried twice; more would be redirections that were followed.
    return broken or came > 0 or len(statuses.requests) != len(http_answers.STATUSES) + 1


def _tally(name: str, cases: list[Case]) -> Tally:
    cases[0][1]()  # code and pools are warm
    before = _forget_peak()
    wrong: list[str] = []
    with ThreadPoolExecutor(AT_ONCE) as threads:
        slowest = max(threads.map(lambda case: _try(*case, wrong), cases))
    return Tally(name, len(cases), wrong, slowest, _memory("VmHWM") - before)


def _try(name: str, attempt: Callable[[], tuple[object, object]], wrong: list[str]) -> float:
    began = time.monotonic()
    found, right = attempt()
    took = time.monotonic() - began
    if found != right:
        wrong.append(f"{name}: {found}, not {right}")
    return took


def _forget_peak() -> float:
    """Reset the peak of memory, and return the memory in use now, in MiB."""
    Path("/proc/self/clear_refs").write_text("5")
    return _memory("VmRSS")


def _memory(name: str) -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) / 1024


def _class(channel: Channel, envelope: Envelope) -> Any:
    try:
        channel.send(envelope)
    except DeliveryError as error:
        return error.reason, error.kind, error.outcome
    return None


def _webhook(url: str) -> Envelope:
    return Envelope(
        key=UUID(int=7), destination=url, body="{}", method="POST", content_type="application/json"
    )


def _mail_case(stage: str, action: str, right: mail_stages.Class, features: tuple[str, ...]) -> Case:
    def attempt() -> tuple[object, object]:
        with closing(ScriptedSmtp({stage: action}, features=features)) as server:
            channel = EmailChannel(
                "127.0.0.1", server.port, from_address="noreply@example.org", deadline=DEADLINE
            )
            found = _class(
                channel, Envelope(key=UUID(int=7), destination="a@example.org", subject="Hello", body="Text")
            )
            if b"".join(server.mails) and found[2] != Outcome.UNKNOWN:
                return "refused, and the server holds it", right
            return found, right

    return f"{action[:10]} at {stage}", attempt


def _status_case(server: RawHttp, status: int) -> Case:
    channel = WebhookChannel(LOOPBACK, allow_http=True, deadline=DEADLINE)

    def attempt() -> tuple[object, object]:
        found = _class(channel, _webhook(f"http://127.0.0.1:{server.port}/status/{status}"))
        channel.close()
        return found, http_answers.class_of_status(status)

    return str(status), attempt


def _break_case(name: str, behave: http_answers.Behaviour, right: object = http_answers.UNKNOWN) -> Case:
    def attempt() -> tuple[object, object]:
        with closing(RawHttp(behave)) as server:
            channel = WebhookChannel(LOOPBACK, allow_http=True, deadline=DEADLINE)
            found = _class(channel, _webhook(f"http://127.0.0.1:{server.port}/hook"))
            channel.close()
            return (found if len(server.requests) == 1 else f"{len(server.requests)} requests"), right

    return name, attempt


def _after_case(name: str, behave: http_answers.Behaviour, status: int) -> Case:
    right = http_answers.class_of_status(status)
    return _break_case(
        f"{status}, then {name}", http_answers.then(b"HTTP/1.1 %d X\r\n" % status, behave), right
    )


def _address_cases(canaries: tuple[Listener, Listener]) -> Iterable[Case]:
    port = str(canaries[0].port)
    for url in (*LITERALS, *MALFORMED, *SCHEMES):
        yield (
            repr(url),
            _refused(WebhookChannel((), allow_http=True, deadline=DEADLINE), url.replace("PORT", port)),
        )
    for name in NAMES:
        channel = WebhookChannel((), allow_http=True, deadline=DEADLINE)
        yield name, _refused(channel, f"http://{name}:{port}/", may_be_unknown=True)
    for addresses in RESOLUTIONS:
        channel = WebhookChannel((), allow_http=True, deadline=DEADLINE, lookup=resolver(addresses))
        yield f"a name that resolves to {addresses}", _refused(channel, f"http://rebind.example:{port}/")


def _refused(
    channel: WebhookChannel, url: str, *, may_be_unknown: bool = False
) -> Callable[[], tuple[object, object]]:
    def attempt() -> tuple[object, object]:
        found = _class(channel, _webhook(url))
        never = (
            found is not None
            and found[2] == Outcome.REFUSED
            and (found[1] == Failure.NEVER or may_be_unknown)
        )
        return ("refused" if never else found), "refused"

    return attempt
