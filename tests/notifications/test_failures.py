"""The catalogue of failure reasons."""

from notifications.failures import CATALOGUE, Culprit, Reason, explain

NEVER_RETRIED = {
    "UNSUPPORTED_ENCODING_EXCEPTION", "EMAIL_SERVICE_NOT_ENABLED", "SMS_TOO_LONG", "SMS_SERVICE_NOT_ENABLED",
    "WEBHOOK_NOTIFICATIONS_DISABLED",
    "INVALID_JSON_BODY_SYNTAX", "MISSING_TEMPLATE_KEY", "MAX_MESSAGE_SIZE_LIMIT_EXCEEDED",
    "UNDEFINED_DESTINATION", "INVALID_HTTP_PROTOCOL",
    "BLACKLISTED_URL", "MISSING_SMS_RECIPIENT", "MISSING_EMAIL_RECIPIENT_ADDRESS",
}  # fmt: skip


def test_all_23_reasons_are_explained() -> None:
    assert len(Reason) == 23
    assert set(CATALOGUE) == set(Reason)
    for explanation in CATALOGUE.values():
        assert explanation.meaning.endswith(".")
        assert explanation.advice.endswith(".")
        assert explanation.culprit in Culprit


def test_what_cannot_be_sent_as_it_stands_is_not_retried() -> None:
    assert {
        reason.value for reason, explanation in CATALOGUE.items() if not explanation.retried
    } == NEVER_RETRIED


def test_the_advice_for_a_refused_address_names_the_settings_that_would_allow_it() -> None:
    assert "WEBHOOK_ALLOWED_NETS" in explain("BLACKLISTED_URL").advice
    assert "WEBHOOK_ALLOW_HTTP" in explain("BLACKLISTED_URL").advice
