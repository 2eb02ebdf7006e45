"""Faults of input. Faces have the sentences (commlog/kit/sentences.py), the API the numbers."""

from enum import Enum, auto


class Fault(Enum):
    """The faults of a value. The comment behind each names the facts that come with it."""

    # of any text
    NOT_TEXT = auto()
    HOLDS_NUL = auto()
    HALF_OF_A_SURROGATE = auto()  # position
    TOO_LONG = auto()  # count, most
    ONE_LINE = auto()
    CONTROL_CHARACTER = auto()
    NOT_A_KEY = auto()
    NOT_A_FLAG = auto()
    MUST_BE_ONE_OF = auto()  # allowed
    MISSING = auto()
    REFUSED_BY_CHANNEL = auto()  # said

    # of JSON
    NOT_UTF8 = auto()  # byte
    NOT_AN_OBJECT = auto()
    NAMES_A_FIELD_TWICE = auto()
    JSON_SYNTAX = auto()  # said, line, column
    JSON_TOO_DEEP = auto()
    TOO_MANY_DIGITS = auto()
    TOO_LARGE_A_NUMBER = auto()  # number
    NOT_JSON = auto()  # name

    # of a message
    NO_FIELD_OF_A_MESSAGE = auto()
    TYPE_MISSING = auto()  # allowed
    NEEDED_BY_CHANNEL = auto()  # channel
    NAMED_BY_ANOTHER_FIELD = auto()  # target
    SEVERAL_RECIPIENTS = auto()
    NO_SUCH_ROW = auto()  # target, value
    HEADERS_ARE_NO_OBJECT = auto()
    NO_NAME_OF_AN_EVENT = auto()
    NEITHER_DESTINATION_NOR_RECIPIENT = auto()
    FOR_WEBHOOKS_ONLY = auto()
    COLON_IN_USERNAME = auto()
    KEY_OF_ANOTHER_MESSAGE = auto()
    ACCOUNT_WITHOUT_ADDRESS = auto()  # what

    # of an event and its data
    NO_SUCH_EVENT = auto()  # name
    KEY_OF_ANOTHER_EVENT = auto()
    TOO_MUCH_DATA = auto()  # count, most
    DATA_TOO_DEEP = auto()  # most
    DATA_TWICE = auto()  # name
    BAD_NAME_OF_DATA = auto()  # name
    LIST_IN_DATA = auto()  # name
    NOT_FINITE = auto()
    TOO_LONG_A_NUMBER = auto()  # most

    # of a criterion or a condition
    NO_SUCH_FIELD = auto()
    NO_SUCH_OPERATOR = auto()  # name
    OPERATOR_MISSING = auto()
    OPERATOR_OF_OTHER_KINDS = auto()  # operator, kinds, kind
    TOO_MANY_CRITERIA = auto()  # count, most
    TAKES_NO_VALUE = auto()  # operator
    NO_VALUES = auto()
    TOO_MANY_VALUES = auto()  # count, most
    NOT_TWO_VALUES = auto()
    VALUE_MISSING = auto()
    SEVERAL_VALUES = auto()
    NO_SUCH_VALUE = auto()  # value
    NOT_A_NUMBER = auto()
    NOT_AN_AMOUNT = auto()
    NOT_A_NUMBER_OF_DAYS = auto()  # most
    NOT_A_NUMBER_OF_HOURS = auto()  # most
    TIME_WITHOUT_OFFSET = auto()
    NOT_A_MOMENT = auto()
    REVERSED = auto()
    NOBODY_OF_THAT_NAME = auto()  # whom
    NOBODY_CALLED = auto()  # whom, text
    DIFFER_IN_CAPITALS = auto()  # whom, which
    SEVERAL_CALLED = auto()  # text, which

    # of a template
    NAME_OF_ANOTHER_TEMPLATE = auto()
    NOT_WRITTEN_BY_HAND = auto()
    BY_HAND_HAS_NONE = auto()
    EVENT_MISSING = auto()
    WRONG_TARGET = auto()  # fitting
    NO_TARGET_FITS = auto()
    NOT_THE_DAYS_TO_WAIT = auto()  # most
    GOES_TO_NOBODY_ELSE = auto()
    HAS_NO_MEMBERS = auto()
    HAS_NO_CREDIT_OFFICER = auto()
    UNKNOWN_PLACEHOLDER = auto()  # name
    UNKNOWN_PLACEHOLDERS = auto()  # names
    PLACEHOLDER_IN_CODE = auto()  # name
    PLACEHOLDER_IN_HOST_OF_A_LINK = auto()  # name
    PLACEHOLDER_IN_HOST = auto()
    SECRET_IN_PLAIN_SIGHT = auto()  # name
    SECRET_SHOWN_ELSEWHERE = auto()  # name
    TOO_MANY_CONDITIONS = auto()  # count, most
    WRONG_CONDITION = auto()  # name, wrong
    ONLY_MAILS_HAVE_ONE = auto()
    ONLY_MAILS_HAVE_HTML = auto()
    BLANK_HTML = auto()
    TOO_LONG_TO_SEND = auto()  # count, most
    FILLED_IN_NO_JSON = auto()  # said, line
    FILLED_IN_TOO_DEEP = auto()
    ONLY_WEBHOOKS_HAVE_IT = auto()
    ONLY_HOOKS_AND_STREAMS_HAVE_ONE = auto()
    NOT_A_METHOD = auto()  # allowed
    NOT_A_CONTENT_TYPE = auto()
    URL_MISSING = auto()
    HOLDS_QUOTES = auto()


class Malformed(ValueError):
    """A value that cannot be accepted: its field, the fault, and the facts about it."""

    def __init__(self, field: str, fault: Fault, **facts: object) -> None:
        super().__init__(field, fault, facts)
        self.field = field
        self.fault = fault
        self.facts = facts

    def __str__(self) -> str:
        """Return the refuser's words, or the fault, for logs: `text: too long (count 5, most 3)`."""
        facts = ", ".join(f"{name} {value}" for name, value in self.facts.items())
        named = self.fault.name.replace("_", " ").lower() + (f" ({facts})" if facts else "")
        return f"{self.field}: {self.facts.get('said', named)}"
