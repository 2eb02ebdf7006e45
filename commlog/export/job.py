"""Export jobs: restarted if the worker is lost; the file is kept for a day."""

import time
from tempfile import TemporaryFile
from typing import IO, cast

from django.core.files import File
from django.db import transaction
from django.utils import timezone

from commlog import audit, permissions
from commlog.access import recording
from commlog.audit import AuditAction
from commlog.export import orders
from commlog.export.about import Notes
from commlog.export.orders import Format, Order, Plan
from commlog.export.storage import storage
from commlog.export.watched import Watched
from commlog.jobs import Refused, Turn
from commlog.models.access_record import Access
from commlog.models.export_file import KEPT, ExportFile, FileChunk
from notifications.database import replica

_STEP = 1.0  # seconds
_PATIENCE = 5.0
_LONGEST = 3_600.0
_ANEW = "This export was restarted because its first worker was lost. The file is complete."


def run(turn: Turn) -> None:
    """Write and store the file. Its owner must still be allowed to export and to read that log."""
    job = turn.job
    if not permissions.may_export(job.owner):
        raise Refused(f"{job.owner.name} no longer has the permission to export.")
    for token in range(1, job.token):
        storage().delete(_name(turn, token))  # what a lost worker left behind
    order, remark = Order(**job.options), _ANEW if job.losses else ""
    with TemporaryFile() as target:
        steps = _Steps(turn)

        def write() -> tuple[Plan, Notes]:
            return orders.write(
                order, turn.chosen(), target, user=job.owner, remark=remark, watch=steps.watch
            )

        # What there was when it was asked for must be there.
        planned, notes = replica.read(write, after=replica.position(), patience=_PATIENCE, longest=_LONGEST)
        _keep(turn, planned.order, notes, File(cast(IO[bytes], Watched(target, steps.go_on)), "export"))


class _Steps:
    """Records the job's progress, once a second."""

    def __init__(self, turn: Turn) -> None:
        self._turn, self._last, self._at = turn, 0.0, (0, 0)

    def watch(self, done: int, total: int) -> None:
        """Record the number of rows written. Raises Stop if the job was cancelled."""
        self._at = done, total
        self.go_on()

    def go_on(self) -> None:
        if time.monotonic() - self._last >= _STEP:
            self._last = time.monotonic()
            done, total = self._at
            self._turn.step(done=done, total=total)


def _keep(turn: Turn, order: Order, notes: Notes, content: File) -> None:
    job, stored_as = turn.job, _name(turn, turn.job.token)
    content.seek(0)
    try:
        stored_as = storage().save(stored_as, content)
        with transaction.atomic():
            turn.record(done=notes.rows, total=notes.rows)
            turn.check()
            made = ExportFile.objects.create(
                job=job,
                owner=job.owner,
                stored_as=stored_as,
                name=order.file_name,
                media_type=Format(order.format).media_type,
                size=content.size,
                rows=notes.rows,
            )
            if notes.messages:
                recording.record(job.owner, Access.EXPORTED, notes.messages.tolist(), about=job.key.hex)
            audit.record(
                job.owner,
                AuditAction.EXPORTED,
                made,
                after={"filter": job.words, "messages": notes.rows, "bytes": made.size},
            )
    except BaseException:
        storage().delete(stored_as)
        raise


def _name(turn: Turn, token: int) -> str:
    """Return a file name of this turn: a worker taken for lost that returns must not overwrite another's
    file.
    """
    return f"{turn.job.key.hex}-{token}.{turn.job.options['format']}"


def sweep() -> int:
    """Delete files older than a day (a task of django-q2, every hour). Return how many."""
    ended = timezone.now() - KEPT
    old = list(ExportFile.objects.filter(created_at__lt=ended))
    for file in old:
        storage().delete(file.stored_as)
        file.delete()
    kept = ExportFile.objects.values("stored_as")
    # Of exports that were never finished.
    FileChunk.objects.filter(created_at__lt=ended).exclude(name__in=kept).delete()
    return len(old)
