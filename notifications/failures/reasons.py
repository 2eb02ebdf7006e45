"""The failure reasons (names of Mambu's `failureReason`): the meaning of each, and whether it is retried."""

from dataclasses import dataclass

from django.db.models import TextChoices


class Reason(TextChoices):
    """The reason why a message or an attempt failed."""

    MESSAGING_EXCEPTION = "MESSAGING_EXCEPTION", "The mail server did not accept the e-mail"
    INVALID_SMTP_CREDENTIALS = (
        "INVALID_SMTP_CREDENTIALS",
        "The mail server rejected our user name or password",
    )
    UNSUPPORTED_ENCODING_EXCEPTION = (
        "UNSUPPORTED_ENCODING_EXCEPTION",
        "The e-mail contains characters that cannot be sent",
    )
    EMAIL_SERVICE_NOT_ENABLED = "EMAIL_SERVICE_NOT_ENABLED", "E-mail is switched off"
    SMS_TOO_LONG = "SMS_TOO_LONG", "The text is too long for an SMS"
    SMS_SERVICE_NOT_ENABLED = "SMS_SERVICE_NOT_ENABLED", "SMS is switched off"
    SMS_NOT_SENT = "SMS_NOT_SENT", "The SMS gateway did not send the SMS"
    SMS_SERVICE_ERROR = "SMS_SERVICE_ERROR", "The SMS gateway answered with an error"
    SMS_CONNECTION_EXCEPTION = "SMS_CONNECTION_EXCEPTION", "No answer from the SMS gateway"
    WEBHOOK_NOTIFICATIONS_DISABLED = "WEBHOOK_NOTIFICATIONS_DISABLED", "Webhooks are switched off"
    INVALID_HTTP_RESPONSE = "INVALID_HTTP_RESPONSE", "The receiving system answered with an error"
    HTTP_ERROR_WHILE_SENDING = "HTTP_ERROR_WHILE_SENDING", "No answer from the receiving system"
    INVALID_JSON_BODY_SYNTAX = "INVALID_JSON_BODY_SYNTAX", "The text is not valid JSON"
    MISSING_TEMPLATE_KEY = "MISSING_TEMPLATE_KEY", "The template is missing"
    MAX_MESSAGE_SIZE_LIMIT_EXCEEDED = "MAX_MESSAGE_SIZE_LIMIT_EXCEEDED", "The message is too large"
    UNDEFINED_DESTINATION = "UNDEFINED_DESTINATION", "No usable destination"
    INVALID_HTTP_PROTOCOL = "INVALID_HTTP_PROTOCOL", "The URL is not https"
    BLACKLISTED_URL = "BLACKLISTED_URL", "The URL is not allowed"
    INVALID_SMS_GATEWAY_CREDENTIALS = (
        "INVALID_SMS_GATEWAY_CREDENTIALS",
        "The SMS gateway rejected our account or token",
    )
    MISSING_SMS_RECIPIENT = "MISSING_SMS_RECIPIENT", "The recipient has no mobile number"
    SMS_GATEWAY_ERROR = "SMS_GATEWAY_ERROR", "Internal error of the SMS gateway"
    MISSING_EMAIL_RECIPIENT_ADDRESS = "MISSING_EMAIL_RECIPIENT_ADDRESS", "The recipient has no e-mail address"
    OTHER = "OTHER", "Unexpected error"


class Culprit(TextChoices):
    """The party at fault, which has to act."""

    PROVIDER = "PROVIDER", "the provider or the connection to it"
    RECEIVER = "RECEIVER", "the receiving system"
    RECIPIENT = "RECIPIENT", "the recipient’s contact details"
    CONTENT = "CONTENT", "the message or its template"
    SETUP = "SETUP", "the configuration of Commlog"


@dataclass(frozen=True, slots=True)
class Explanation:
    """A failure reason in the words of a clerk."""

    meaning: str
    advice: str
    culprit: Culprit
    retried: bool


_ASK_OPERATOR = "Ask your system administrator"

CATALOGUE: dict[Reason, Explanation] = {
    Reason.MESSAGING_EXCEPTION: Explanation(
        "The mail server rejected the e-mail, or the connection to it failed.",
        "Read the server’s answer below. If it rejected the address, correct it with the recipient; "
        "otherwise resend later.",
        Culprit.PROVIDER,
        retried=True,
    ),
    Reason.INVALID_SMTP_CREDENTIALS: Explanation(
        "Commlog could not sign in to the mail server.",
        f"{_ASK_OPERATOR} to correct EMAIL_URL, then resend.",
        Culprit.SETUP,
        retried=True,
    ),
    Reason.UNSUPPORTED_ENCODING_EXCEPTION: Explanation(
        "The subject, the sender’s name or the text contains characters that cannot be sent by e-mail.",
        "Correct the text: choose “Edit and resend…”.",
        Culprit.CONTENT,
        retried=False,
    ),
    Reason.EMAIL_SERVICE_NOT_ENABLED: Explanation(
        "No mail server is configured, so no e-mail can be sent.",
        f"{_ASK_OPERATOR} to set EMAIL_URL, then resend.",
        Culprit.SETUP,
        retried=False,
    ),
    Reason.SMS_TOO_LONG: Explanation(
        "An SMS can have at most 1,600 characters; this text is longer.",
        "Shorten the text: choose “Edit and resend…”.",
        Culprit.CONTENT,
        retried=False,
    ),
    Reason.SMS_SERVICE_NOT_ENABLED: Explanation(
        "No SMS gateway is configured, so no SMS can be sent.",
        f"{_ASK_OPERATOR} to set TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and TWILIO_FROM, then resend.",
        Culprit.SETUP,
        retried=False,
    ),
    Reason.SMS_NOT_SENT: Explanation(
        "The gateway accepted the request but did not send the SMS.",
        "Check the recipient’s number and the balance of the gateway account, then resend.",
        Culprit.PROVIDER,
        retried=True,
    ),
    Reason.SMS_SERVICE_ERROR: Explanation(
        "The gateway rejected the request.",
        "Read the gateway’s answer below. If it rejected the number, correct it; otherwise resend later.",
        Culprit.PROVIDER,
        retried=True,
    ),
    Reason.SMS_CONNECTION_EXCEPTION: Explanation(
        "The gateway could not be reached or did not answer in time.",
        "Resend once the gateway can be reached again.",
        Culprit.PROVIDER,
        retried=True,
    ),
    Reason.WEBHOOK_NOTIFICATIONS_DISABLED: Explanation(
        "Webhooks are switched off for the whole organisation.",
        "Ask an administrator to switch on webhooks, then resend.",
        Culprit.SETUP,
        retried=False,
    ),
    Reason.INVALID_HTTP_RESPONSE: Explanation(
        "The answer was not a success (2xx).",
        "401 or 403: check the credentials. 404: check the address. 5xx: the receiving system has a problem; "
        "resend later.",
        Culprit.RECEIVER,
        retried=True,
    ),
    Reason.HTTP_ERROR_WHILE_SENDING: Explanation(
        "The receiving system could not be reached, or did not answer in time.",
        "Ask the owner of the receiving system whether it is running and its certificate valid, then resend.",
        Culprit.RECEIVER,
        retried=True,
    ),
    Reason.INVALID_JSON_BODY_SYNTAX: Explanation(
        "The content type is JSON, but the text is not valid JSON.",
        "Correct the text of the template. This message keeps its text; later events use the new one.",
        Culprit.CONTENT,
        retried=False,
    ),
    Reason.MISSING_TEMPLATE_KEY: Explanation(
        "The message has no template, or its template no longer exists.",
        "Choose “Edit and resend…” and another template, or write the text yourself.",
        Culprit.CONTENT,
        retried=False,
    ),
    Reason.MAX_MESSAGE_SIZE_LIMIT_EXCEEDED: Explanation(
        "The message is larger than 1 MiB.",
        "Shorten the text of the message, or of its template.",
        Culprit.CONTENT,
        retried=False,
    ),
    Reason.UNDEFINED_DESTINATION: Explanation(
        "The message has no address, number or URL it could be sent to.",
        "Complete or correct the recipient’s contact details, then choose “Edit and resend…”.",
        Culprit.RECIPIENT,
        retried=False,
    ),
    Reason.INVALID_HTTP_PROTOCOL: Explanation(
        "Webhooks are sent to https URLs only.",
        "Change the URL to https, or ask your system administrator to allow http with WEBHOOK_ALLOW_HTTP=1.",
        Culprit.SETUP,
        retried=False,
    ),
    Reason.BLACKLISTED_URL: Explanation(
        "The URL leads to a private network or another address that must not be called.",
        "Correct the URL. If this network is allowed, ask your system administrator to add it to "
        "WEBHOOK_ALLOWED_NETS "
        "(and to set WEBHOOK_ALLOW_HTTP=1 for plain http).",
        Culprit.SETUP,
        retried=False,
    ),
    Reason.INVALID_SMS_GATEWAY_CREDENTIALS: Explanation(
        "Commlog could not sign in to the gateway.",
        f"{_ASK_OPERATOR} to correct TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN, then resend.",
        Culprit.SETUP,
        retried=True,
    ),
    Reason.MISSING_SMS_RECIPIENT: Explanation(
        "The recipient has no mobile number on file.",
        "Add the number on the recipient’s page, then choose “Edit and resend…”.",
        Culprit.RECIPIENT,
        retried=False,
    ),
    Reason.SMS_GATEWAY_ERROR: Explanation(
        "The gateway reported a failure without details.",
        "Resend later. If it happens again, contact the gateway’s support.",
        Culprit.PROVIDER,
        retried=True,
    ),
    Reason.MISSING_EMAIL_RECIPIENT_ADDRESS: Explanation(
        "The recipient has no e-mail address on file.",
        "Add the address on the recipient’s page, then choose “Edit and resend…”.",
        Culprit.RECIPIENT,
        retried=False,
    ),
    Reason.OTHER: Explanation(
        "Details are in the technical message below.",
        "If the technical message does not help, show it to your system administrator.",
        Culprit.SETUP,
        retried=True,
    ),
}


def explain(reason: str) -> Explanation:
    """Return the explanation of a stored reason."""
    return CATALOGUE[Reason(reason)]
