"""Settings. The only module that reads the environment; it refuses to start on values that are wrong or
unsafe.

Without any variable this is a development set-up: DEBUG on, a SQLite file beside manage.py, no provider
configured.
"""

import os
import re
import tempfile
from functools import partial
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.log import CallbackFilter

from commlog.environment import Environment
from notifications import channels
from notifications.channels.email import EmailChannel, plain_address, sender
from notifications.channels.sms.channel import SmsChannel, sender_parameter
from notifications.channels.webhook import WebhookChannel, usable_url
from notifications.text.numbers import e164

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment(os.environ)

# --- Safety -------------------------------------------------------------------------------------------------
#: `1`: development. `0`: production. A production server refuses `1`.
DEBUG = env.flag("DEBUG", True)
#: Signs sessions and the tasks of the cluster. With `DEBUG=0`: at least 50 random characters. Default: a key
#: for development.
SECRET_KEY = env.text(
    "SECRET_KEY", "development-only-key-that-production-refuses-0123456789" if DEBUG else ""
)
if not DEBUG and (
    len(SECRET_KEY) < 50
    or len(set(SECRET_KEY)) < 5
    or SECRET_KEY.startswith(("development-only", "django-insecure-"))
):
    raise ImproperlyConfigured(
        "SECRET_KEY is missing or weak. Allowed with DEBUG=0: at least 50 random characters."
    )
#: Where people reach Commlog. Links, CSRF and the allowed host follow from it.
PUBLIC_URL = env.web_address("PUBLIC_URL", "http://127.0.0.1:8000")
_public = urlsplit(PUBLIC_URL)
# In development also whatever leads to this machine, as Django allows by itself while the list is empty.
#: Further host names, without scheme and port, separated by commas. Probes of the health pages may use any
#: name.
ALLOWED_HOSTS = [
    _public.hostname or "",
    *env.hosts("ALLOWED_HOSTS"),
    *([".localhost", "127.0.0.1", "[::1]"] if DEBUG else []),
]
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
#: Networks of the proxy, such as `127.0.0.1/32`: their `X-Forwarded-For` and `X-Forwarded-Proto` are
#: believed.
TRUSTED_PROXY_NETS = env.networks("TRUSTED_PROXY_NETS")
if TRUSTED_PROXY_NETS:
    # TrustedProxyMiddleware drops the header unless it comes from one of these networks.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = not DEBUG and _public.scheme == "https"
SECURE_REDIRECT_EXEMPT = [r"^healthz", r"^readyz"]
SECURE_HSTS_SECONDS = 31_536_000 if SECURE_SSL_REDIRECT else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE_SSL_REDIRECT
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT
SESSION_COOKIE_NAME = "__Host-session" if SECURE_SSL_REDIRECT else "session"
SESSION_COOKIE_AGE = 30 * 60  # without a sign of the user
SESSION_LONGEST = 12 * 3600  # in all
CSRF_COOKIE_NAME = "__Host-csrf" if SECURE_SSL_REDIRECT else "csrftoken"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "commlog.views.errors.stale_form"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-src": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_000

# --- Application --------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "commlog.account_commands",  # before auth: its commands take the place of those of that name
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_filters",
    "django_htmx",
    "django_q",
    "django_tables2",
    "heroicons",
    "ninja",  # for the static files of the page that describes the API
    # Last: their post_migrate receivers need the permissions that auth's receiver has made by then.
    "notifications",
    "commlog",
]
MIDDLEWARE = [
    "commlog.middleware.ProbesMiddleware",
    "commlog.middleware.TrustedProxyMiddleware",
    "commlog.api.middleware.ProgramsMiddleware",
    "commlog.api.compression.CompressionMiddleware",
    "commlog.audit.AuditMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "commlog.middleware.AddressLengthMiddleware",
    "commlog.database_middleware.KeptSessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "commlog.middleware.SignedInMiddleware",
    "commlog.middleware.OwnPasswordMiddleware",
    "commlog.live.quiet.QuietMiddleware",
    "commlog.database_middleware.DatabaseTroubleMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "commlog.middleware.NoStoreMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "commlog.kit.hidden.HiddenCharactersMiddleware",
]
ROOT_URLCONF = "commlog.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "commlog.navigation.frame",
            ],
            "builtins": [
                "commlog.templatetags.live",
                "commlog.templatetags.sprite",
                "commlog.templatetags.wording",
            ],
        },
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
APPEND_SLASH = True

# --- Database -----------------------------------------------------------------------------------------------
# In production a database is named: an empty file that is made by itself would look like a log in which
# nothing was ever sent.
#: `postgres://user:password@host:5432/name`. Percent-encode what is not a letter or a digit in the password.
#: Default: `db.sqlite3` beside `manage.py`; with `DEBUG=0` none.
_database = env.database(
    "DATABASE_URL", f"sqlite:///{BASE_DIR / 'db.sqlite3'}" if DEBUG else "", anywhere=DEBUG
)
IS_SQLITE = _database["ENGINE"].endswith("sqlite3")
_options: dict[str, Any] = _database.setdefault("OPTIONS", {})
if IS_SQLITE:
    # Django's defaults lose three of four concurrent read-then-write transactions (DECISIONS.md 4).
    _options |= {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=20000;",
    }
    # A file, not memory: the tests use several connections at once, as the product does.
    _database["TEST"] = {"NAME": str(Path(tempfile.gettempdir()) / f"commlog-test-{os.getuid()}.sqlite3")}
else:
    _database |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
    _options |= {"connect_timeout": 5, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
    # Pages read a few rows by an index: compiling such a query or starting workers for it takes longer than
    # the query (DECISIONS.md 52).
    _plain = "-c jit=off -c max_parallel_workers_per_gather=0"
    _options.setdefault(
        "options", f"-c idle_in_transaction_session_timeout=60000 -c lock_timeout=20000 {_plain}"
    )
DATABASES = {"default": _database}
#: `0`: keep nothing in a session of PostgreSQL. Commlog notices PgBouncer by itself; another pooler that
#: shares sessions between transactions may need it.
POSTGRES_PREPARED_STATEMENTS = env.flag("POSTGRES_PREPARED_STATEMENTS", True)
#: Seals webhook passwords, signing secrets and secret headers in the database. At least 32 random characters,
#: the same for all processes. Keep a copy, but not beside the dumps. Default: none; beside SQLite a key is
#: made in `var/secrets.key`.
SECRETS_KEY, *_more = env.keys("SECRETS_KEY") or [""]
#: Keys that still open what they sealed, separated by commas.
SECRETS_PREVIOUS_KEYS = env.keys("SECRETS_PREVIOUS_KEYS")
SECRETS_KEY_FILE = BASE_DIR / "var" / "secrets.key"
if _more or not (SECRETS_KEY or IS_SQLITE or DEBUG):
    raise env.refuse("SECRETS_KEY", "one key of at least 32 random characters, the same for all processes")

# --- Sign-in ------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "commlog.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign-in"
#: How many minutes back wrong passwords are counted, and how long a lock holds.
SIGN_IN_MINUTES = env.whole("SIGN_IN_MINUTES", 15, least=1, most=1_440)
#: Wrong passwords that lock a user name from one address. A /64 of IPv6 counts as one address. Right
#: passwords are not counted.
SIGN_IN_MOST_WRONG = env.whole("SIGN_IN_MOST_WRONG", 5, least=1, most=1_000)
#: Wrong passwords of any users that lock every sign-in from that address.
SIGN_IN_MOST_WRONG_OF_ADDRESS = env.whole("SIGN_IN_MOST_WRONG_OF_ADDRESS", 60, least=1, most=10_000)
#: Wrong passwords for one account within an hour, from all addresses together, after which the audit trail
#: and `ALERT_EMAIL` are told. The account is not locked. `0`: never.
SIGN_IN_ALARM = env.whole("SIGN_IN_ALARM", 20, least=0, most=1_000_000)
_cores = os.cpu_count() or 1
#: Passwords that one machine checks at once, one of each address, so that pages go on being served. What
#: comes beyond is answered 429 at once. Default: half the cores.
PASSWORD_CHECKS_AT_ONCE = env.whole("PASSWORD_CHECKS_AT_ONCE", max(1, _cores // 2), least=1, most=1_000)
# Named so that nobody else on the machine can know it, and so that each installation has its own.
PASSWORD_LOCKS = (
    Path(tempfile.gettempdir()) / f"commlog-{os.getuid()}-{sha256(SECRET_KEY.encode()).hexdigest()[:16]}"
)

# --- Organisation -------------------------------------------------------------------------------------------
USE_TZ = True
#: The time zone of all times on pages and in answers, such as `Europe/Berlin`.
TIME_ZONE = ORGANISATION_TIME_ZONE = env.time_zone("ORGANISATION_TIME_ZONE", "UTC")
LANGUAGE_CODE = "en-gb"
USE_I18N = False
# The log's column of senders holds no more.
#: The sender shown for automatic notifications.
SYSTEM_SENDER_NAME = env.text("SYSTEM_SENDER_NAME", "Mambu", most=200)
#: The name in the topics of streams: `mrn.event.<tenant>.streamingapi.<event>`. Default: `commlog`.
TENANT_NAME = (
    env.matching("TENANT_NAME", r"[A-Za-z0-9_\-]{1,100}", "letters, digits, dashes or underscores")
    or "commlog"
)
#: Hours for which events can be read in their stream.
STREAM_RETENTION_HOURS = env.whole("STREAM_RETENTION_HOURS", 96, least=1, most=87_600)
#: Streams that one process has open at once, each on a thread of its own. What comes beyond is answered 503.
STREAM_READERS = env.whole("STREAM_READERS", 100, least=0, most=10_000)
#: What the API calls the organisation. Default: `SYSTEM_SENDER_NAME`.
ORGANISATION_NAME = env.text("ORGANISATION_NAME", SYSTEM_SENDER_NAME, most=200)

# --- API ----------------------------------------------------------------------------------------------------
#: The most bytes of a body.
API_LARGEST_BODY = env.whole("API_LARGEST_BODY", 5_000_000, least=10_000, most=1_000_000_000)
#: The most bytes of a search's answer, and of a resend's body, since a resend takes such an answer.
API_LARGEST_ANSWER = env.whole("API_LARGEST_ANSWER", 250_000_000, least=1_000_000, most=2_000_000_000)
#: The most messages of one call that resends by key.
API_MOST_RESENT = env.whole("API_MOST_RESENT", 1_000, least=1, most=10_000)
#: The most messages of one call that resends by date.
API_MOST_RESENT_BY_DATE = env.whole("API_MOST_RESENT_BY_DATE", 10_000, least=1, most=1_000_000)
#: The most calls a minute of one key or user. `0`: no limit.
API_CALLS_A_MINUTE = env.whole("API_CALLS_A_MINUTE", 1_200, least=0, most=1_000_000)
#: The most calls a minute of all together. `0`: no limit.
API_CALLS_A_MINUTE_IN_ALL = env.whole("API_CALLS_A_MINUTE_IN_ALL", 6_000, least=0, most=1_000_000)
#: The most messages a minute that one key or user sends, one by one and in lists. `0`: no limit.
API_MESSAGES_A_MINUTE = env.whole("API_MESSAGES_A_MINUTE", 200_000, least=0, most=100_000_000)
#: The most messages a minute that all send together. `0`: no limit.
API_MESSAGES_A_MINUTE_IN_ALL = env.whole("API_MESSAGES_A_MINUTE_IN_ALL", 400_000, least=0, most=100_000_000)
#: Minutes for which a key that was rotated still opens the API.
API_KEY_GRACE_MINUTES = env.whole("API_KEY_GRACE_MINUTES", 30, least=0, most=10_080)
#: Pages of other hosts whose scripts may call the API from a browser, with a key:
#: `https://portal.bank.example`, separated by commas.
API_ALLOWED_ORIGINS = env.web_addresses("API_ALLOWED_ORIGINS")

# --- Static files and exports -------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = DEBUG
_static_files = "django.contrib.staticfiles.storage.StaticFilesStorage"
STORAGES: dict[str, Any] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": _static_files if DEBUG else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
    "exports": {
        #: The class of a Django storage for the files of large exports, such as
        #: `django.core.files.storage.FileSystemStorage`. Default: the database, which every process reaches.
        "BACKEND": env.class_path("EXPORT_STORAGE", "commlog.export.storage.DatabaseStorage"),
        #: The options of that storage as a JSON object, such as `{"location": "/srv/exports"}`.
        "OPTIONS": env.options("EXPORT_STORAGE_OPTIONS"),
    },
}

# --- E-mail -------------------------------------------------------------------------------------------------
# What a channel would refuse about its own settings at each message is asked here once, of the channel's own
# code.
#: The mail server. `smtp://host`: port 25, in the clear. `smtp+tls://user:password@host`: port 587, STARTTLS.
#: `smtps://user:password@host` (or `smtp+ssl`): port 465, TLS from the first byte. In user name and password
#: write `/` as `%2F`, `#` as `%23`, `?` as `%3F` and `%` as `%25`. Without it every e-mail fails.
_mail = env.mail_server("EMAIL_URL")
EMAIL_HOST = _mail["EMAIL_HOST"]
EMAIL_PORT = _mail.get("EMAIL_PORT", 25)
EMAIL_HOST_USER = _mail.get("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = _mail.get("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = _mail.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = _mail.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 60
_mailbox = 'one such as Bank <no-reply@bank.example> or "Harbour Bank, Inc." <no-reply@bank.example>'
#: The sender of all mail: `Bank <no-reply@bank.example>`. A name with a comma stands in double quotes:
#: `"Harbour Bank, Inc." <no-reply@bank.example>`. Default: a local address, which mail servers refuse.
DEFAULT_FROM_EMAIL = env.usable(
    "DEFAULT_FROM_EMAIL", _mailbox, sender, "Commlog <commlog@localhost.localdomain>"
)
#: Where answers to all mail go, written like the sender.
REPLY_TO_EMAIL = env.usable("REPLY_TO_EMAIL", f"{_mailbox}, or unset", sender)
# Relays refuse clients that give an address for a name. A host that is an address has none.
_domain = r"(?=.*[a-zA-Z])[a-zA-Z0-9-]{1,63}(\.[a-zA-Z0-9-]{1,63})+"
_own_name = _public.hostname if _public.hostname and re.fullmatch(_domain, _public.hostname) else ""
#: What Commlog calls itself to the mail server. Default: the host of `PUBLIC_URL`, where it is a name.
SMTP_EHLO_NAME: str = (
    env.matching("SMTP_EHLO_NAME", _domain, "a host name such as commlog.example.org") or _own_name
)

# --- SMS and receipts ---------------------------------------------------------------------------------------
#: The API of the SMS gateway, or of what stands in for it.
TWILIO_API_URL = env.web_address("TWILIO_API_URL", "https://api.twilio.com")
#: The account at Twilio, the SMS gateway. This, the token and the sender are set together; without them every
#: SMS fails.
TWILIO_ACCOUNT_SID = env.matching("TWILIO_ACCOUNT_SID", r"AC[0-9a-fA-F]{32}", "AC and 32 hexadecimal digits")
_token = r"[0-9a-fA-F]{32}" if TWILIO_API_URL.endswith(".twilio.com") else r"[!-~]+"
#: Its token.
TWILIO_AUTH_TOKEN = env.matching(
    "TWILIO_AUTH_TOKEN", _token, "the 32 hexadecimal digits that Twilio shows beside the account"
)
_from = (
    "a number such as +441632960000, a short code, a sender ID such as Bank, or a Messaging Service (MG "
    "and 32 hexadecimal digits)"
)
#: The sender of SMS: a number (`+441632960000`), a short code, an alphanumeric sender ID, or a Messaging
#: Service (`MG…`).
TWILIO_FROM = env.usable("TWILIO_FROM", _from, sender_parameter)
_missing = [each for each in ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_FROM") if not env.text(each)]
if 0 < len(_missing) < 3:
    raise env.refuse(
        _missing[0], "a value beside those of the other two settings of Twilio, or all three unset"
    )
#: Where providers reach Commlog: `https://receipts.bank.example`. With it, an SMS is *Sending* until Twilio
#: reports that it was sent or was not. Default: none.
RECEIPTS_URL = env.web_address("RECEIPTS_URL", PUBLIC_URL) if env.text("RECEIPTS_URL") else ""
#: Seconds after which an SMS without a receipt counts as sent and says *no receipt*.
RECEIPT_TIMEOUT = env.whole("RECEIPT_TIMEOUT", 600, least=1, most=86_400)
ALLOWED_HOSTS += [host for host in [urlsplit(RECEIPTS_URL).hostname] if host]
#: `name:secret` with which a mail provider signs in at `/receipts/mail/<provider>/tracking/` to report
#: bounces and complaints. Needs `pip install .[providers]`.
MAIL_RECEIPTS_SECRET = env.matching(
    "MAIL_RECEIPTS_SECRET", r"[^:\s]+:\S{20,}", "name:secret, the secret of at least 20 characters"
)
if MAIL_RECEIPTS_SECRET and find_spec("anymail") is None:
    raise env.refuse(
        "MAIL_RECEIPTS_SECRET", "a value only with django-anymail installed: pip install .[providers]"
    )
ANYMAIL = {"WEBHOOK_SECRET": MAIL_RECEIPTS_SECRET}

# --- Webhooks -----------------------------------------------------------------------------------------------
#: Private networks that webhooks may call, such as `10.1.0.0/16`.
WEBHOOK_ALLOWED_NETS = env.networks("WEBHOOK_ALLOWED_NETS")
#: `1`: webhooks may go over plain http.
WEBHOOK_ALLOW_HTTP = env.flag("WEBHOOK_ALLOW_HTTP", False)

# --- Alerts -------------------------------------------------------------------------------------------------
#: Who is told, once, when a provider or receiver is failing or in trouble, when a webhook's receiver is gone
#: (410), and when nothing is sent after a restore.
ALERT_EMAIL = env.usable("ALERT_EMAIL", "one address such as operations@example.org", plain_address)

# --- Copies of production data ------------------------------------------------------------------------------
_hook = partial(usable_url, WEBHOOK_ALLOWED_NETS, WEBHOOK_ALLOW_HTTP)
#: For copies of production data. `hold` keeps everything waiting; `redirect` sends all of it to the
#: destinations below. Every page says so.
SENDING_MODE = env.choice("SENDING_MODE", ("live", "hold", "redirect"))
REDIRECT_TO = {
    #: Where `redirect` sends e-mail. A channel without such a destination is held, and so are event streams.
    #: The true destination is in the subject, the text or a header.
    EmailChannel.type: env.usable("REDIRECT_EMAIL", "one address such as staging@example.org", plain_address),
    #: Where `redirect` sends SMS.
    SmsChannel.type: env.usable("REDIRECT_SMS", "one number such as +491700000000", e164),
    #: Where `redirect` sends webhooks, without their secrets.
    WebhookChannel.type: env.usable(
        "REDIRECT_WEB_HOOK", "one URL such as https://staging.example.org/hook", _hook
    ),
}
if SENDING_MODE == "redirect" and not any(REDIRECT_TO.values()):
    raise env.refuse("SENDING_MODE", "redirect, with REDIRECT_EMAIL, REDIRECT_SMS or REDIRECT_WEB_HOOK set")

# --- Retries ------------------------------------------------------------------------------------------------
_policy = env.retry_policy()
#: `1`: send an SMS again whose outcome is unknown. Twilio cannot recognise a repetition, so it may arrive
#: twice.
_unknown = {SmsChannel.type: env.flag("RETRY_UNKNOWN_SMS", False)}
RETRY_POLICIES = {
    each.type: env.retry_policy(
        f"RETRY_{each.type}_", _policy.with_unknown(each.retries_unknown or _unknown.get(each.type, False))
    )
    for each in channels.ALL
    if each.retried
}

# --- Senders ------------------------------------------------------------------------------------------------
#: Worker processes of one cluster. See [Sizing](operate.md#sizing).
SENDER_WORKERS = env.whole("SENDER_WORKERS", 2, least=2, most=64)
Q_CLUSTER: dict[str, Any] = {
    "name": "commlog",
    "broker_class": "notifications.cluster.broker.MessageBroker",
    "orm": "default",
    "workers": SENDER_WORKERS,
    "queue_limit": SENDER_WORKERS,
    "bulk": 1,
    "poll": 0.05,
    "timeout": 300,
    "retry": 330,
    "max_attempts": 1,
    "ack_failures": True,
    "save_limit": -1,
    "catch_up": False,
    "recycle": 100_000,
    "label": "",
}

LONG_WORK = {what: f"commlog.jobs.{what}" for what in ("claim", "stalled", "hold", "targets")}
#: Where senders note the last send that they saw, a small file for each database. It lies outside of the
#: database and its backups, on a disk that stays. Default: `var/markers` beside `manage.py`.
MARKER_DIRECTORY = Path(env.text("MARKER_DIRECTORY", str(BASE_DIR / "var" / "markers")))
#: A bulk resend of more messages than this waits until a second person approves it. `0`: never.
BULK_APPROVAL_THRESHOLD = env.whole("BULK_APPROVAL_THRESHOLD", 0, least=0)

# --- Logging ------------------------------------------------------------------------------------------------
# No query strings, no addresses, no texts: what is searched and what is sent stays out of logs.
_LINE = {"format": "{asctime} {levelname} {name}{call} {message}", "style": "{"}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "no flood": {
            "()": CallbackFilter,
            "callback": lambda record: getattr(record, "status_code", 0) != 429,
        }
    },
    "formatters": {
        "line": {"()": "commlog.kit.log_lines.Line"} | _LINE,
        "one line": {"()": "commlog.kit.log_lines.OneLine"} | _LINE,
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line"},
        "brief": {"class": "logging.StreamHandler", "formatter": "one line"},
    },
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        # What is refused for being too often must not fill the log.
        "django.request": {"filters": ["no flood"]},
        "django-q": {"handlers": ["console"], "level": "WARNING", "propagate": False},
        # Scanners ask by the machine's address all day: no traceback each time.
        "django.security.DisallowedHost": {"handlers": ["brief"], "propagate": False},
        "twilio.http_client": {"level": "WARNING"},
        "urllib3": {"level": "WARNING"},
    },
}
