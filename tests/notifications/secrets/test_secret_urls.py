"""A webhook's URL for readers: what may be a secret of it is left out."""

import pytest

from notifications.secrets.urls import shorten_all, shortened, without_secret_parts

SLACK = "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (SLACK, "https://hooks.slack.com/services/T…/…"),
        ("https://hooks.slack.com/services/T/B/xxx", "https://hooks.slack.com/services/T…/…"),
        ("https://HOOKS.slack.com:443/services/team/b/c/", "https://HOOKS.slack.com:443/services/t…/…"),
        (
            "https://contoso.webhook.office.com/webhookb2/8a1b-22@33/IncomingWebhook/0123abcd/44",
            "https://contoso.webhook.office.com/webhookb2/8…/…",
        ),
        (
            "https://discord.com/api/webhooks/123456789012345678/abcDEF-token_x",
            "https://discord.com/api/webhooks/1…/…",
        ),
        ("https://hooks.zapier.com/hooks/catch/123456/abcde/", "https://hooks.zapier.com/hooks/catch/1…/…"),
        (
            "https://prod-12.westeurope.logic.azure.com:443/workflows/0123abc/triggers/manual/paths/invoke?api-version=2016&sig=AbC",
            "https://prod-12.westeurope.logic.azure.com:443/workflows/0…/…?api-version=…&sig=…",
        ),
        ("https://example.org/hook/f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "https://example.org/hook/f…"),
        ("https://example.org/hooks/xkq3wbr5tjbtmnk1o8d6kzzz7a/in", "https://example.org/hooks/x…/…"),
        ("https://example.org/hooks/qwertzuiopasdfghjklyxcvb", "https://example.org/hooks/q…"),
        ("https://example.org/bot12345:ABC-DEF1234ghIkl-zyx57W2v/sendMessage", "https://example.org/b…/…"),
        ("https://bank:pw@example.org/x?token#frag", "https://…@example.org/x?…#…"),
        ("https://example.org/in?key=s3cret&to={CLIENT_ID}", "https://example.org/in?key=…&to={CLIENT_ID}"),
    ],
)
def test_what_may_be_a_secret_is_left_out(url: str, shown: str) -> None:
    assert shortened(url) == shown
    assert shortened(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "https://hooks.example.org",
        "https://hooks.example.org/",
        "https://hooks.example.org/in/000123",
        "https://hooks.example.org/in/{CLIENT_ID}/loan-{ACCOUNT_ID}",
        "https://example.org/IncomingWebhook/API/v2/payment-received_2026/callback.json",
        "ana@example.org",
        "+46700000003",
        "accounts",
        "",
    ],
)
def test_words_short_numbers_and_what_is_no_url_stay(text: str) -> None:
    assert shortened(text) == text


def test_an_answer_that_quotes_the_url_is_shortened_too() -> None:
    assert without_secret_parts(
        "HTTP 404: Cannot POST /services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX", SLACK
    ) == ("HTTP 404: Cannot POST /services/…")
    assert without_secret_parts(f"no such {SLACK}", SLACK) == "no such https://hooks.slack.com/services/…"
    assert without_secret_parts("no team T00000000", SLACK) == "no team …"
    assert (
        without_secret_parts("bad sig a%2Fbcde or a/bcde", "https://example.org/in?sig=a%2Fbcde")
        == "bad sig … or …"
    )
    assert without_secret_parts("no service", SLACK) == "no service"
    assert (
        shorten_all(f"moved to {SLACK}, see it") == "moved to https://hooks.slack.com/services/T…/…, see it"
    )
