"""Archive files of deleted rows, if RETENTION_STORAGE is set: gzip JSON lines, written before the
deletion.
"""

import gzip
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from tempfile import TemporaryFile
from typing import IO, Any, cast

from django.conf import settings
from django.core.files import File
from django.core.files.storage import storages
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Model

from commlog.models import RetentionFile, RetentionRun
from commlog.models.retention import Kept
from notifications.forgetting.rows import dependents
from notifications.models import Attempt, DeliveryReceipt, Message

ALIAS = "retention"
# Passwords of webhooks are of no use in a file, and of harm.
_LEFT_OUT = {"auth_password"}
_WITH_MESSAGE = (Attempt, DeliveryReceipt)


def wanted() -> bool:
    return bool(settings.STORAGES[ALIAS]["BACKEND"])


def keep_messages(run: RetentionRun, what: Kept, pks: Sequence[int]) -> None:
    """Write a file of these messages, with their attempts and receipts if whole rows are deleted."""
    with_rows = [model for model, *_ in dependents() if model in _WITH_MESSAGE and what == Kept.MESSAGES]
    keep(run, what, _lines_of_messages(pks, with_rows))


def keep(run: RetentionRun, what: Kept, rows: Iterable[dict[str, Any]]) -> RetentionFile | None:
    """Write a file of these rows and record its size, count and hash. Without rows there is no file."""
    digest, count = hashlib.sha256(), 0
    with TemporaryFile() as target:
        with gzip.GzipFile(fileobj=target, mode="wb", mtime=0) as packed:
            for row in rows:
                count += 1
                packed.write(json.dumps(row, cls=DjangoJSONEncoder, ensure_ascii=False).encode() + b"\n")
        if not count:
            return None
        size = target.tell()
        target.seek(0)
        while chunk := target.read(1 << 20):
            digest.update(chunk)
        target.seek(0)
        number = run.files.count() + 1
        wished = f"{run.as_of:%Y/%m/%d}/{what.lower()}-{run.key.hex[:8]}-{number:05}.jsonl.gz"
        name = storages[ALIAS].save(wished, File(cast(IO[bytes], target), wished))
        return RetentionFile.objects.create(
            run=run, name=name, what=what, rows=count, size=size, sha256=digest.hexdigest()
        )


def row_of(model: type[Model], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row as written to a file: its table, and its columns that are not empty."""
    said = {
        name: value
        for name, value in values.items()
        if name not in _LEFT_OUT and value not in (None, "", {}, [])
    }
    return {"table": model._meta.db_table, **said}


def _lines_of_messages(pks: Sequence[int], models: Sequence[type[Model]]) -> Iterator[dict[str, Any]]:
    for message in Message.objects.filter(pk__in=pks).order_by("pk").values().iterator():
        yield row_of(Message, message)
    for model in models:
        for row in model._default_manager.filter(message__in=pks).order_by("pk").values().iterator():
            yield row_of(model, row)
