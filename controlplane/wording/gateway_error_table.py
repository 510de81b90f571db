"""What the gateway refuses: code -> (sentence, what to do now), a part of `error_tables`."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise

_CHECK_FIELDS = _("Correct the fields named, then send it again.")
_RETRY_LATER = _("Try again in a moment.")

GATEWAY_SENTENCES: dict[str, tuple[Text, Text]] = {
    "KEY_MISSING": (
        _("No gateway key was sent."),
        _("Send it as `Authorization: Bearer slip_…`; keys are made under Gateway."),
    ),
    "KEY_INVALID": (
        _("The gateway key is unknown, expired or revoked."),
        _("Make a new key under Gateway."),
    ),
    "KEY_REVOKED": (
        _("The gateway key was revoked while it was in use."),
        _("Make a new key under Gateway."),
    ),
    "KEYS_AWAY": (_("The gateway key cannot be checked at this moment."), _RETRY_LATER),
    "ROUTE_NOT_ALLOWED": (
        _("The gateway key does not allow requests of the kind {route}."),
        _("Use a key with a wider scope."),
    ),
    "MODEL_NOT_FOUND": (
        _("The model “{model}” does not exist, or the gateway key does not open it."),
        _("`GET /v1/models` lists what it opens."),
    ),
    "URL_UNKNOWN": (_("There is no {method} {path} here."), _("Check the address.")),
    "OVERLOADED": (
        _("As many requests are under way as fit."),
        _("Wait {wait_s}, then try again."),
    ),
    "BODY_TOO_SLOW": (_("The request did not arrive in time."), _("Send it again.")),
    "BODY_NOT_JSON": (_("The body is not JSON: {detail}"), _("Correct it, then send it again.")),
    "BODY_FIELD_INVALID": (
        _("The field {field} cannot be taken: {detail}"),
        _CHECK_FIELDS,
    ),
    "REMOTE_MEDIA_REFUSED": (
        _("{field} names an address that the engine would have to fetch."),
        _("Send the content itself as a `data:` address."),
    ),
    "CLIENT_TOO_SLOW": (_("The client took no byte of the answer for too long."), _RETRY_LATER),
    "LINE_FULL": (
        _("{name} is busy: this request would be number {position} in line."),
        _("Try again in {wait_s}, or add replicas."),
    ),
    "LINE_TIMEOUT": (
        _("{name} is busy: this request waited in line and is still number {position}."),
        _("Try again in {wait_s}, or add replicas."),
    ),
    "RATE_LIMITED": (
        _("The limit of {limit} requests per minute is reached."),
        _("Try again in {wait_s}."),
    ),
    "TOKENS_LIMITED": (
        _("The limit of {limit} tokens per minute is reached."),
        _("Try again in {wait_s}."),
    ),
    "QUOTA_SPENT": (
        _("The limit of {limit} tokens per day is reached."),
        _("Try again in {wait_s}, or raise the limit."),
    ),
    "CONCURRENCY_LIMITED": (
        _("The limit of {limit} requests at a time is reached."),
        _("Wait until one of them has ended."),
    ),
    "TOKENS_OVER_LIMIT": (
        _("An answer of {asked} tokens was asked for; {limit} is the most."),
        _("Lower it, then send it again."),
    ),
}
