"""The id that was given out last."""

from typing import Any

from django.db.models import Model


def newest_id(model: type[Model]) -> int:
    """The largest id of the model's committed rows; 0 where there is none. One look into the primary key."""
    newest: Any = model._default_manager.order_by("-pk").values_list("pk", flat=True).first()
    return newest or 0
