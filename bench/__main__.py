"""python -m bench [NAME …] [--server URL]: without a name, everything that takes less than a few minutes."""

import argparse
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench import (
    api,
    backlog,
    events,
    exports,
    failover,
    hanging,
    idle,
    intake,
    log,
    neighbours,
    once,
    outage,
    quiet_lanes,
    resends,
    retention,
    retries,
    search_lag,
    sign_ins,
    streams,
    ten_million,
    throttle,
    throughput,
    walks,
    watchers,
)
from bench.installation import Installation, installed

PROGRAMMES: dict[str, tuple[str, Callable[[Installation], None]]] = {
    "once": ("1,000 mixed messages: each received once, one attempt each", once.run),
    "throttle": (
        "a mail server that takes fourteen mails a second, and one that takes ten a session",
        throttle.run,
    ),
    "hanging": ("one destination that hangs for ever beside nine good ones", hanging.run),
    "neighbours": (
        "broken destinations beside healthy ones of one lane, and an outage of ten minutes",
        neighbours.run,
    ),
    "outage": ("every provider down, then refusing, for ten minutes; one action", outage.run),
    "outage-killed": ("the same, while senders are killed twice", partial(outage.run, kills=True)),
    "quiet-lanes": ("lanes of ten messages an hour, down and refusing: when that is seen", quiet_lanes.run),
    "idle": ("a cluster with nothing to do: its share of a core, and how soon a message leaves", idle.run),
    "throughput": ("e-mail, webhooks and SMS beside bare loops and another mail queue", throughput.run),
    "backlog": ("300,000 due messages beside 2,000, where PostgreSQL knows of none", backlog.run),
    "export": (
        "an export of many messages beside a bare loop of openpyxl, and the memory of each",
        exports.run,
    ),
    "log": ("the pages of the log over many messages beside the same pages over ten thousand", log.run),
    "ten_million": (
        "what is found at once over many messages, beside the same over ten thousand",
        ten_million.run,
    ),
    "api": ("the API over many messages: pages, and a walk by cursor", partial(api.run, rows=exports.ROWS)),
    "walks": (
        "20,000 messages read over the API by offset and by cursor while 1,000 more arrive: each once, in "
        "order",
        walks.run,
    ),
    "intake": (
        "messages sent by the API in lists and one by one, beside a bare COPY and a bare INSERT",
        intake.run,
    ),
    "events": ("10,000 business events in bulk: how many messages a second come of them", events.run),
    "resend": (
        "50,000 failed messages resent at once: paused, a worker killed, run twice, one cancelled",
        resends.run,
    ),
    "search-lag": (
        "2,000 messages at once, then 200 a second: how soon the table of words has theirs",
        search_lag.run,
    ),
    "sign-ins": ("30 wrong sign-ins at once: how long everybody else waits", sign_ins.run),
    "watchers": ("200 open logs beside one that is read, and 100 of 50 changing rows each", watchers.run),
    "streams": (
        "events to readers that come, go and die, while senders are killed; how fast they go",
        streams.run,
    ),
    "retention": (
        "a night of retention while 200 messages a second are sent, and one whose workers are killed",
        retention.run,
    ),
    "failover": (
        "the database's primary killed and its standby promoted, with both kinds of replication",
        failover.run,
    ),
    "retries": ("providers that always fail: six attempts, and how late each one starts", retries.run),
}

ONLY_BY_NAME = ("failover",)  # it brings servers of its own


def main() -> int:
    """Run the programmes on SQLite, and on PostgreSQL if a server is given."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "names", nargs="*", choices=[[], *PROGRAMMES], metavar="NAME", help=", ".join(PROGRAMMES)
    )
    parser.add_argument(
        "--server",
        default="",
        help="a PostgreSQL server, postgres://user@host:5432/postgres; default: SQLite only",
    )
    parser.add_argument("--only", action="store_true", help="on that server alone")
    parser.add_argument(
        "--rows",
        type=int,
        default=0,
        help=f"of export, log, watchers and api ({exports.ROWS:,}), of backlog ({backlog.LOG:,}), streams "
        f"({streams.EVENTS:,}) and retention ({retention.ROWS:,})",
    )
    parser.add_argument(
        "--burners",
        type=int,
        default=0,
        metavar="N",
        help="of backlog: so many other processes that want all of a processor",
    )
    parser.add_argument(
        "--keep",
        action="store_true",
        help="of log, ten_million and retention: leave the databases on the server",
    )
    parser.add_argument(
        "--seconds",
        type=int,
        default=0,
        help=f"that an outage lasts ({outage.SECONDS}), or an idle cluster is looked at ({idle.SECONDS})",
    )
    parser.add_argument(
        "--gap",
        type=int,
        default=quiet_lanes.GAP,
        help="of quiet-lanes: seconds between two messages (default: %(default)s)",
    )
    options = parser.parse_args()
    rows = options.rows or exports.ROWS
    programmes = PROGRAMMES | {
        "backlog": (
            PROGRAMMES["backlog"][0],
            partial(backlog.run, rows=options.rows or backlog.LOG, burners=options.burners),
        ),
        "export": (PROGRAMMES["export"][0], partial(exports.run, rows=rows)),
        "idle": (PROGRAMMES["idle"][0], partial(idle.run, seconds=options.seconds or idle.SECONDS)),
        "outage": (PROGRAMMES["outage"][0], partial(outage.run, seconds=options.seconds or outage.SECONDS)),
        "outage-killed": (
            PROGRAMMES["outage-killed"][0],
            partial(outage.run, seconds=options.seconds or outage.SECONDS, kills=True),
        ),
        "quiet-lanes": (PROGRAMMES["quiet-lanes"][0], partial(quiet_lanes.run, gap=options.gap)),
        "api": (PROGRAMMES["api"][0], partial(api.run, rows=rows, keep=options.keep)),
        "watchers": (PROGRAMMES["watchers"][0], partial(watchers.run, rows=rows)),
        "streams": (PROGRAMMES["streams"][0], partial(streams.run, rows=options.rows)),
        "retention": (
            PROGRAMMES["retention"][0],
            partial(retention.run, rows=options.rows or retention.ROWS, keep=options.keep),
        ),
        "log": (PROGRAMMES["log"][0], partial(log.run, rows=rows, keep=options.keep)),
        "ten_million": (
            PROGRAMMES["ten_million"][0],
            partial(ten_million.run, rows=options.rows or ten_million.ROWS, keep=options.keep),
        ),
    }
    for server in [options.server] if options.only else dict.fromkeys(["", options.server]):
        for name in options.names or [each for each in PROGRAMMES if each not in ONLY_BY_NAME]:
            title, run = programmes[name]
            print(f"\n{name} on {'PostgreSQL' if server else 'SQLite'}: {title}", flush=True)
            with (
                tempfile.TemporaryDirectory() as directory,
                installed(Path(directory), server) as installation,
            ):
                run(installation)
    return 0


if __name__ == "__main__":
    sys.exit(main())
