"""The meanings of mail servers' answers: the words of large providers first, then the codes of RFC 3463.

Sources: RFC 3463 and the IANA registry of enhanced status codes; RFC 5321 4.2.3; Google, "Gmail SMTP errors
and codes" (support.google.com/a/answer/3726730); Microsoft, "Non-delivery reports in Exchange Online" and its
postmaster's page of Outlook.com; Yahoo's "SMTP error codes" (senders.yahooinc.com); Apple, iCloud Mail's
postmaster page; the source of Postfix and of Exim for theirs. Providers disagree about codes, seldom about
words. An answer that no line matches gets a coarse meaning: for now (4xx) or refused (5xx).
"""

import re
from typing import NamedTuple

from notifications.channels.http.meanings import of_line
from notifications.failures.meanings import Meaning


class _Words(NamedTuple):
    """A pattern of words, and the first digits of the answers in which they have this meaning."""

    meaning: Meaning
    digits: str
    words: re.Pattern[str]


def _says(meaning: Meaning, words: str, digits: str = "45") -> _Words:
    return _Words(meaning, digits, re.compile(words, re.IGNORECASE))


_ANSWER = re.compile(r"(?:\d{3}-)?([45])\d\d[ -](.*)", re.DOTALL)
_ENHANCED = re.compile(r"(?<![\d.])([45])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_AFTER_DOT = "(while waiting for the mail server to accept the text)"
_STAGE = re.compile(r"\s*\(while [a-z' ]+\)$")
# Names in an answer that are no words of it: `<spam@example.org>`, `mx1.barracudanetworks.com`. What checks
# ours is named behind "using", "by", "at" or in a URL.
_NAMES = re.compile(
    r"<[^<>\s]*>|[^\s<>()@]{1,64}@[\w.-]{1,254}"
    r"|(?<![\w./@-])(?<!using )(?<!by )(?<!at )[\w-]+(?:\.[\w-]+)*\.[a-z]{2,24}\b(?![/@])",
    re.IGNORECASE,
)
_WORDS = (
    _says(Meaning.GREYLISTED, r"gr[ae]y[- ]?list"),
    # Before the recipient's quota is ours.
    _says(
        Meaning.TOO_MANY,
        r"throttl|submission ?quota|submission rate|concurrent connections? limit|thread limit|login attempts"
        r"|(?:daily|sending) (?:message )?quota|exceed\w* your .{0,40}\blimits?\b",
    ),
    _says(
        Meaning.ACCOUNT,
        r"sending paused|maximum credits|activate your .{0,40}account"
        r"|(?:domain|account)\b.{0,80}not allowed to send",
    ),
    _says(
        Meaning.SIGN_IN,
        r"unauthenticated senders|authentication (?:is )?(?:required\b(?!;)|failed)|not authenticated to send"
        r"|must (?:first )?authenticate\b|must issue a starttls",
        "5",
    ),
    _says(
        Meaning.MAILBOX_FULL,
        r"(?:mail ?box|inbox|account|user|recipient)\b.{0,60}(?:\bfull\b|over ?quota|over its quota|out of "
        r"(?:storage|space)|quota (?:is )?(?:full|exceeded)|exceed\w* (?:the |its )?(?:storage|quota))"
        r"|quota ?exceeded|overquota|insufficient (?:disk|mailbox) space",
    ),
    _says(
        Meaning.TOO_MANY,
        r"throttl|rate[- ]?limit|(?:sending|message|unusual) rate|too (?:fast|quickly|much mail|many "
        r"(?:messages|connections|concurrent))|slow(?:ing)? (?:it )?down|receiving mail (?:at a rate|too)"
        r"|(?:sending|daily|user) (?:limit|quota)|\[tss?\d\d\]|unexpected volume",
    ),
    _says(Meaning.BUSY, r"server (?:is )?(?:too )?busy", "4"),
    _says(
        Meaning.AUTHENTICATION,
        r"\b(?:spf|dkim|dmarc)\b|unauthenticated (?:e-?mail|mail)|sender (?:is )?unauthenticated"
        r"|message (?:is )?not authenticated|anti-?spoofing",
    ),
    _says(
        Meaning.SENDER,
        r"relay(?:ing)? (?:access )?(?:denied|not permitted|is not allowed)|unable to relay|not permitted to "
        r"relay|sender (?:address |domain )?(?:verify failed|rejected|denied)"
        r"|sender (?:address|domain)\b.{0,80}(?:not found|exist|unknown|invalid)"
        r"|domain of sender|send as this sender|not authorized to "
        r"send|sender not authorized|(?:e-?mail )?address is not verified|verified sender identity"
        r"|user\b.{0,120} is not authorized|outbound sender|unregistered domains",
    ),
    _says(
        Meaning.REPUTATION,
        r"block ?list|black ?list|\bdnsbl\b|\brbl\b|spamhaus|spamcop|barracuda reputation"
        r"|barracudanetworks\.com/reputation|banned sending ip"
        r"|(?:ip|client host)\b.{0,60}(?:blocked|listed|reputation)|poor reputation|low reputation"
        r"|reverse (?:dns|host ?name)|\bptr\b|ipcheck\.proofpoint|banned sender|traffic not accepted from",
    ),
    _says(
        Meaning.SPAM,
        r"unsolicited|\bspam|\bjunk\b|looks like|phish|malicious|virus|malware"
        r"|suspicious (?:content|message)",
    ),
    _says(
        Meaning.TOO_LARGE,
        r"message (?:size|is too large|too (?:large|big))|size (?:limit|exceeds)|too large|exceeds (?:the )?"
        r"(?:maximum|fixed)(?: \w+)* size",
    ),
    _says(
        Meaning.ADDRESS_CLOSED,
        r"(?:account|mail ?box|user|address|recipient)\b.{0,60}(?:disabled|inactive|suspended|deactivated"
        r"|discontinued|closed|expired|deleted)|(?:disabled|inactive|deactivated) (?:account|mail ?box|user)",
        "5",
    ),
    _says(
        Meaning.NO_SUCH_DOMAIN,
        r"domain\b.{0,60}(?:not found|does ?n[o']t exist|unknown|no mx|not exist)|null ?mx|unknown domain"
        r"|no such domain|host (?:not found|unknown)|domain of .{0,80}does not accept mail",
        "5",
    ),
    _says(
        Meaning.NO_SUCH_ADDRESS,
        r"(?<!ip )\b(?:user|mail ?box|recipient|address|account|addressee)\b.{0,80}(?:unknown|not found"
        r"|does ?n[o']t exist|not exist|no such|not known|not listed|invalid)"
        r"|(?:no such|unknown|invalid|nonexistent|non-existent) (?:local )?"
        r"(?:user|mail ?box|recipient|address|account|person)"
        r"|does ?n[o']t have an? .{0,40}account|no mail ?box here|unrouteable address|recipientnotfound"
        r"|#5\.1\.0 address rejected|not our customer|not a (?:known|valid) (?:user|mailbox|recipient)"
        # Microsoft's edge says so of whom it does not know; Postfix says the same with 5.7.1 of its rules.
        r"|\b5\.4\.1\b.*recipient address rejected: access denied",
        "5",
    ),
    _says(
        Meaning.BLOCKED,
        r"administrative prohibition|security polic|for one or more recipients \(.{0,254}blocked\)",
        "5",
    ),
)
# RFC 3463: class, subject and detail; a line for the class alone where both are alike. X.7.x is by words.
_CODES: dict[tuple[str, int, int], Meaning] = {
    ("5", 1, 1): Meaning.NO_SUCH_ADDRESS,
    ("5", 1, 2): Meaning.NO_SUCH_DOMAIN,
    ("5", 1, 3): Meaning.BAD_ADDRESS,
    ("5", 1, 6): Meaning.ADDRESS_CLOSED,  # moved, no forwarding address
    ("5", 1, 7): Meaning.SENDER,
    ("5", 1, 8): Meaning.SENDER,
    ("5", 1, 10): Meaning.NO_SUCH_DOMAIN,  # RFC 7505: null MX; Microsoft says RecipientNotFound with it
    ("5", 2, 1): Meaning.ADDRESS_CLOSED,
    ("5", 2, 2): Meaning.MAILBOX_FULL,
    ("4", 2, 2): Meaning.MAILBOX_FULL,
    ("5", 2, 3): Meaning.TOO_LARGE,
    ("5", 3, 4): Meaning.TOO_LARGE,
    ("5", 4, 4): Meaning.ROUTING,
    ("5", 4, 6): Meaning.ROUTING,
    ("5", 4, 7): Meaning.BUSY,  # expired while it was passed on
    ("4", 5, 3): Meaning.TOO_MANY,
    ("5", 5, 3): Meaning.UNSAID,
    ("4", 7, 28): Meaning.TOO_MANY,
    ("5", 7, 28): Meaning.TOO_MANY,
    ("5", 7, 8): Meaning.SIGN_IN,
    ("5", 7, 9): Meaning.SIGN_IN,
    ("5", 7, 25): Meaning.REPUTATION,  # RFC 7372: reverse DNS
    **{("5", 7, detail): Meaning.AUTHENTICATION for detail in (20, 21, 22, 23, 26, 27, 30, 509, 515)},
    # Microsoft: banned senders and addresses, tenants that it takes nothing from
    **{
        ("5", 7, detail): Meaning.REPUTATION for detail in (502, 503, 511, *range(606, 650), *range(700, 750))
    },
}
_SUBJECTS: dict[tuple[str, int], Meaning] = {
    ("4", 3): Meaning.BUSY,
    ("4", 4): Meaning.BUSY,
    ("5", 6): Meaning.CONTENT,
    ("5", 7): Meaning.BLOCKED,
}


def meaning(said: str) -> Meaning:
    """Return the meaning of a stored answer, `550 5.1.1 … (while …)`, or of a broken connection."""
    found = _ANSWER.match(said)
    if found is None:
        return Meaning.NO_ANSWER if said.endswith(_AFTER_DOT) else of_line(_STAGE.sub("", said))
    digit, text = found[1], _STAGE.sub("", found[2])
    words = _NAMES.sub(" ", text)
    for each in _WORDS:
        if digit in each.digits and each.words.search(words):
            return each.meaning
    return _by_code(digit, text) or (Meaning.LATER if digit == "4" else Meaning.UNSAID)


def _by_code(digit: str, text: str) -> Meaning | None:
    """Return the meaning of the enhanced code, or None.

    If its class differs from that of the reply, the reply's counts.
    """
    code = _ENHANCED.search(text)
    if code is None:
        return None
    subject, detail = int(code[2]), int(code[3])
    return _CODES.get((digit, subject, detail)) or _SUBJECTS.get((digit, subject))
