"""The catalogue of failure reasons: what each means, what to do, whose fault it is, and whether it is
retried.

The 23 names are Mambu's `failureReason` values. Pages, commands and the API all ask here.
"""

from dataclasses import dataclass

from django.db.models import TextChoices


class Reason(TextChoices):
    """Why a message or an attempt failed."""

    MESSAGING_EXCEPTION = "MESSAGING_EXCEPTION", "The mail could not be handed over"
    INVALID_SMTP_CREDENTIALS = "INVALID_SMTP_CREDENTIALS", "The mail server refused our sign-in"
    UNSUPPORTED_ENCODING_EXCEPTION = (
        "UNSUPPORTED_ENCODING_EXCEPTION",
        "A name or the text cannot be written in a mail",
    )
    EMAIL_SERVICE_NOT_ENABLED = "EMAIL_SERVICE_NOT_ENABLED", "E-mail is switched off"
    SMS_TOO_LONG = "SMS_TOO_LONG", "The text is too long for an SMS"
    SMS_SERVICE_NOT_ENABLED = "SMS_SERVICE_NOT_ENABLED", "SMS is switched off"
    SMS_NOT_SENT = "SMS_NOT_SENT", "The SMS gateway did not send it"
    SMS_SERVICE_ERROR = "SMS_SERVICE_ERROR", "The SMS gateway reported an error"
    SMS_CONNECTION_EXCEPTION = "SMS_CONNECTION_EXCEPTION", "The SMS gateway could not be reached"
    WEBHOOK_NOTIFICATIONS_DISABLED = "WEBHOOK_NOTIFICATIONS_DISABLED", "Webhooks are switched off"
    INVALID_HTTP_RESPONSE = "INVALID_HTTP_RESPONSE", "The receiver answered, but not with success"
    HTTP_ERROR_WHILE_SENDING = "HTTP_ERROR_WHILE_SENDING", "The receiver could not be reached in time"
    INVALID_JSON_BODY_SYNTAX = "INVALID_JSON_BODY_SYNTAX", "The text is not valid JSON"
    MISSING_TEMPLATE_KEY = "MISSING_TEMPLATE_KEY", "The template is missing"
    MAX_MESSAGE_SIZE_LIMIT_EXCEEDED = "MAX_MESSAGE_SIZE_LIMIT_EXCEEDED", "The message is too large"
    UNDEFINED_DESTINATION = "UNDEFINED_DESTINATION", "There is no usable destination"
    INVALID_HTTP_PROTOCOL = "INVALID_HTTP_PROTOCOL", "The address is not an https address"
    BLACKLISTED_URL = "BLACKLISTED_URL", "The address is not allowed"
    INVALID_SMS_GATEWAY_CREDENTIALS = "INVALID_SMS_GATEWAY_CREDENTIALS", "The SMS gateway refused our sign-in"
    MISSING_SMS_RECIPIENT = "MISSING_SMS_RECIPIENT", "The recipient has no mobile number"
    SMS_GATEWAY_ERROR = "SMS_GATEWAY_ERROR", "The SMS gateway failed"
    MISSING_EMAIL_RECIPIENT_ADDRESS = "MISSING_EMAIL_RECIPIENT_ADDRESS", "The recipient has no e-mail address"
    OTHER = "OTHER", "Something unforeseen went wrong"


class Culprit(TextChoices):
    """Whose fault a failure is: who has to act."""

    PROVIDER = "PROVIDER", "the provider or the connection to it"
    RECEIVER = "RECEIVER", "the receiving system"
    RECIPIENT = "RECIPIENT", "the recipient's contact data"
    CONTENT = "CONTENT", "the message or its template"
    SETUP = "SETUP", "the set-up of Commlog"


@dataclass(frozen=True, slots=True)
class Explanation:
    """A failure reason in the words of a clerk."""

    meaning: str
    advice: str
    culprit: Culprit
    retried: bool


_ASK_OPERATOR = "Ask whoever runs Commlog"

CATALOGUE: dict[Reason, Explanation] = {
    Reason.MESSAGING_EXCEPTION: Explanation(
        "The conversation with the mail server failed or the server refused the message.",
        "Read what the server said. If it refused the address, check it with the recipient and correct it; "
        "otherwise resend later.",
        Culprit.PROVIDER,
        retried=True,
    ),
    Reason.INVALID_SMTP_CREDENTIALS: Explanation(
        "The mail server did not accept the user name and password that Commlog uses.",
        f"{_ASK_OPERATOR} to correct EMAIL_URL, then resend.",
        Culprit.SETUP,
        retried=True,
    ),
    Reason.UNSUPPORTED_ENCODING_EXCEPTION: Explanation(
        "The subject, the sender's name or the text holds characters that a mail cannot carry.",
        "Correct the text and send it anew.",
        Culprit.CONTENT,
        retried=False,
    ),
    Reason.EMAIL_SERVICE_NOT_ENABLED: Explanation(
        "No mail server is configured, so no e-mail can leave.",
        f"{_ASK_OPERATOR} to set EMAIL_URL, then resend.",
        Culprit.SETUP,
        retried=False,
    ),
    Reason.SMS_TOO_LONG: Explanation(
        "An SMS may hold at most 1,600 characters; this text is longer.",
        "Shorten the text and send it anew.",
        Culprit.CONTENT,
        retried=False,
    ),
    Reason.SMS_SERVICE_NOT_ENABLED: Explanation(
        "No SMS gateway is configured, so no SMS can leave.",
        f"{_ASK_OPERATOR} to set TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and TWILIO_FROM, then resend.",
        Culprit.SETUP,
        retried=False,
    ),
    Reason.SMS_NOT_SENT: Explanation(
        "The gateway took the request but did not send the SMS.",
        "Check the number with the recipient and the credit with the gateway, then resend.",
        Culprit.PROVIDER,
        retried=True,
    ),
    Reason.SMS_SERVICE_ERROR: Explanation(
        "The gateway answered with an error.",
        "Read what the gateway said. If it refused the number, correct it; otherwise resend later.",
        Culprit.PROVIDER,
        retried=True,
    ),
    Reason.SMS_CONNECTION_EXCEPTION: Explanation(
        "The gateway could not be reached or did not answer in time.",
        "Wait until the gateway can be reached again, then resend.",
        Culprit.PROVIDER,
        retried=True,
    ),
    Reason.WEBHOOK_NOTIFICATIONS_DISABLED: Explanation(
        "Webhooks are switched off for the whole organisation.",
        "Ask an administrator to enable webhooks, then resend.",
        Culprit.SETUP,
        retried=False,
    ),
    Reason.INVALID_HTTP_RESPONSE: Explanation(
        "The receiving system answered with something other than success (2xx).",
        "401 or 403: check the credentials. 404: check the address. 5xx: the receiver is in trouble; resend "
        "later.",
        Culprit.RECEIVER,
        retried=True,
    ),
    Reason.HTTP_ERROR_WHILE_SENDING: Explanation(
        "The receiving system could not be reached, or did not answer in time.",
        "Ask the owner of the receiving system whether it is up and its certificate valid, then resend.",
        Culprit.RECEIVER,
        retried=True,
    ),
    Reason.INVALID_JSON_BODY_SYNTAX: Explanation(
        "The content type says JSON, but the text is not JSON.",
        "Correct the template's text and send it anew.",
        Culprit.CONTENT,
        retried=False,
    ),
    Reason.MISSING_TEMPLATE_KEY: Explanation(
        "The message has no template, or its template no longer exists.",
        "Choose another template and send it anew.",
        Culprit.CONTENT,
        retried=False,
    ),
    Reason.MAX_MESSAGE_SIZE_LIMIT_EXCEEDED: Explanation(
        "The message is larger than 1 MiB.",
        "Shorten the text and send it anew.",
        Culprit.CONTENT,
        retried=False,
    ),
    Reason.UNDEFINED_DESTINATION: Explanation(
        "There is no address, number or URL that this message could go to.",
        "Complete or correct the recipient's contact data, then send it anew.",
        Culprit.RECIPIENT,
        retried=False,
    ),
    Reason.INVALID_HTTP_PROTOCOL: Explanation(
        "Webhooks go to https addresses only.",
        "Change the address to https, or have the operator allow plain http with WEBHOOK_ALLOW_HTTP=1.",
        Culprit.SETUP,
        retried=False,
    ),
    Reason.BLACKLISTED_URL: Explanation(
        "The address leads into a private network or to a place that must not be called.",
        "Correct the address. If this network may be called, have the operator add it to "
        "WEBHOOK_ALLOWED_NETS "
        "(and set WEBHOOK_ALLOW_HTTP=1 where it speaks plain http).",
        Culprit.SETUP,
        retried=False,
    ),
    Reason.INVALID_SMS_GATEWAY_CREDENTIALS: Explanation(
        "The gateway did not accept the account and token that Commlog uses.",
        f"{_ASK_OPERATOR} to correct TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN, then resend.",
        Culprit.SETUP,
        retried=True,
    ),
    Reason.MISSING_SMS_RECIPIENT: Explanation(
        "The recipient has no mobile number on file.",
        "Add the number to the recipient's page, then send it anew.",
        Culprit.RECIPIENT,
        retried=False,
    ),
    Reason.SMS_GATEWAY_ERROR: Explanation(
        "The gateway failed in a way that it does not explain further.",
        "Resend later; if it goes on, ask the gateway's support.",
        Culprit.PROVIDER,
        retried=True,
    ),
    Reason.MISSING_EMAIL_RECIPIENT_ADDRESS: Explanation(
        "The recipient has no e-mail address on file.",
        "Add the address to the recipient's page, then send it anew.",
        Culprit.RECIPIENT,
        retried=False,
    ),
    Reason.OTHER: Explanation(
        "None of the other reasons fits. The technical detail says what went wrong.",
        "Read the technical detail; if it does not help, show it to whoever runs Commlog.",
        Culprit.SETUP,
        retried=True,
    ),
}


def explain(reason: str) -> Explanation:
    """The explanation of a stored reason."""
    return CATALOGUE[Reason(reason)]
