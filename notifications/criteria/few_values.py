"""Fields with few distinct values over all messages: senders, templates, events.

An index lists the values and holds the messages of each in the order of the log. It leaves out messages that
are not final, which spares the senders; live messages are found by their state.
"""

from django.db.models import BooleanField, ExpressionWrapper, Q
from django.db.models.expressions import RawSQL

from notifications.criteria.parsing import Criterion
from notifications.models import Message
from notifications.models.message import MOST_LEGS
from notifications.models.message_indexes import FEW_VALUES
from notifications.states import FINAL, LIVE

_INDEX_OF = {
    "sender": "message_sender",
    "resent_by": "message_resent_by",
    "event": "message_event",
    "template": "message_template",
    "template_name": "message_template",
}
_MOST_READ = 2_000  # values
_TABLE = Message._meta.db_table


def legs(criterion: Criterion, condition: Q) -> list[Q]:
    """Return conditions, each served by an index, that together equal `condition`, the criterion's.

    The criterion must not be a negation. The list is empty if the field is not one of these or if too many
    values match. One statement.
    """
    index = _INDEX_OF.get(criterion.field)
    if not index:
        return []
    names, _ = FEW_VALUES[index]
    one_of_each = RawSQL(_one_of_each(names), [_MOST_READ + 1])  # noqa: S611  names of ours
    there = Message._base_manager.filter(pk__in=one_of_each)
    is_meant = ExpressionWrapper(condition, BooleanField())
    values = list(there.annotate(is_meant=is_meant).values_list(*names, "is_meant"))
    meant = [each for *each, is_meant in values if is_meant]
    if len(values) > _MOST_READ or len(meant) > MOST_LEGS:
        return []
    final = [Q(**dict(zip(names, each, strict=True)), state__in=sorted(FINAL)) for each in meant]
    return final + [condition & Q(state=state) for state in sorted(LIVE)]


def _one_of_each(names: tuple[str, ...]) -> str:
    """Return the query for the id of one message per value, with one index probe each.

    The last id is NULL.
    """
    states = ", ".join(f"'{state}'" for state in sorted(FINAL))
    of_messages = {field.name: field for field in Message._meta.concrete_fields}
    fields = [of_messages[name] for name in names]
    some = f"m.{fields[0].column} " + ("IS NOT NULL" if fields[0].null else "<> ''")
    ordered, here = (", ".join(f"{table}.{each.column}" for each in fields) for table in ("m", "h"))
    there = f"SELECT m.id FROM {_TABLE} m WHERE m.state IN ({states}) AND {some}"  # noqa: S608
    begin = f"{there} ORDER BY {ordered} LIMIT 1"
    go_on = f"{there} AND ({ordered}) > ({here}) ORDER BY {ordered} LIMIT 1"
    return (
        f"WITH RECURSIVE one(id) AS (SELECT ({begin}) UNION ALL SELECT ({go_on}) FROM one "  # noqa: S608
        f"JOIN {_TABLE} h ON h.id = one.id) SELECT id FROM one LIMIT %s"
    )
