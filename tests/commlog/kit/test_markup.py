"""HTML that is put together by hand says what Django's own functions say."""

from typing import Any

from django.utils import html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy
from hypothesis import given
from hypothesis import strategies as st

from commlog.kit import markup
from notifications.states import MessageState

SPECIAL = st.text("<>&\"'{}%\\ aé\u202e\n", max_size=12)
VALUES: Any = st.one_of(
    SPECIAL,
    st.text(max_size=5),
    SPECIAL.map(SafeString),
    st.integers(),
    st.none(),
    st.booleans(),
    st.sampled_from(MessageState),
    st.sampled_from([MessageState.SENT.label, gettext_lazy("<b>"), markup]),
)


@given(st.lists(VALUES, min_size=1, max_size=4))
def test_values_are_escaped_as_django_escapes_them(values: list[Any]) -> None:
    pattern = "<p>" + "{} & {{" * len(values)

    ours, theirs = (made.format_html(pattern, *values) for made in (markup, html))

    assert (ours, type(ours)) == (theirs, SafeString)
    assert [markup.escaped(each) for each in values] == [html.conditional_escape(each) for each in values]


@given(st.lists(st.tuples(VALUES, VALUES), max_size=3))
def test_rows_are_joined_as_django_joins_them(rows: list[tuple[Any, Any]]) -> None:
    pattern = "<li {}>{}</li>"

    ours = markup.join_html(pattern, rows, between="\n")

    assert (ours, type(ours)) == (html.format_html_join(SafeString("\n"), pattern, rows), SafeString)
