"""The newest id of a table."""

from typing import Any

from django.db.models import Model


def newest_id(model: type[Model]) -> int:
    """Return the largest id of the model's committed rows; 0 if there are none.

    One look into the primary key.
    """
    newest: Any = model._default_manager.order_by("-pk").values_list("pk", flat=True).first()
    return newest or 0
