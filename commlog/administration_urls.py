"""The addresses of the administration."""

from django.urls import path

from commlog.views import administration, channels, menu_items, roles, templates, users

urlpatterns = [
    path("", administration.overview, name="administration"),
    path("menu-items/", menu_items.index, name="menu-items"),
    path("menu-items/new/", menu_items.new, name="menu-item-new"),
    path("menu-items/<hex32:key>/", menu_items.edit, name="menu-item"),
    path("menu-items/<hex32:key>/order/", menu_items.order, name="menu-item-order"),
    path("menu-items/<hex32:key>/delete/", menu_items.delete, name="menu-item-delete"),
    path("roles/", roles.index, name="roles"),
    path("roles/new/", roles.new, name="role-new"),
    path("roles/<int:pk>/", roles.edit, name="role"),
    path("roles/<int:pk>/delete/", roles.delete, name="role-delete"),
    path("users/", users.index, name="administration-users"),
    path("users/new/", users.new, name="administration-user-new"),
    path("users/<hex32:key>/", users.user, name="administration-user"),
    path("users/<hex32:key>/edit/", users.edit, name="administration-user-edit"),
    path("users/<hex32:key>/password/", users.password, name="administration-user-password"),
    path("users/<hex32:key>/activity/", users.activity, name="administration-user-activity"),
    path("users/<hex32:key>/sessions/", users.end_sessions, name="administration-user-sessions"),
    path("templates/", templates.index, name="templates"),
    path("templates/new/", templates.new, name="template-new"),
    path("templates/<hex32:key>/", templates.template, name="template"),
    path("templates/<hex32:key>/edit/", templates.edit, name="template-edit"),
    path("templates/<hex32:key>/activity/", templates.activity, name="template-activity"),
    path("templates/<hex32:key>/secret/", templates.secret, name="template-secret"),
    path("templates/<hex32:key>/delete/", templates.delete, name="template-delete"),
    path("channels/", channels.index, name="channels"),
    path("channels/lanes/<int:pk>/", channels.lane, name="lane"),
    path("channels/<slug:channel>/<slug:action>/", channels.act, name="channel-act"),
    path("retry-policy/", administration.retry_policy, name="retry-policy"),
    path("audit/", administration.audit, name="audit"),
]
