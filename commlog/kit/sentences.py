"""The sentence for each input fault, on pages and in the API, in one place."""

from collections.abc import Mapping

from notifications.faults import Fault, Malformed

NEEDS_CONTENT = "needs the permission “Read message content”"

# Each follows the name of a field. In braces stand the facts that come with the fault.
SENTENCES: Mapping[Fault, str] = {
    Fault.NOT_TEXT: "must be text",
    Fault.HOLDS_NUL: "contains a NUL character, which cannot be stored",
    Fault.HALF_OF_A_SURROGATE: "contains half of a surrogate pair at position {position}, which is not a "
    "character",
    Fault.TOO_LONG: "has {count:,} characters, at most {most:,} are allowed",
    Fault.ONE_LINE: "must be one line without control characters",
    Fault.CONTROL_CHARACTER: "contains a control character",
    Fault.NOT_A_KEY: "must be a key of 32 hexadecimal characters",
    Fault.NOT_A_FLAG: "must be true or false",
    Fault.MUST_BE_ONE_OF: "must be one of {allowed}",
    Fault.MISSING: "is missing",
    Fault.REFUSED_BY_CHANNEL: "{said}",
    Fault.NOT_UTF8: "is not UTF-8 at byte {byte}",
    Fault.NOT_AN_OBJECT: "must be an object, {{ … }}",
    Fault.NAMES_A_FIELD_TWICE: "names a field twice",
    Fault.JSON_SYNTAX: "{said} at line {line}, column {column}",
    Fault.JSON_TOO_DEEP: "is nested too deeply",
    Fault.TOO_MANY_DIGITS: "contains a number with too many digits",
    Fault.TOO_LARGE_A_NUMBER: "contains the number {number}, which is too large",
    Fault.NOT_JSON: "{name} is not JSON",
    Fault.NO_FIELD_OF_A_MESSAGE: "is not a field of a message",
    Fault.TYPE_MISSING: "is missing; it must be one of {allowed}",
    Fault.NEEDED_BY_CHANNEL: "is missing; {channel} needs it",
    Fault.NAMED_BY_ANOTHER_FIELD: "is not allowed: another field already names the {target}",
    Fault.SEVERAL_RECIPIENTS: "names more than one recipient; a message has one",
    Fault.NO_SUCH_ROW: "{target} not found: {value}",
    Fault.HEADERS_ARE_NO_OBJECT: "must be an object of names and values",
    Fault.NO_NAME_OF_AN_EVENT: "must be a name such as LOAN_REPAYMENT: at most 64 capital letters, digits "
    "and underscores",
    Fault.NEITHER_DESTINATION_NOR_RECIPIENT: "is missing, and so is a recipient whose address could be used",
    Fault.FOR_WEBHOOKS_ONLY: "is for webhooks only",
    Fault.COLON_IN_USERNAME: "contains a colon, which ends a username in Basic authentication",
    Fault.KEY_OF_ANOTHER_MESSAGE: "belongs to another message",
    Fault.ACCOUNT_WITHOUT_ADDRESS: "your account has no {what}",
    Fault.NO_SUCH_EVENT: "unknown event {name}",
    Fault.KEY_OF_ANOTHER_EVENT: "was used for another event before",
    Fault.TOO_MUCH_DATA: "has {count:,} values, at most {most} are allowed",
    Fault.DATA_TOO_DEEP: "is nested deeper than {most} levels",
    Fault.DATA_TWICE: "contains {name} twice",
    Fault.BAD_NAME_OF_DATA: "has the name {name!r}; names have letters, digits and underscores",
    Fault.LIST_IN_DATA: "contains a list at {name}; values must be text, numbers, true or false",
    Fault.NOT_FINITE: "is not a finite number",
    Fault.TOO_LONG_A_NUMBER: "is a number of more than {most} characters",
    Fault.NO_SUCH_FIELD: "unknown field",
    Fault.NO_SUCH_OPERATOR: "unknown operator {name}",
    Fault.OPERATOR_MISSING: "choose an operator",
    Fault.OPERATOR_OF_OTHER_KINDS: "{operator} is for fields of the kind {kinds}; this one is {kind}",
    Fault.TOO_MANY_CRITERIA: "there are {count:,}, at most {most} are allowed",
    Fault.TAKES_NO_VALUE: "{operator} takes no value",
    Fault.NO_VALUES: "enter at least one value",
    Fault.TOO_MANY_VALUES: "{count:,} values are given, at most {most:,} are allowed",
    Fault.NOT_TWO_VALUES: "enter two values, from and to",
    Fault.VALUE_MISSING: "enter a value",
    Fault.SEVERAL_VALUES: "enter one value only",
    Fault.NO_SUCH_VALUE: "unknown value {value}",
    Fault.NOT_A_NUMBER: "must be a whole number of at most nine digits",
    Fault.NOT_AN_AMOUNT: "must be an amount such as 1250.50, without separators",
    Fault.NOT_A_NUMBER_OF_DAYS: "must be a number of days from 1 to {most:,}",
    Fault.NOT_A_NUMBER_OF_HOURS: "must be a number of hours from 1 to {most:,}",
    Fault.TIME_WITHOUT_OFFSET: "a time needs its offset, such as 2026-11-24T09:14:00+01:00",
    Fault.NOT_A_MOMENT: "must be a day such as 2026-11-24 or a time such as 2026-11-24T09:14:00+01:00, from "
    "1970 to 2199",
    Fault.REVERSED: "the second value is before the first",
    Fault.NOBODY_OF_THAT_NAME: "no {whom} has this name or ID",
    Fault.NOBODY_CALLED: "no {whom} has the name or ID “{text}”",
    Fault.DIFFER_IN_CAPITALS: "several {whom}s have this ID in different capitals: enter it exactly "
    "({which})",
    Fault.SEVERAL_CALLED: "several match {text}: enter the ID ({which})",
    Fault.NAME_OF_ANOTHER_TEMPLATE: "belongs to another template",
    Fault.NOT_WRITTEN_BY_HAND: "only e-mails and SMS can be sent by hand",
    Fault.BY_HAND_HAS_NONE: "a template for manual messages has none",
    Fault.EVENT_MISSING: "is missing: choose the event that triggers it",
    Fault.WRONG_TARGET: "with this event and channel, it can apply to {fitting}",
    Fault.NO_TARGET_FITS: "nothing fits this event and channel: choose another event",
    Fault.NOT_THE_DAYS_TO_WAIT: "is a number of days from 0 to {most}",
    Fault.GOES_TO_NOBODY_ELSE: "only e-mails and SMS triggered by events can go to someone else",
    Fault.HAS_NO_MEMBERS: "only templates for groups can go to members",
    Fault.HAS_NO_CREDIT_OFFICER: "users have no credit officer",
    Fault.UNKNOWN_PLACEHOLDER: "contains a placeholder that cannot be filled in: {{{name}}}",
    Fault.UNKNOWN_PLACEHOLDERS: "contains placeholders that cannot be filled in: {names}",
    Fault.PLACEHOLDER_IN_CODE: (
        "contains {{{name}}} in a script, a style or the name of a tag or attribute; no value is "
        "allowed there"
    ),
    Fault.PLACEHOLDER_IN_HOST_OF_A_LINK: "contains {{{name}}} in the host of a link; placeholders are "
    "allowed only after it",
    Fault.PLACEHOLDER_IN_HOST: "has a placeholder in its host; placeholders are allowed only after it",
    Fault.SECRET_IN_PLAIN_SIGHT: "contains {{{name}|secret}}; secret values are allowed only in the text of "
    "e-mails and SMS that an event triggers",
    Fault.SECRET_SHOWN_ELSEWHERE: "contains {{{name}}}, which is marked secret elsewhere in the template: "
    "write {{{name}|secret}}",
    Fault.TOO_MANY_CONDITIONS: "are {count:,}, at most {most} are allowed",
    Fault.WRONG_CONDITION: "{name}: {wrong}",
    Fault.ONLY_MAILS_HAVE_ONE: "only e-mails have one",
    Fault.ONLY_MAILS_HAVE_HTML: "only e-mails have an HTML version",
    Fault.BLANK_HTML: "has no text and no image",
    Fault.TOO_LONG_TO_SEND: "has {count:,} characters, at most {most:,} can be sent",
    Fault.FILLED_IN_NO_JSON: "is not JSON once it is filled in: {said} at line {line}",
    Fault.FILLED_IN_TOO_DEEP: "is not JSON once it is filled in: it is nested too deeply",
    Fault.ONLY_WEBHOOKS_HAVE_IT: "only webhooks have it",
    Fault.ONLY_HOOKS_AND_STREAMS_HAVE_ONE: "only webhooks and streams have one",
    Fault.NOT_A_METHOD: "is one of {allowed}",
    Fault.NOT_A_CONTENT_TYPE: "is plain text, JSON or XML",
    Fault.URL_MISSING: "is missing: a webhook needs a URL",
    Fault.HOLDS_QUOTES: "contains quotes",
}

_VERBS = ("is ", "has ", "contains ", "are ", "belongs ")


def sentence(wrong: Malformed) -> str:
    """Return what is wrong, to follow the name of the field."""
    return SENTENCES[wrong.fault].format(**{name: _told(fact) for name, fact in wrong.facts.items()})


def with_field(wrong: Malformed) -> str:
    """Return which field is wrong, and what is wrong with it."""
    return f"{wrong.field}: {sentence(wrong)}"


def alone(said: str, *, of: str = "") -> str:
    """Return a sentence that stands alone on a page; before a verb comes the label `of` its field."""
    said = f"{of} {said}" if of and said.startswith(_VERBS) else said
    return f"{said[0].upper()}{said[1:]}".removesuffix(".") + "."


def _told(fact: object) -> object:
    if isinstance(fact, Malformed):
        return sentence(fact)
    return ", ".join(map(str, fact)) if isinstance(fact, tuple | list) else fact
