"""The names of API v1: of fields, of what can be sorted, and of orders."""

from commlog.api.codes import Code

SELECTIONS = {
    "ENCODED_KEY": "key",
    "SENDER_KEY": "sender_key",
    "RECIPIENT_CLIENT_KEY": "client",
    "RECIPIENT_GROUP_KEY": "group",
    "RECIPIENT_USER_KEY": "user",
    "CREATION_DATE": "created",
    "SENT_DATE": "sent",
    "STATE": "state",
    "FAILURE_REASON": "failure_reason",
    "TYPE": "type",
    "EVENT": "event",
    "WAITING_REASON": "waiting_reason",
    "DESTINATION": "destination",
}
COLUMNS = {
    "ENCODED_KEY": "encodedKey",
    "CREATION_DATE": "creationDate",
    "SENT_DATE": "sendDate",
    "SENDER_KEY": "senderKey",
    "RECIPIENT_CLIENT_KEY": "clientKey",
    "RECIPIENT_GROUP_KEY": "groupKey",
    "RECIPIENT_USER_KEY": "userKey",
    "TYPE": "type",
}
ORDERS = {"ASCENDING": "ASC", "DESCENDING": "DESC"}
# Refusals that v1 has numbers of its own for.
CODES = {
    Code.MESSAGE_STATE_MUST_BE_FAILED: Code.INVALID_NOTIFICATION_MESSAGE_STATE,
    Code.DUPLICATE_ENCODED_KEY: Code.DUPLICATED_NOTIFICATION_ENCODED_KEY,
    Code.MAXIMUM_NUMBER_OF_COMMUNICATION_MESSAGES_TO_RESEND_EXCEEDED: Code.MAXIMUM_NUMBER_OF_NOTIFICATIONS_TO_RESEND_EXCEEDED,
}
