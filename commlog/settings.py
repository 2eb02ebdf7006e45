"""Settings, read only here from the environment; invalid or unsafe values are refused. Default:
development.
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

from django.core.exceptions import ImproperlyConfigured

from commlog.environment import Environment
from commlog.kit import content_policy, database_settings, log_settings, template_settings
from commlog.kit.issuer import issuer
from notifications import channels
from notifications.channels.email import EmailChannel, plain_address, sender
from notifications.channels.sms.channel import SmsChannel, sender_parameter
from notifications.channels.webhook import WebhookChannel, usable_secret, usable_url
from notifications.database import replica
from notifications.text import days
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
SECURE_REDIRECT_EXEMPT = [r"^healthz", r"^readyz", r"^metrics$"]
SECURE_HSTS_SECONDS = 31_536_000 if SECURE_SSL_REDIRECT else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE_SSL_REDIRECT
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT
SESSION_COOKIE_NAME = "__Host-session" if SECURE_SSL_REDIRECT else "session"
DEVICE_COOKIE_NAME = "__Host-device" if SECURE_SSL_REDIRECT else "device"
WRITTEN_COOKIE_NAME = "__Host-written" if SECURE_SSL_REDIRECT else "written"
SESSION_COOKIE_AGE = 30 * 60  # without a sign of the user
SESSION_LONGEST = 12 * 3600  # in all
CSRF_COOKIE_NAME = "__Host-csrf" if SECURE_SSL_REDIRECT else "csrftoken"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "commlog.views.errors.stale_form"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = content_policy.POLICY
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
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
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
    "commlog.metrics.requests.MetricsMiddleware",
    "commlog.middleware.ProbesMiddleware",
    "commlog.middleware.TrustedProxyMiddleware",
    "commlog.api.middleware.ProgramsMiddleware",
    "commlog.kit.compression.CompressionMiddleware",
    "commlog.audit.AuditMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "commlog.middleware.AddressLengthMiddleware",
    "commlog.database_middleware.OwnWritesMiddleware",
    "commlog.database_middleware.KeptSessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "commlog.middleware.SignedInMiddleware",
    "commlog.middleware.FirstThingsMiddleware",
    "commlog.live.middleware.QuietMiddleware",
    "commlog.database_middleware.DatabaseTroubleMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "commlog.middleware.NoStoreMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "commlog.kit.hidden_characters.HiddenCharactersMiddleware",
]
ROOT_URLCONF = "commlog.urls"
TEMPLATES = template_settings.of(BASE_DIR / "templates")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
APPEND_SLASH = True
AUTHENTICATION_BACKENDS = ["commlog.account.backends.StaffBackend"]

# --- Database -----------------------------------------------------------------------------------------------
# In production a database is named: an empty file that is made by itself would look like a log in which
# nothing was ever sent.
#: `postgres://user:password@host:5432/name`. Percent-encode what is not a letter or a digit in the password.
#: Several hosts, of which one takes writes: `…@one:5432,two:5432/name?target_session_attrs=read-write`.
#: Default: `db.sqlite3` beside `manage.py`; with `DEBUG=0` none.
_database = env.database(
    "DATABASE_URL", f"sqlite:///{BASE_DIR / 'db.sqlite3'}" if DEBUG else "", anywhere=DEBUG
)
IS_SQLITE = _database["ENGINE"].endswith("sqlite3")
DATABASES = {"default": database_settings.completed(_database)}
#: A hot standby of that database (PostgreSQL only), written the same way. Logs, searches, exports and
#: `/metrics` are read there. See [A replica for reading](operate.md#a-replica-for-reading). Default: none.
if env.text("DATABASE_REPLICA_URL"):
    _replica = env.database("DATABASE_REPLICA_URL", "")
    if IS_SQLITE or _replica["ENGINE"] != _database["ENGINE"]:
        raise env.refuse("DATABASE_REPLICA_URL", "postgres://…, where DATABASE_URL is one, too, or unset")
    DATABASES[replica.ALIAS] = database_settings.completed_replica(_replica)
    DATABASE_ROUTERS = ["notifications.database.replica.Router"]
#: Seconds that the replica may be behind. Beyond it the primary is read.
DATABASE_REPLICA_MOST_BEHIND = env.whole("DATABASE_REPLICA_MOST_BEHIND", 10, least=1, most=3_600)
# What was used once must be known to every process: codes of an app. The cluster's own notes are a process's.
CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "commlog_used_once",
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    },
    "process": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
}
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
PASSWORD_RESET_TIMEOUT = 3 * 24 * 3600  # seconds that an invitation is valid; a reset is for less
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign-in"
#: Minutes during which wrong passwords are counted, and how long a lock lasts.
SIGN_IN_MINUTES = env.whole("SIGN_IN_MINUTES", 15, least=1, most=1_440)
#: Wrong passwords that lock a user name from one address. A /64 of IPv6 counts as one address. Right
#: passwords are not counted.
SIGN_IN_MOST_WRONG = env.whole("SIGN_IN_MOST_WRONG", 5, least=1, most=1_000)
#: Wrong passwords of any users that lock every sign-in from that address.
SIGN_IN_MOST_WRONG_OF_ADDRESS = env.whole("SIGN_IN_MOST_WRONG_OF_ADDRESS", 60, least=1, most=10_000)
#: Wrong passwords for one account within an hour, from all addresses together, after which the audit trail
#: and `ALERT_EMAIL` are notified. The account is not locked. `0`: never.
SIGN_IN_ALARM = env.whole("SIGN_IN_ALARM", 20, least=0, most=1_000_000)
#: Roles whose users need a second factor (a code of an app, or a passkey), separated by commas. `none`: no
#: role. Default: `Administrator`; with `DEBUG=1` none.
SECOND_FACTOR_ROLES = [
    role
    for role in env.words("SECOND_FACTOR_ROLES") or ([] if DEBUG else ["Administrator"])
    if role != "none"
]
#: Days, counted from the first sign-in, that these users have to set it up.
SECOND_FACTOR_GRACE_DAYS = env.whole("SECOND_FACTOR_GRACE_DAYS", 7, least=0, most=90)
#: Minutes for which a sign-in suffices for what is asked again: API keys, users, roles, retention, large
#: exports and resends, the second factor itself. `0`: it is never asked again. Default: 5; with `DEBUG=1` 0.
CONFIRM_MINUTES = env.whole("CONFIRM_MINUTES", 0 if DEBUG else 5, least=0, most=60)
#: Messages above which a bulk resend or an export asks the user to confirm who they are.
CONFIRM_MESSAGES = env.whole("CONFIRM_MESSAGES", 1_000, least=0)
#: The OpenID Connect provider where people sign in with their company's account, spelled as it calls itself:
#: `https://login.bank.example/realms/staff`. Register `<PUBLIC_URL>/sign-in/company/callback/` there as the
#: redirect address, and `<PUBLIC_URL>/sign-in/company/ended/` for back-channel logout. Default: none.
COMPANY_SIGN_IN_ISSUER = env.usable(
    "COMPANY_SIGN_IN_ISSUER", "an address such as https://login.bank.example", partial(issuer, DEBUG)
)
#: The client that is registered for Commlog there.
COMPANY_SIGN_IN_CLIENT = env.text("COMPANY_SIGN_IN_CLIENT", most=200)
#: Its secret.
COMPANY_SIGN_IN_SECRET = env.text("COMPANY_SIGN_IN_SECRET", most=1_000)
if COMPANY_SIGN_IN_ISSUER and not (COMPANY_SIGN_IN_CLIENT and COMPANY_SIGN_IN_SECRET):
    raise env.refuse("COMPANY_SIGN_IN_CLIENT", "the client and, in COMPANY_SIGN_IN_SECRET, its secret")
#: What the sign-in page calls it: “Sign in with …”.
COMPANY_SIGN_IN_NAME = env.text("COMPANY_SIGN_IN_NAME", "your company account", most=60)
#: Which scopes are asked for besides `openid`, separated by commas. Some providers tell groups with a scope
#: of their own. Default: `profile,email`.
COMPANY_SIGN_IN_SCOPES = ["openid", *(env.words("COMPANY_SIGN_IN_SCOPES") or ["profile", "email"])]
#: The claim with a person's groups.
COMPANY_SIGN_IN_GROUPS = env.text("COMPANY_SIGN_IN_GROUPS", "groups", most=100)
#: `1`: who signs in for the first time and has a group that gives a role becomes a user. `0`: users are
#: linked by an administrator, or by themselves once they have signed in with a password.
COMPANY_SIGN_IN_CREATES = env.flag("COMPANY_SIGN_IN_CREATES", False)
#: `0`: nobody signs in with a password but `BREAK_GLASS_USERS`. Needs `COMPANY_SIGN_IN_ISSUER`.
LOCAL_PASSWORDS = env.flag("LOCAL_PASSWORDS", True)
#: With `LOCAL_PASSWORDS=0`: the user names for emergencies, separated by commas. Each such sign-in is told to
#: `ALERT_EMAIL`.
BREAK_GLASS_USERS = env.words("BREAK_GLASS_USERS")
if not LOCAL_PASSWORDS and not (COMPANY_SIGN_IN_ISSUER and BREAK_GLASS_USERS):
    raise env.refuse(
        "LOCAL_PASSWORDS", "0 only with COMPANY_SIGN_IN_ISSUER and at least one user in BREAK_GLASS_USERS"
    )
SOCIALACCOUNT_ADAPTER = "commlog.account.library.CompanyAdapter"
# The library counts by itself where it may not know a proxy; commlog.account.passwords counts for all doors.
ACCOUNT_RATE_LIMITS = False
ACCOUNT_ADAPTER = "commlog.account.library.AccountAdapter"
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGIN_TIMEOUT = 300  # seconds between password and second factor
MFA_ADAPTER = "commlog.account.library.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_TOTP_TOLERANCE = 1  # a clock that is half a minute off
MFA_TOTP_ISSUER = "Commlog"
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_ALLOW_UNVERIFIED_EMAIL = True  # administrators enter addresses; the library's table of them stays empty
_cores = os.cpu_count() or 1
#: Passwords that one machine checks at once, one of each address, so that pages are still served. Further
#: ones are answered 429 immediately. Default: half the cores.
PASSWORD_CHECKS_AT_ONCE = env.whole("PASSWORD_CHECKS_AT_ONCE", max(1, _cores // 2), least=1, most=1_000)
# Named so that nobody else on the machine can know it, and so that each installation has its own.
PASSWORD_LOCKS = (
    Path(tempfile.gettempdir()) / f"commlog-{os.getuid()}-{sha256(SECRET_KEY.encode()).hexdigest()[:16]}"
)

# --- Organisation -------------------------------------------------------------------------------------------
USE_TZ = True
#: The time zone of all times on pages and in answers, such as `Europe/Berlin`.
TIME_ZONE = ORGANISATION_TIME_ZONE = env.time_zone("ORGANISATION_TIME_ZONE", "UTC")
#: How pages write a day, and date boxes read it: `d MMM yyyy` (24 Nov 2026), `dd.MM.yyyy`, `dd/MM/yyyy`,
#: `MM/dd/yyyy`, `dd-MM-yyyy` or `yyyy-MM-dd`. Boxes read ISO (2026-11-24) always; short moments of this year
#: (24 Nov 09:14) keep the name of the month.
ORGANISATION_DATE_FORMAT = env.choice("ORGANISATION_DATE_FORMAT", [*days.FORMATS])
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
#: Minutes for which a rotated key keeps working.
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
#: The class of a Django storage for files of what retention deletes, such as
#: `django.core.files.storage.FileSystemStorage`. See [Retention](operate.md#retention). Default: no files.
_archive = env.class_path("RETENTION_STORAGE", "")
#: The options of that storage as a JSON object, such as `{"location": "/srv/commlog-archive"}`.
STORAGES["retention"] = {"BACKEND": _archive, "OPTIONS": env.options("RETENTION_STORAGE_OPTIONS")}

# --- E-mail -------------------------------------------------------------------------------------------------
# What a channel would refuse about its own settings at each message is asked here once, of its own code.
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

_hook = partial(usable_url, WEBHOOK_ALLOWED_NETS, WEBHOOK_ALLOW_HTTP)

# --- Alerts -------------------------------------------------------------------------------------------------
#: Who is notified, once, when a provider or receiver is failing or in trouble, when a webhook's receiver is
#: gone (410), and when nothing is sent after a restore.
ALERT_EMAIL = env.usable("ALERT_EMAIL", "one address such as operations@example.org", plain_address)
#: A second mail server, which mail to `ALERT_EMAIL` leaves by, written like `EMAIL_URL`: so that an outage of
#: the first is told.
ALERT_EMAIL_URL = env.mail_server("ALERT_EMAIL_URL")
#: Where incidents are told as a webhook, too: an incoming webhook of Slack or Teams, or your own receiver.
ALERT_WEBHOOK_URL = env.usable("ALERT_WEBHOOK_URL", "an https URL that may be called", _hook)
#: With this secret that webhook is signed, as the webhooks of templates are: `whsec_` and 24 to 64 octets in
#: Base64.
ALERT_WEBHOOK_SECRET = env.usable("ALERT_WEBHOOK_SECRET", "whsec_ and Base64", usable_secret)
#: Who is told of incidents by SMS, too.
ALERT_SMS_TO = env.usable("ALERT_SMS_TO", "one number such as +491700000000", e164)

# --- Copies of production data ------------------------------------------------------------------------------
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
    "cache": "process",
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

LONG_WORK = {what: f"commlog.jobs.{what}" for what in ("stalled", "hold", "targets")}
LONG_WORK |= {
    "claim": "commlog.erasure.runs.claim_long_work",
    "open": "commlog.erasure.runs.open_long_work",
}
#: The hour, in the organisation's zone, from which on each night deletes what is older than its period. See
#: [Retention](operate.md#retention).
RETENTION_HOUR = env.whole("RETENTION_HOUR", 1, least=0, most=23)
#: Where senders note the last send that they saw, a small file for each database. It lies outside of the
#: database and its backups, on a disk that stays. Default: `var/markers` beside `manage.py`.
MARKER_DIRECTORY = Path(env.text("MARKER_DIRECTORY", str(BASE_DIR / "var" / "markers")))
#: Where the list of erasures is kept, a small file for each without personal data: with it `erase replay`
#: forgets again after a restore. It lies outside of the database and its backups; all machines with senders
#: share it, or copy it. Default: `var/erasures` beside `manage.py`.
ERASURES_DIRECTORY = Path(env.text("ERASURES_DIRECTORY", str(BASE_DIR / "var" / "erasures")))
#: An erasure of more messages than this waits until a second person approves it. `0`: never.
ERASURE_APPROVAL_THRESHOLD = env.whole("ERASURE_APPROVAL_THRESHOLD", 0, least=0)
#: A bulk resend of more messages than this waits until a second person approves it. `0`: never.
BULK_APPROVAL_THRESHOLD = env.whole("BULK_APPROVAL_THRESHOLD", 0, least=0)

# --- Watching -----------------------------------------------------------------------------------------------
#: What Prometheus sends as its bearer token to read `/metrics`. At least 20 characters. Without it, and
#: without `METRICS_NETS`, there are no metrics.
METRICS_TOKEN = env.matching("METRICS_TOKEN", r"[!-~]{20,}", "at least 20 letters, digits or signs")
#: Networks from which `/metrics` may be read, such as `10.1.0.0/16`. With a token as well, both are asked
#: for.
METRICS_NETS = env.networks("METRICS_NETS")

# --- Logging ------------------------------------------------------------------------------------------------
#: `json`: each line of the log is a JSON object.
LOG_FORMAT = env.choice("LOG_FORMAT", ("line", "json"))
LOGGING = log_settings.of(json=LOG_FORMAT == "json")
