"""The pages. Names are stable: templates, redirects and the side bar use them.

An object's address ends in its name; what makes a new one lies below `new/`, so that no name can
hide it.
"""

from django.conf import settings
from django.urls import URLPattern, path

from controlplane.web.views import (
    aliases,
    audit,
    bulk,
    bulk_hosts,
    captures,
    deployment_actions,
    deployment_form,
    deployment_gateway,
    deployments,
    gateway_keys,
    host_form,
    host_import,
    host_models,
    hosts,
    instance,
    language_models,
    operations,
    overview,
    palette,
    parts,
    playground,
    preferences,
    profile,
    replica_logs,
    series,
    sign_in,
    styleguide,
    uploads,
    usage,
    users,
)

app_name = "web"

_deployments = [
    path("deployments/", deployments.index, name="deployments"),
    path("new/deployment", deployment_form.create, name="deployment-new"),
    path("new/deployment/how", deployment_form.how, name="deployment-how"),
    path("new/deployment/fit", deployment_form.fit, name="deployment-fit"),
    path("deployments/<slug:name>/edit", deployment_form.edit, name="deployment-edit"),
    path("deployments/<slug:name>/", deployments.overview, name="deployment"),
    path("deployments/<slug:name>/replicas", deployments.replicas, name="deployment-replicas"),
    path("deployments/<slug:name>/logs", deployments.logs, name="deployment-logs"),
    path("deployments/<slug:name>/metrics", deployments.metrics, name="deployment-metrics"),
    path("deployments/<slug:name>/revisions", deployments.revisions, name="deployment-revisions"),
    path("deployments/<slug:name>/connect", deployments.connect, name="deployment-connect"),
    path("deployments/<slug:name>/settings", deployments.settings, name="deployment-settings"),
    path(
        "deployments/<slug:name>/series/<slug:measure>",
        series.deployment,
        name="deployment-series",
    ),
    path("deployments/<slug:name>/stop", deployment_actions.stop, name="deployment-stop"),
    path("deployments/<slug:name>/start", deployment_actions.start, name="deployment-start"),
    path("deployments/<slug:name>/scale", deployment_actions.scale, name="deployment-scale"),
    path("deployments/<slug:name>/retry", deployment_actions.retry, name="deployment-retry"),
    path(
        "deployments/<slug:name>/roll-back",
        deployment_actions.roll_back,
        name="deployment-roll-back",
    ),
    path("deployments/<slug:name>/delete", deployment_actions.delete, name="deployment-delete"),
    path("replicas/<uuid:ref>/log", replica_logs.lines, name="replica-log"),
    path("replicas/<uuid:ref>/log.txt", replica_logs.download, name="replica-log-download"),
]
_hosts = [
    path("hosts/", hosts.index, name="hosts"),
    path("new/host", host_form.add, name="host-new"),
    path("new/host/test", host_form.try_connection, name="host-test"),
    path("hosts/<slug:name>/", hosts.detail, name="host"),
    path("hosts/<slug:name>/series/<slug:measure>", series.host, name="host-series"),
    path("hosts/<slug:name>/edit", host_form.edit, name="host-edit"),
    path("hosts/<slug:name>/identity", hosts.accept_identity, name="host-identity"),
    path("hosts/<slug:name>/cordon", hosts.cordon, name="host-cordon"),
    path("hosts/<slug:name>/uncordon", hosts.uncordon, name="host-uncordon"),
    path("hosts/<slug:name>/drain", hosts.drain, name="host-drain"),
    path("hosts/<slug:name>/check", hosts.check, name="host-check"),
    path("hosts/<slug:name>/remove", hosts.remove, name="host-remove"),
    path("hosts/<slug:name>/models", host_models.index, name="host-models"),
    path("hosts/<slug:name>/models/pull", host_models.pull, name="host-models-pull"),
    path("hosts/<slug:name>/models/push", host_models.push, name="host-models-push"),
    path("hosts/<slug:name>/models/variant", host_models.variant, name="host-variant"),
    path("hosts/<slug:name>/models/<uuid:ref>", host_models.detail, name="host-model"),
    path("hosts/<slug:name>/models/<uuid:ref>/<slug:verb>", host_models.act, name="host-model-act"),
]
_models = [
    path("models/", language_models.index, name="models"),
    path("new/model", language_models.bring, name="model-import"),
    path("models/<slug:name>/", language_models.detail, name="model"),
    path("models/<slug:name>/edit", language_models.edit, name="model-edit"),
    path("models/<slug:name>/delete", language_models.delete, name="model-delete"),
    path("artifacts/<uuid:ref>/delete", language_models.artifact_delete, name="artifact-delete"),
    path("artifacts/<uuid:ref>/verify", language_models.artifact_verify, name="artifact-verify"),
    path(
        "placements/<uuid:ref>/remove",
        language_models.placement_take_off,
        name="placement-remove",
    ),
    path(
        "placements/<uuid:ref>/keep",
        language_models.placement_keep,
        {"pinned": True},
        name="placement-keep",
    ),
    path(
        "placements/<uuid:ref>/let-go",
        language_models.placement_keep,
        {"pinned": False},
        name="placement-let-go",
    ),
]
_operations = [
    path("operations/", operations.index, name="operations"),
    path("operations/<uuid:ref>/", operations.detail, name="operation"),
    path("operations/<uuid:ref>/cancel", operations.cancel, name="operation-cancel"),
    path("operations/<uuid:ref>/retry", operations.retry, name="operation-retry"),
]
_bulk = [
    path("bulk/deployments", bulk.deployments, name="deployments-bulk"),
    path("bulk/deployments/delete", bulk.deployments_delete, name="deployments-delete"),
    path("bulk/hosts", bulk_hosts.hosts, name="hosts-bulk"),
    path("bulk/hosts/remove", bulk_hosts.hosts_remove, name="hosts-remove"),
    path("new/hosts", host_import.page, name="host-import"),
    path("bulk/models/delete", bulk.models_delete, name="models-delete"),
    path("bulk/operations", bulk.operations, name="operations-bulk"),
]
_playground = [
    path("playground/", playground.page, name="playground"),
    path("playground/keep", playground.keep, name="playground-keep"),
    path("playground/kept", playground.kept, name="playground-kept"),
    path("playground/kept/<uuid:ref>/delete", playground.delete, name="playground-delete"),
]
_gateway = [
    path("gateway/", usage.page, name="gateway"),
    path("gateway/series/<slug:measure>", usage.series, name="usage-series"),
    path("gateway/usage.csv", usage.export, name="usage-export"),
    path("gateway/keys/", gateway_keys.index, name="gateway-keys"),
    path("new/gateway-key", gateway_keys.create, name="gateway-key-new"),
    path("gateway/keys/<slug:ref>/", gateway_keys.detail, name="gateway-key"),
    path("gateway/keys/<slug:ref>/edit", gateway_keys.edit, name="gateway-key-edit"),
    path("gateway/keys/<slug:ref>/revoke", gateway_keys.revoke, name="gateway-key-revoke"),
    path("gateway/aliases/", aliases.index, name="aliases"),
    path("new/alias", aliases.create, name="alias-new"),
    path("gateway/aliases/<slug:name>/", aliases.detail, name="alias"),
    path("gateway/aliases/<slug:name>/edit", aliases.edit, name="alias-edit"),
    path("gateway/aliases/<slug:name>/roll-back", aliases.roll_back, name="alias-roll-back"),
    path("gateway/aliases/<slug:name>/delete", aliases.delete, name="alias-delete"),
    path("deployments/<slug:name>/gateway", deployment_gateway.edit, name="deployment-gateway"),
    path("deployments/<slug:name>/capture", captures.page, name="deployment-capture"),
    path("deployments/<slug:name>/capture/stop", captures.stop, name="deployment-capture-stop"),
    path(
        "deployments/<slug:name>/capture/delete",
        captures.delete,
        name="deployment-capture-delete",
    ),
]
_people = [
    path("sign-in", sign_in.page, name="sign-in"),
    path("sign-in/link/<str:secret>", sign_in.link, name="sign-in-link"),
    path("sign-out", sign_in.sign_out, name="sign-out"),
    path("first-run", sign_in.first_run, name="first-run"),
    path("profile/", profile.page, name="profile"),
    path("profile/password", profile.password, name="profile-password"),
    path("profile/sign-out-everywhere", profile.sign_out_everywhere, name="profile-sign-out"),
    path("tokens/", profile.tokens, name="tokens"),
    path("tokens/<uuid:ref>/revoke", profile.token_end, name="token-revoke"),
    path("users/", users.index, name="users"),
    path("new/user", users.add, name="user-new"),
    path("users/<slug:name>/", users.edit, name="user"),
    path("users/<slug:name>/link", users.link, name="user-link"),
    path("users/<slug:name>/sign-out", users.sign_out, name="user-sign-out"),
    path("users/<slug:name>/delete", users.delete, name="user-delete"),
    path("audit/", audit.page, name="audit"),
    path("settings/", instance.page, name="settings"),
    path("palette", palette.items, name="palette"),
    path("parts/<str:name>", parts.part, name="part"),
    path("uploads", uploads.begin, name="upload"),
    path("uploads/<slug:upload>", uploads.piece, name="upload-piece"),
]

urlpatterns: list[URLPattern] = [
    path("", overview.page, name="overview"),
    path("language", preferences.set_language, name="language"),
    *_deployments,
    *_hosts,
    *_models,
    *_operations,
    *_bulk,
    *_playground,
    *_gateway,
    *_people,
]

if settings.STYLEGUIDE:
    urlpatterns += [
        path("styleguide/", styleguide.page, name="styleguide"),
        path("styleguide/series", styleguide.series, name="styleguide-series"),
        path("styleguide/log", styleguide.log, name="styleguide-log"),
        path("styleguide/error/<slug:name>", styleguide.error, name="styleguide-error"),
    ]
