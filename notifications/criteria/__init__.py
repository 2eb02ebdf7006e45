"""The language of criteria (field, operator, values) for filters, custom views, bulk resends and the API."""

from notifications.criteria.containing import contains
from notifications.criteria.descriptions import in_words
from notifications.criteria.fields import BY_API_NAME, FIELDS, Field
from notifications.criteria.operators import (
    COUNTED_BACK,
    OPERATORS,
    WITH_LIST,
    WITHOUT_VALUE,
    Kind,
    Match,
    Operator,
)
from notifications.criteria.parsing import (
    LONGEST,
    MOST_CRITERIA,
    MOST_VALUES,
    Criterion,
    check_all,
    operator_of,
    parse,
)
from notifications.criteria.queries import narrow, to_q
from notifications.criteria.spans import bounds
from notifications.criteria.spelled import named, numbered, referred, sent_to, sent_to_international

__all__ = [
    "BY_API_NAME",
    "COUNTED_BACK",
    "FIELDS",
    "LONGEST",
    "MOST_CRITERIA",
    "MOST_VALUES",
    "OPERATORS",
    "WITHOUT_VALUE",
    "WITH_LIST",
    "Criterion",
    "Field",
    "Kind",
    "Match",
    "Operator",
    "bounds",
    "check_all",
    "contains",
    "in_words",
    "named",
    "narrow",
    "numbered",
    "operator_of",
    "parse",
    "referred",
    "sent_to",
    "sent_to_international",
    "to_q",
]
