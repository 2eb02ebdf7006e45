"""A django-q2 broker whose queue is the message table: no second queue can diverge from it.

Long work that is not sending has a table of its own too: `settings.LONG_WORK` names the function that claims
some of it, the one that says what of it is open, and the one that says whether it stands still.
"""

import time
from typing import Any

from django.conf import settings
from django.db import Error, connection
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.brokers.orm import ORM
from django_q.humanhash import uuid
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from notifications import delivery, receipts
from notifications.cluster.idle import Rest
from notifications.database import availability
from notifications.database.cached_sql import CachedExists
from notifications.database.clock import db_now
from notifications.database.commits import committed
from notifications.delivery import circuits
from notifications.lanes import openings
from notifications.restored import holding
from notifications.states import MessageType

_NOT_QUEUED = 0  # a drain's id in the queue: there is nothing to acknowledge
_MARK_EVERY = 1.0  # seconds
_DATABASE_GONE = 1.0  # seconds to wait before asking a database again that did not answer
_LONG_WORK_EVERY = 0.5  # seconds between two looks for it

_ANYTHING_ELSE = CachedExists(lambda: [OrmQ.objects.all(), *import_string(settings.LONG_WORK["open"])()])

Package = tuple[int, str]


class MessageBroker(ORM):
    """A broker that hands out drains while messages are due, besides the ORM broker's ordinary tasks."""

    _looked = 0.0  # when long work was looked for last

    _mark_at = 0.0

    _resting: Rest | None = None  # a broker is carried to its process without it

    def dequeue(self) -> list[Package] | None:
        """Return an ordinary task, if any, and one drain for each channel with due work.

        Sleeps for the poll interval first. Returns None if there is nothing to do.
        """
        rest = self._resting = self._resting or Rest()
        try:
            rest.wait(settings.Q_CLUSTER["poll"])
            if rest.goes_on():
                return None
            seen = committed()
            self._look()
            packages = self._ordinary() + [
                _package("notifications.tasks.drain", channel) for channel in _channels_with_work()
            ]
            if not packages:
                rest.begin(seen)
        except Error as error:
            # The stock pusher sleeps 10 s and dies on any error; the database is usually back sooner.
            availability.note(error)
            connection.close()
            self._mark_at = 0.0  # whatever answers next may be another database
            time.sleep(_DATABASE_GONE)
            return None
        return packages or None

    def _look(self) -> None:
        """Once a second, look for a restored database, and mark due messages on held lanes as WAITING."""
        if time.monotonic() >= self._mark_at:
            now = db_now()
            if not holding.look(now):
                circuits.close_quiet(now)
                openings.mark_held(now)
            self._mark_at = time.monotonic() + _MARK_EVERY

    def _ordinary(self) -> list[Package]:
        """Return the next ordinary task, or long work, unless all workers but one are busy with such.

        The last worker is for sending.
        """
        if not _ANYTHING_ELSE.found():
            return []
        now = timezone.now()
        queue = self.get_connection().filter(key=self.list_key)
        task = queue.filter(lock__lt=now).order_by("lock", "id").first()
        if task is None and time.monotonic() - self._looked < _LONG_WORK_EVERY:
            return []
        room = settings.SENDER_WORKERS - 1 - queue.filter(lock__gte=now).count()
        if room <= 0:
            return []
        if task is None:
            return self._long_work(room)
        taken = queue.filter(pk=task.pk, lock=task.lock).update(lock=self.timeout(task))
        return [(task.pk, task.payload)] if taken else []

    def _long_work(self, room: int) -> list[Package]:
        self._looked = time.monotonic()
        claimed = import_string(settings.LONG_WORK["claim"])(room)
        if claimed is None:
            return []
        function, arguments, longest = claimed
        return [_package(function, *arguments, timeout=longest)]

    def acknowledge(self, task_id: int) -> Any:
        """Remove a finished ordinary task; drains and long work were never queued."""
        return super().acknowledge(task_id) if task_id != _NOT_QUEUED else None

    def fail(self, task_id: int) -> Any:
        """Remove a task that cannot be read; drains were never queued."""
        return super().fail(task_id) if task_id != _NOT_QUEUED else None


def _channels_with_work() -> list[str]:
    now = db_now()
    channels = sorted({opening.channel.value for opening in openings.openings(now)})
    if not channels and (delivery.lapsed(now) or receipts.overdue(now)):
        # A drain begins by bringing lapsed claims and overdue receipts on, whatever its channel.
        channels = [min(MessageType).value]
    return channels


def _package(function: str, *arguments: Any, **options: Any) -> Package:
    name, identity = uuid()
    task = {
        "id": identity,
        "name": name,
        "func": function,
        "args": arguments,
        "kwargs": {},
        "started": timezone.now(),
        "ack_failure": True,
        **options,
    }
    return _NOT_QUEUED, SignedPackage.dumps(task)
