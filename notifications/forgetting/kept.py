"""Where Commlog keeps what people wrote and whom they wrote to: by table, and how it ends there."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """A table that holds words or names of people.

    `columns` hold them. `ends`: how they end without anybody's doing.
    """

    table: str
    columns: tuple[str, ...]
    ends: str


PERIOD = "its period of retention"
WITH_MESSAGE = "with its message"
# In the order in which a message is left behind. A test compares it with the models.
PLACES = (
    Place(
        "notifications_message",
        (
            "destination", "destination_fold", "subject", "content", "html", "headers", "auth_username",
            "auth_password", "sender", "recipient_name", "recipient_name_fold", "failure_cause",
            "reference_id", "resent_by",
        ),
        PERIOD,
    ),
    Place("notifications_messagewords", ("words",), WITH_MESSAGE),
    Place("notifications_attempt", ("detail", "late_detail"), PERIOD),
    Place("notifications_deliveryreceipt", ("detail",), PERIOD),
    Place("notifications_businessevent", ("subject_name", "data", "trace"), PERIOD),
    Place("notifications_streamevent", ("body",), "STREAM_RETENTION_HOURS"),
    Place("commlog_auditentry", ("actor_name", "target_label", "before", "after", "address"), PERIOD),
    Place("commlog_accessrecord", ("actor_name", "address", "about"), PERIOD),
    Place("commlog_apianswer", ("headers", "body"), "six hours after the call"),
    Place("commlog_filechunk", ("data",), "a day after the export"),
    Place("commlog_exportfile", ("name",), "a day after the export"),
    Place("commlog_job", ("words", "pairs", "options"), "never"),
    Place("commlog_customview", ("conditions", "criteria"), "when somebody deletes the view"),
    Place("notifications_legalhold", ("reason", "label", "pairs", "words"), "never"),
    Place("django_session", ("session_data",), "when it lapses"),
    Place("commlog_usersession", ("address", "browser"), "at the user's next sign-in"),
    Place("commlog_wrongpassword", ("name", "network"), "a day after"),
)  # fmt: skip
