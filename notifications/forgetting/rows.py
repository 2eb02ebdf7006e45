"""Deletion of messages in whole chains, with everything that refers to them."""

from collections import Counter
from collections.abc import Collection, Iterator

from django.db.models import ForeignObjectRel, Model

from notifications.database.among import Among
from notifications.models import HeldMessage, Message
from notifications.words import filling

# As long as such a row is there, its message stays: the database refuses.
_KEEP = (HeldMessage,)


def dependents() -> Iterator[tuple[type[Model], str, bool]]:
    """Yield the references to messages: model, field, and whether the row can stay without the message."""
    for relation in Message._meta.get_fields(include_hidden=True):
        if not isinstance(relation, ForeignObjectRel):
            continue
        model, field = relation.related_model, relation.field
        if model is not Message and model not in _KEEP:
            yield model, field.name, field.null


def delete(pks: Collection[int]) -> Counter[str]:
    """Delete these messages with their attempts, receipts and other dependants, in the caller's transaction.

    Returns how many rows of each table were deleted. Pass whole chains: a remaining row that refers to a
    deleted one makes the transaction fail, and so does a legal hold.
    """
    gone: Counter[str] = Counter()
    if not pks:
        return gone
    filling.hold()  # else somebody may be writing their words
    for model, name, goes_on in dependents():
        theirs = model._base_manager.filter(Among(f"{name}_id", pks))
        if goes_on:
            theirs.update(**{name: None})
        else:
            gone[model._meta.db_table] += theirs._raw_delete(theirs.db)
    messages = Message._base_manager.filter(Among("pk", pks))
    gone[Message._meta.db_table] += messages._raw_delete(messages.db)
    return gone
