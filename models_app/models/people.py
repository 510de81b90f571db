"""Users with roles, their API tokens, one-time sign-in links, and what they did."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils.crypto import salted_hmac

from models_app.domain.states import Role
from models_app.models.base import JSONField, Row, choices, states_check


class UserManager(BaseUserManager["User"]):
    """Finds users by name as Django's authentication asks for it."""

    def get_by_natural_key(self, username: str | None) -> "User":
        """Names are not case sensitive."""
        return self.get(name__iexact=username or "")


class User(AbstractBaseUser, Row):
    """A person who signs in. `role_version` grows when rights change, so open sockets notice."""

    name = models.CharField(max_length=48, unique=True)
    display_name = models.CharField(max_length=100, blank=True, default="")
    role = models.CharField(max_length=10, choices=choices(Role), default=Role.VIEWER)
    role_version = models.PositiveIntegerField(default=1)
    is_active = models.BooleanField(default=True)
    is_set_up = models.BooleanField(default=True)  # False: has not yet chosen name and password
    language = models.CharField(max_length=5, blank=True, default="")
    theme = models.CharField(max_length=5, blank=True, default="")  # light, dark, or the system's

    USERNAME_FIELD = "name"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects = UserManager()

    class Meta:
        ordering = ["name"]
        constraints = [states_check("user_role", "role", Role)]

    def __str__(self) -> str:
        return self.name

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Every session holds this hash: a new password or `role_version` ends them all."""
        content = f"{self.role_version}:{self.password}"
        return salted_hmac(
            "slipway.session", content, secret=secret, algorithm="sha256"
        ).hexdigest()


class ApiToken(Row):
    """A bearer token of the REST API. The secret is shown once; its HMAC is kept."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=100)
    key_id = models.CharField(max_length=16, unique=True)
    secret_hmac = models.CharField(max_length=64)
    scopes = JSONField(default=list)  # "read", "operate", "admin": never more than the user's role
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"{self.key_id} {self.name}"


class SignInLink(models.Model):
    """A link that signs its user in once, within its time."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="links")
    secret_hmac = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"link of {self.user_id}"


class SignInAttempt(models.Model):
    """A failed sign-in, kept for an hour, so that guessing gets slow."""

    name = models.CharField(max_length=48, db_index=True)
    address = models.CharField(max_length=45, db_index=True)
    at = models.DateTimeField(auto_now_add=True, db_index=True)

    def __str__(self) -> str:
        return f"{self.name} from {self.address}"


class AuditEntry(models.Model):
    """Who did what to which object. Only ever added: triggers of the database refuse the rest."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    at = models.DateTimeField(auto_now_add=True, db_index=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    actor_name = models.CharField(max_length=64)  # survives the user
    via = models.CharField(max_length=20)  # page, api, command, system
    address = models.CharField(max_length=45, blank=True, default="")
    request_id = models.CharField(max_length=64, blank=True, default="")
    action = models.CharField(max_length=60, db_index=True)
    subject_kind = models.CharField(max_length=20, blank=True, default="")
    subject_id = models.UUIDField(null=True, db_index=True)
    subject_name = models.CharField(max_length=100, blank=True, default="")
    changes = JSONField(default=dict)  # {"field": [before, after]}, never a secret

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.actor_name} {self.action} {self.subject_name}"


class IdempotencyKey(models.Model):
    """The answer given to a POST, so that a repeated one gets the same and does nothing twice."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    key = models.CharField(max_length=100)
    request_hash = models.CharField(max_length=64)  # of method, path and body
    status = models.PositiveSmallIntegerField(null=True)  # null while the first is under way
    body = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="idempotency_user_key")]

    def __str__(self) -> str:
        return self.key
