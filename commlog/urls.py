"""URLs of the back office."""

from uuid import UUID

from django.urls import include, path, register_converter
from django.views.generic import RedirectView

from commlog.message import mail_receipts
from commlog.views import (
    account,
    accounts,
    bulk,
    columns,
    company,
    conditions,
    custom_views,
    dashboard,
    demo,
    errors,
    events,
    exports,
    find,
    health,
    help,
    icons,
    incidents,
    jobs,
    live,
    log,
    message,
    metrics,
    password_links,
    receipts,
    second_factor,
    session,
)
from notifications.text import keys


class Hex32:
    """A key, with or without dashes; our own URLs have none."""

    regex = keys.PATTERN

    def to_python(self, value: str) -> UUID:
        return UUID(value)

    def to_url(self, value: UUID) -> str:
        return value.hex


register_converter(Hex32, "hex32")

urlpatterns = [
    path("", dashboard.dashboard, name="home"),
    path("demo/outage/", demo.outage, name="demo-outage"),
    path("find/", find.index, name="find"),
    path("help/", help.page, name="help"),
    path("icons.css", icons.stylesheet, name="icons"),
    path("sign-in/", session.SignIn.as_view(), name="sign-in"),
    path("sign-in/code/", second_factor.sign_in_code, name="sign-in-code"),
    path("sign-in/company/", company.leave, name="company"),
    path("sign-in/company/callback/", company.come_back, name="company-callback"),
    path("sign-in/company/ended/", company.ended, name="company-ended"),
    path("sign-in/company/out/", company.leave_for_good, name="company-out"),
    path("sign-in/left/", session.left, name="session-left"),
    path("sign-in/forgotten/", password_links.forgotten, name="forgotten"),
    path("sign-in/password/", password_links.choose, name="choose-password"),
    path("live/", live.frame, name="live"),
    path("sign-out/", session.sign_out, name="sign-out"),
    path("communications/", log.log, name="log"),
    path("communications/columns/", columns.columns, name="columns"),
    path("communications/views/", custom_views.index, name="views"),
    path("communications/views/new/", custom_views.new, name="view-new"),
    path("communications/views/<hex32:key>/", custom_views.edit, name="view-edit"),
    path("communications/views/<hex32:key>/delete/", custom_views.delete, name="view-delete"),
    path("communications/views/<hex32:key>/<slug:action>/", custom_views.act, name="view-act"),
    path("communications/export/", exports.export, name="export"),
    path("communications/condition/", conditions.row, name="condition"),
    path("communications/suggest/<slug:whom>/", conditions.suggest, name="suggest"),
    path("communications/resend/", bulk.resend, name="bulk-resend"),
    path("communications/resend/matching/", bulk.matching, name="bulk-matching"),
    path("accounts/<hex32:key>/communications/", accounts.communications, name="account-communications"),
    path("incidents/", incidents.index, name="incidents"),
    path("incidents/<hex32:key>/", incidents.incident, name="incident"),
    path("incidents/<hex32:key>/resend/", incidents.resend, name="incident-resend"),
    path("jobs/", jobs.index, name="jobs"),
    path("jobs/<hex32:key>/file/", exports.download, name="job-file"),
    path("jobs/<hex32:key>/", jobs.job, name="job"),
    path("jobs/<hex32:key>/<slug:action>/", jobs.act, name="job-act"),
    path("communications/events/", events.index, name="events"),
    path("communications/events/<hex32:key>/", events.event, name="event"),
    path("communications/<hex32:key>/", message.message, name="message"),
    path("communications/<hex32:key>/resend/", message.resend, name="resend"),
    path("", include("commlog.views.recipient_urls")),
    path("account/", account.account, name="account"),
    path("account/password/", account.password, name="account-password"),
    path("account/sessions/", account.end_session, name="account-sessions"),
    path("account/security/", second_factor.security, name="security"),
    path("account/security/app/", second_factor.app_new, name="security-app"),
    path("account/security/passkey/", second_factor.passkey_new, name="security-passkey"),
    path("account/security/company/", company.own, name="security-company"),
    path("account/security/codes/", second_factor.codes, name="security-codes"),
    path("account/security/<int:pk>/remove/", second_factor.remove, name="security-remove"),
    path("account/menu/", account.order, name="account-menu"),
    path("administration/", include("commlog.views.administration_urls")),
    path("admin/", RedirectView.as_view(pattern_name="administration"), name="admin"),
    path("", include("commlog.api.urls")),
    path("receipts/mail/", include(mail_receipts.patterns())),
    path("receipts/twilio/<hex32:key>/", receipts.twilio, name="receipt-twilio"),
    path("healthz", health.alive, name="alive"),
    path("readyz", health.ready, name="ready"),
    path("healthz/sender", health.sender, name="sender"),
    path("metrics", metrics.metrics, name="metrics"),
]

handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler500 = errors.server_error
