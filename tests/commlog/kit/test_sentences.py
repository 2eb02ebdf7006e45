"""A fault has one sentence, told with the facts that it brings."""

import ast
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from commlog.kit.sentences import SENTENCES, alone, sentence, with_field
from notifications.faults import Fault, Malformed

ROOT = Path(__file__).resolve().parents[3]
ABOUT_FAULTS = {"notifications/faults.py", "commlog/kit/sentences.py", "commlog/api/codes.py"}


def _product() -> Iterator[ast.AST]:
    for package in ("commlog", "notifications"):
        for path in (ROOT / package).rglob("*.py"):
            if str(path.relative_to(ROOT)) not in ABOUT_FAULTS:
                yield from ast.walk(ast.parse(path.read_text()))


def _named(node: ast.AST) -> set[Fault]:
    """The faults that a piece of code names."""
    return {
        Fault[each.attr]
        for each in ast.walk(node)
        if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name) and each.value.id == "Fault"
    }


def test_every_fault_has_a_sentence_and_is_found_somewhere() -> None:
    nodes = [node for node in _product() if isinstance(node, ast.Attribute)]
    assert set(SENTENCES) == set(Fault) == {fault for node in nodes for fault in _named(node)}


def test_every_fault_brings_the_facts_that_its_sentence_tells() -> None:
    calls = [
        node
        for node in _product()
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Malformed"
    ]
    brought = {
        (fault, frozenset(str(keyword.arg) for keyword in call.keywords))
        for call in calls
        for fault in _named(call.args[1])
    }
    told = {
        (fault, frozenset(name for _, name, _, _ in Formatter().parse(said) if name))
        for fault, said in SENTENCES.items()
    }
    # returned, not raised
    assert {fault for fault, _ in brought} == set(Fault) - {Fault.COLON_IN_USERNAME, Fault.CONTROL_CHARACTER}
    assert brought <= told


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (Malformed("field", Fault.NO_SUCH_FIELD), "unknown field"),
        (Malformed("field", Fault.OPERATOR_MISSING), "choose an operator"),
        (Malformed("field", Fault.NO_SUCH_OPERATOR, name="LIKES"), "unknown operator LIKES"),
        (Malformed("field", Fault.OPERATOR_OF_OTHER_KINDS, operator="CONTAINS",
                   kinds=("STRING", "TEXT"), kind="ENUM"),
         "CONTAINS is for fields of the kind STRING, TEXT; this one is ENUM"),
        (Malformed("field", Fault.NO_SUCH_VALUE, value="NOPE"), "unknown value NOPE"),
        (Malformed("field", Fault.VALUE_MISSING), "enter a value"),
        (Malformed("field", Fault.SEVERAL_VALUES), "enter one value only"),
        (Malformed("field", Fault.NO_VALUES), "enter at least one value"),
        (Malformed("field", Fault.TOO_MANY_VALUES, count=1001, most=1000), "1,001 values are given, at most "
                                                                           "1,000 are allowed"),
        (Malformed("field", Fault.TAKES_NO_VALUE, operator="EMPTY"), "EMPTY takes no value"),
        (Malformed("field", Fault.TOO_LONG, count=501, most=500), "has 501 characters, at most 500 are "
                                                                  "allowed"),
        (Malformed("field", Fault.HOLDS_NUL), "contains a NUL character, which cannot be stored"),
        (Malformed("field", Fault.HALF_OF_A_SURROGATE, position=0),
         "contains half of a surrogate pair at position 0, which is not a character"),
        (Malformed("field", Fault.NOT_A_KEY), "must be a key of 32 hexadecimal characters"),
        (Malformed("field", Fault.NOT_A_NUMBER), "must be a whole number of at most nine digits"),
        (Malformed("field", Fault.REVERSED), "the second value is before the first"),
        (Malformed("field", Fault.NOT_TWO_VALUES), "enter two values, from and to"),
        (Malformed("field", Fault.NOT_A_FLAG), "must be true or false"),
        (Malformed("field", Fault.NOT_A_NUMBER_OF_DAYS, most=36500), "must be a number of days from 1 to "
                                                                     "36,500"),
        (Malformed("field", Fault.NOT_A_NUMBER_OF_HOURS, most=9), "must be a number of hours from 1 to 9"),
        (Malformed("field", Fault.MISSING), "is missing"),
        (Malformed("field", Fault.ONE_LINE), "must be one line without control characters"),
        (Malformed("field", Fault.BLANK_HTML), "has no text and no image"),
        (Malformed("field", Fault.UNKNOWN_PLACEHOLDER, name="CLIENT_NAM"),
         "contains a placeholder that cannot be filled in: {CLIENT_NAM}"),
        (Malformed("field", Fault.UNKNOWN_PLACEHOLDERS, names=("{a}", "{B}")),
         "contains placeholders that cannot be filled in: {a}, {B}"),
        (Malformed("field", Fault.PLACEHOLDER_IN_CODE, name="CF:COLOUR"),
         "contains {CF:COLOUR} in a script, a style or the name of a tag or attribute; no value is "
         "allowed there"),
        (Malformed("field", Fault.PLACEHOLDER_IN_HOST_OF_A_LINK, name="CF:HOST"),
         "contains {CF:HOST} in the host of a link; placeholders are allowed only after it"),
        (Malformed("field", Fault.NO_SUCH_EVENT, name="LOAN_PARTY"), "unknown event LOAN_PARTY"),
        (Malformed("field", Fault.EVENT_MISSING), "is missing: choose the event that triggers it"),
        (Malformed("field", Fault.WRONG_TARGET, fitting=("Clients", "Groups")),
         "with this event and channel, it can apply to Clients, Groups"),
        (Malformed("field", Fault.HAS_NO_MEMBERS), "only templates for groups can go to members"),
        (Malformed("field", Fault.NOT_THE_DAYS_TO_WAIT, most=365), "is a number of days from 0 to 365"),
        (Malformed("field", Fault.ONLY_HOOKS_AND_STREAMS_HAVE_ONE), "only webhooks and streams have one"),
        (Malformed("field", Fault.ONLY_WEBHOOKS_HAVE_IT), "only webhooks have it"),
        (Malformed("field", Fault.TOO_LONG_TO_SEND, count=1601, most=1600), "has 1,601 characters, at most "
                                                                            "1,600 can be sent"),
        (Malformed("field", Fault.ONLY_MAILS_HAVE_ONE), "only e-mails have one"),
        (Malformed("field", Fault.ONLY_MAILS_HAVE_HTML), "only e-mails have an HTML version"),
        (Malformed("field", Fault.NOT_WRITTEN_BY_HAND), "only e-mails and SMS can be sent by hand"),
        (Malformed("field", Fault.URL_MISSING), "is missing: a webhook needs a URL"),
        (Malformed("field", Fault.HOLDS_QUOTES), "contains quotes"),
        (Malformed("field", Fault.PLACEHOLDER_IN_HOST), "has a placeholder in its host; placeholders are "
                                                        "allowed only after it"),
        (Malformed("field", Fault.COLON_IN_USERNAME), "contains a colon, which ends a username in Basic "
                                                      "authentication"),
        (Malformed("field", Fault.CONTROL_CHARACTER), "contains a control character"),
        (Malformed("field", Fault.NOT_A_METHOD, allowed=("PATCH", "POST", "PUT")), "is one of PATCH, POST, "
                                                                                   "PUT"),
        (Malformed("field", Fault.NOT_A_CONTENT_TYPE), "is plain text, JSON or XML"),
        (Malformed("field", Fault.FILLED_IN_NO_JSON, said="Expecting ',' delimiter", line=1),
         "is not JSON once it is filled in: Expecting ',' delimiter at line 1"),
        (Malformed("field", Fault.GOES_TO_NOBODY_ELSE),
         "only e-mails and SMS triggered by events can go to someone else"),
        (Malformed("field", Fault.LIST_IN_DATA, name="AMOUNT"),
         "contains a list at AMOUNT; values must be text, numbers, true or false"),
        (Malformed("field", Fault.DATA_TOO_DEEP, most=3), "is nested deeper than 3 levels"),
        (Malformed("field", Fault.DATA_TWICE, name="AMOUNT_DUE"), "contains AMOUNT_DUE twice"),
        (Malformed("field", Fault.BAD_NAME_OF_DATA, name="ä"), "has the name 'ä'; names have letters, digits "
                                                               "and underscores"),
        (Malformed("field", Fault.TOO_MUCH_DATA, count=101, most=100), "has 101 values, at most 100 are "
                                                                       "allowed"),
        (Malformed("field", Fault.NOT_A_MOMENT),
         "must be a day such as 2026-11-24 or a time such as 2026-11-24T09:14:00+01:00, from 1970 to 2199"),
        (Malformed("field", Fault.TIME_WITHOUT_OFFSET), "a time needs its offset, such as "
                                                        "2026-11-24T09:14:00+01:00"),
        (Malformed("field", Fault.TOO_MANY_CRITERIA, count=51, most=50), "there are 51, at most 50 are "
                                                                         "allowed"),
        (Malformed("field", Fault.NAME_OF_ANOTHER_TEMPLATE), "belongs to another template"),
        (Malformed("field", Fault.KEY_OF_ANOTHER_EVENT), "was used for another event before"),
        (Malformed("field", Fault.NOT_FINITE), "is not a finite number"),
        (Malformed("field", Fault.TOO_LONG_A_NUMBER, most=350), "is a number of more than 350 characters"),
        (Malformed("field", Fault.NOBODY_CALLED, whom="client", text="Łukasz"),
         "no client has the name or ID “Łukasz”"),
        (Malformed("field", Fault.DIFFER_IN_CAPITALS, whom="client", which="Kd-7, kd-7"),
         "several clients have this ID in different capitals: enter it exactly (Kd-7, kd-7)"),
        (Malformed("field", Fault.SEVERAL_CALLED, text="bo", which="12, BO"), "several match bo: enter "
                                                                              "the ID (12, BO)"),
        (Malformed("field", Fault.NOT_AN_AMOUNT), "must be an amount such as 1250.50, without separators"),
        (Malformed("field", Fault.REFUSED_BY_CHANNEL, said="the URL names no usable host"),
         "the URL names no usable host"),
        (Malformed("field", Fault.WRONG_CONDITION, name="Amount",
                   wrong=Malformed("AMOUNT", Fault.NO_SUCH_FIELD)),
         "Amount: unknown field"),
    ],
    ids=lambda given: given.fault.name if isinstance(given, Malformed) else "",
)  # fmt: skip
def test_what_is_said_of_a_fault(wrong: Malformed, said: str) -> None:
    assert sentence(wrong) == said
    assert with_field(wrong) == f"field: {said}"


def test_a_sentence_stands_alone_with_a_capital_letter_and_one_full_stop() -> None:
    assert alone("must be text") == "Must be text."
    assert alone("contains quotes", of="URL") == "URL contains quotes."
    assert alone("only e-mails have one", of="Subject") == "Only e-mails have one."
    assert alone("A topic has 1 to 300 letters.") == "A topic has 1 to 300 letters."


def test_logs_name_the_fault_and_its_facts() -> None:
    assert str(Malformed("text", Fault.TOO_LONG, count=5, most=3)) == "text: too long (count 5, most 3)"
    assert str(Malformed("name", Fault.MISSING)) == "name: missing"
    assert (
        str(Malformed("destination", Fault.REFUSED_BY_CHANNEL, said="the URL cannot be read"))
        == "destination: the URL cannot be read"
    )
