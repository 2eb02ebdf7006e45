"""Folds: a canonical form of names and addresses, stored in a column beside them for searching."""

from collections.abc import Iterable
from typing import Any

from django.db import models

from notifications.secrets.urls import shortened
from notifications.text.spelling import fold, stored_fold

LONGEST = 400  # characters of the fold of a person's name: an index cannot hold more than 2,700 octets


class FoldField(models.TextField):
    """The fold of other columns of the row, written with them. Migrations see a TextField.

    It is empty in rows older than the column until `notifications.cluster.backfill` has reached them, and in
    `sparse` fields whose fold differs from the text by the case of A to Z alone. Queries then compare the
    text itself.
    """

    db_returning = False  # its default is for those who insert rows and do not know the column yet

    def __init__(self, *of: str, sparse: bool = False, **kwargs: Any) -> None:
        kwargs.setdefault("db_default", "")
        kwargs.setdefault("editable", False)
        super().__init__(**kwargs)
        self.of, self.sparse = of, sparse

    def deconstruct(self) -> Any:
        """Deconstruct as a plain TextField, which the column is."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.TextField", args, kwargs

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        made = self.fold_of(getattr(model_instance, name) for name in self.of)
        setattr(model_instance, self.attname, made)
        return made

    def fold_of(self, texts: Iterable[str]) -> str:
        text = " ".join(texts).strip()
        if not self.sparse:
            return fold(text)[:LONGEST]
        # Of a webhook's URL what readers see: nobody feels the way into its secret path by asking for one
        # letter more.
        shown = shortened(text)
        return stored_fold(text) if shown == text else fold(shown)


class Folded(models.Model):
    """A row with folds, which are written whenever their source columns are."""

    class Meta:
        abstract = True

    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        """Save the row; `update_fields` need not name the folds."""
        if update_fields is not None:
            named = set(update_fields)
            update_fields = named | {each.name for each in folds_of(type(self)) if named & set(each.of)}
        super().save(*args, update_fields=update_fields, **kwargs)


class Filling(models.Model):
    """Progress of filling in a table's folds for rows older than the columns."""

    table = models.CharField(max_length=100, unique=True)  # notifications.message
    last_pk = models.BigIntegerField(default=0)
    began_at = models.DateTimeField(auto_now_add=True)
    done = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"{self.table} {'done' if self.done else self.last_pk}"


def folds_of(model: type[models.Model]) -> list[FoldField]:
    """Return the fold fields of a model."""
    return [each for each in model._meta.concrete_fields if isinstance(each, FoldField)]
