"""The supervisor: runs a qcluster in its own process group and restarts it when work stalls.

A django-q2 cluster can look alive and run nothing: a killed worker may hold the queue's lock for ever, after
which SIGTERM is ignored too; workers outlive a killed parent. So the work itself is watched.
"""

import ctypes
import logging
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from threading import Thread

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils.module_loading import import_string

from notifications.cluster import health
from notifications.cluster.idle import Rest
from notifications.database import availability
from notifications.database.clock import db_now
from notifications.database.commits import committed
from notifications.delivery import leases
from notifications.incidents import detection
from notifications.models import Attempt
from notifications.process import CLUSTER, Wish, this_process
from notifications.rollups import samples
from notifications.words import indexing
from notifications.words.indexing import Settled

logger = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1  # prctl(2)
_HOME = Path(__file__).resolve().parents[2]  # where the packages are, whatever the working directory
PATIENCE = timedelta(seconds=8)  # of standing still before the cluster is started anew
STOP_WITHIN = 75.0  # seconds for what is under way to finish: the longest deadline of a send is 60
_GRACE = 5.0  # seconds for a cluster with nothing under way to stop by itself
_LOOK = 0.5  # seconds between looks
_WATCH = 2.0  # seconds between looks at lanes that fail
_LATE = timedelta(seconds=1)  # for which a message may have been due before sending counts as busy
_GIVES_WAY = 9  # times as long as what can wait took it rests then
_START = timedelta(seconds=12)  # a new cluster's time to get going before it is judged
_LONGEST_BACK_OFF = 5.0  # seconds
_STEADY = 60.0  # seconds after which a cluster has proved itself and back-off begins anew


class Supervisor:
    """The supervisor of one cluster. Runs until `stop` is called, for instance from a signal handler."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._wish = Wish()
        self._resting = Rest()
        self._cluster: subprocess.Popen[bytes] | None = None
        self._workers = ""  # how the names of its workers begin
        self._started = 0.0
        self._back_off = 0.0
        self._watched = 0.0

    def stop(self) -> None:
        """Finish what is under way, then return from `run`. Safe in a signal handler."""
        self._wish.make()

    def run(self) -> None:
        """Wait for the database, keep a cluster running, and stop it on request."""
        self._wait_for_database()
        while not self._wish.is_made:
            if self._cluster is None:
                self._start()
            elif trouble := self._look():
                logger.error("the cluster is started anew: %s", trouble)
                self._kill()
                self._pause()
            self._wish.wait(_LOOK)
        self._end()

    def sample(self) -> None:
        """Sample the slow counts until asked to stop.

        Runs on its own thread: a count may take longer than a stalled cluster may go unnoticed.
        """
        while not self._wish.is_made:
            at_work = self._cluster is not None and self._cluster.poll() is None
            samples.sample(this_process.name(), settings.SENDER_WORKERS if at_work else 0)
            self._wish.wait(samples.EVERY)

    def fill_words(self) -> None:
        """Fill the search index of messages' words until asked to stop.

        Runs on its own thread, which leaves the database and the processors to others most of the time.
        """
        settled = Settled()
        while not self._wish.is_made:
            rest = indexing.turn(settled)
            self._wish.wait(
                rest * _GIVES_WAY if rest < indexing.REST_OF_A_SUPERVISOR and _is_late() else rest
            )

    def _wait_for_database(self) -> None:
        said = ""
        while not self._wish.is_made:
            lacking = _database_lacks()
            if not lacking:
                return
            if lacking != said:
                logger.warning("waiting: %s", lacking)
                said = lacking
            self._wish.wait(1.0)

    def _start(self) -> None:
        paths = [str(_HOME), *filter(None, [os.environ.get("PYTHONPATH")])]
        name = secrets.token_hex(4)
        self._workers = this_process.of(name)
        environment = (
            os.environ | {"PYTHONPATH": os.pathsep.join(paths), CLUSTER: name} | self._wish.environment
        )
        self._cluster = subprocess.Popen(  # noqa: S603 - our own command
            self._command,
            start_new_session=True,
            env=environment,
            pass_fds=(self._wish.inherited,),
            preexec_fn=_stop_with_the_supervisor,
        )
        self._started = time.monotonic()
        logger.info("started a cluster, process group %s", self._cluster.pid)

    def _look(self) -> str:
        """Return why the cluster must be restarted; "" if it is well or nobody can say.

        During a rest only its main process is checked.
        """
        if self._cluster is None or self._cluster.poll() is not None:
            return "its main process ended"
        try:
            if self._resting.goes_on():
                return ""
            seen = committed()
            if trouble := self._stands_still():
                return trouble
            held = self._end_leases()
            self._watch_lanes()
            if not held:
                self._resting.begin(seen)
        except DatabaseError:
            connection.close()  # the database is in trouble, not the cluster; leases end by themselves
        return ""

    def _stands_still(self) -> str:
        if time.monotonic() - self._started < _START.total_seconds():
            return ""
        now = db_now()
        if health.stalled(now, patience=PATIENCE) and not _database_in_trouble():
            return f"due work has stood still for {PATIENCE.total_seconds():.0f} s"
        # Where something is being sent the workers live, and a restart would cut it off.
        since = now - timedelta(seconds=time.monotonic() - self._started)
        stalled = import_string(settings.LONG_WORK["stalled"])(now, patience=PATIENCE, since=since)
        return (
            "long work has stood still, and nothing is being sent"
            if stalled and not self._under_way()
            else ""
        )

    def _pause(self) -> None:
        if time.monotonic() - self._started > _STEADY:
            self._back_off = 0.0
        self._wish.wait(self._back_off)
        self._back_off = min(_LONGEST_BACK_OFF, max(1.0, self._back_off * 2))

    def _end(self) -> None:
        """Forward the stop, and kill a cluster that does not stop although nothing is under way."""
        cluster = self._cluster
        if cluster is None:
            return
        if cluster.poll() is None:
            cluster.send_signal(signal.SIGTERM)
        asked = time.monotonic()
        idle_since = asked
        while cluster.poll() is None:
            now = time.monotonic()
            if self._under_way():
                idle_since = now
            if now - asked > STOP_WITHIN or now - idle_since > _GRACE:
                logger.error("the cluster did not stop by itself")
                break
            time.sleep(0.1)
        self._kill()

    def _kill(self) -> None:
        """Kill the whole process group: workers outlive their parent."""
        cluster = self._cluster
        if cluster is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(cluster.pid, signal.SIGKILL)
        cluster.wait()
        self._cluster = None
        try:
            self._end_leases(of_the_cluster=True)
        except DatabaseError:
            connection.close()  # they end by themselves

    def _end_leases(self, *, of_the_cluster: bool = False) -> bool:
        """End the leases of dead workers on this machine, which no other machine can detect.

        Returns whether any worker on this machine held a message.
        """
        those = _holding(this_process.here())
        gone = [
            name
            for name in those
            if (of_the_cluster and name.startswith(self._workers)) or this_process.knows_dead(name)
        ]
        if gone:
            leases.end_those_of(gone, db_now())
        return bool(those)

    def _watch_lanes(self) -> None:
        """Open and close incidents."""
        if time.monotonic() - self._watched >= _WATCH:
            self._watched = time.monotonic()
            detection.watch(db_now())

    def _under_way(self) -> bool:
        """Return whether a worker of the cluster holds a message. Unknown counts as yes."""
        try:
            return not all(map(this_process.knows_dead, _holding(self._workers)))
        except DatabaseError:
            connection.close()
            return True


def _holding(prefix: str) -> list[str]:
    """Return the workers with this prefix that have open attempts with unexpired leases."""
    attempts = Attempt.objects.filter(
        outcome="", worker__startswith=prefix, message__lease_until__gt=db_now()
    )
    return list(attempts.order_by("worker").values_list("worker", flat=True).distinct())


def _stop_with_the_supervisor() -> None:
    """Have Linux send SIGTERM to this child when the supervisor is killed."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def supervise(install_signals: Callable[[Callable[[], None]], None]) -> None:
    """Run the stock `qcluster` command under a supervisor.

    `install_signals` is given the function that stops it.
    """
    supervisor = Supervisor([sys.executable, "-m", "django", "qcluster"])
    install_signals(supervisor.stop)
    for task in (supervisor.sample, supervisor.fill_words):
        Thread(target=task, daemon=True).start()
    supervisor.run()


def _is_late() -> bool:
    """Return whether messages wait for a sender; then other work leaves the processors to sending."""
    try:
        return health.is_late(db_now(), by=_LATE)
    except DatabaseError:
        connection.close()
        return True


def _database_in_trouble() -> bool:
    """Return whether nothing can be written: killing a cluster would then lose what it is sending."""
    trouble = availability.trouble()
    if trouble:
        availability.say(trouble)
    return trouble is not None


def _database_lacks() -> str:
    """Return what keeps the senders from starting; "" if nothing does."""
    try:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return "the database lacks migrations: run manage.py migrate"
    except DatabaseError as error:
        connection.close()
        return f"the database does not answer ({type(error).__name__})"
    return ""
