"""Signing in: by password with a throttle, or by a link that works once.

The throttle counts failures per account and per address over the last hour. Beyond the free ones,
the next try must wait after the last failure, and the wait doubles with every further round.
`docs/decisions/sign-in-throttle.md` says why this is ours.
"""

from datetime import timedelta

from django.contrib.auth import authenticate
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from models_app.domain.actors import Actor
from models_app.domain.errors import InvalidError, NotSignedInError, TooManyError
from models_app.domain.states import Role
from models_app.models import SignInAttempt, SignInLink, User
from models_app.services.keyed_digests import keyed_digest, new_secret
from models_app.services.records import audit

KEPT = timedelta(hours=1)
FREE_PER_ACCOUNT = 5
FREE_PER_ADDRESS = 20
WAIT_S = 60
LONGEST_WAIT_S = 900
LINK_MINUTES = 15
LONGEST_LINK_MINUTES = 7 * 24 * 60
LINK = "sign-in-link"


def sign_in_by_password(name: str, password: str, *, address: str) -> User:
    """Return the user of this name and password. Raises NotSignedInError, TooManyError.

    The answer is the same, and takes as long, whether the name or the password was wrong.
    """
    name = name.strip().lower()[:48]
    attempt_begin(name, address)
    user = authenticate(None, username=name, password=password)
    if not isinstance(user, User):
        known = User.objects.filter(name=name).exists()  # else it may be a password, mistyped
        _audit_sign_in(name if known else "unknown", address, "sign_in.failed")
        raise NotSignedInError("SIGN_IN_FAILED")
    attempts_forget(name)
    _audit_sign_in(user.name, address, "sign_in", user)
    return user


def link_create(user: User, *, minutes: int = LINK_MINUTES, actor: Actor | None = None) -> str:
    """Return the secret of a new sign-in link; earlier ones of the user stop working.

    `actor` None is the operator at the machine's own command line.
    """
    if actor is not None:
        actor.require(Role.ADMIN)
    if not 0 < minutes <= LONGEST_LINK_MINUTES:
        raise InvalidError("VALUE_OUT_OF_RANGE", fields={"minutes": "VALUE_OUT_OF_RANGE"})
    secret = new_secret()
    by = actor or Actor(user_id=None, name="operator", role=Role.ADMIN, via="command")
    with transaction.atomic():
        SignInLink.objects.filter(user=user, used_at=None).delete()
        SignInLink.objects.create(
            user=user,
            secret_hmac=keyed_digest(LINK, secret),
            expires_at=timezone.now() + timedelta(minutes=minutes),
        )
        audit(by, "user.link_create", user)
    return secret


def link_use(secret: str, *, address: str = "") -> User:
    """Return the user of a link and use it up. Raises NotSignedInError LINK_USED_UP."""
    now = timezone.now()
    digest = keyed_digest(LINK, secret)
    with transaction.atomic():
        # Conditions on the link's own row alone: those are judged again after waiting for another.
        good = SignInLink.objects.filter(secret_hmac=digest, used_at=None, expires_at__gt=now)
        is_first = bool(good.update(used_at=now))
        link = SignInLink.objects.select_related("user").filter(secret_hmac=digest).first()
        if not is_first or link is None or not link.user.is_active:
            raise NotSignedInError("LINK_USED_UP")
        user = link.user
        _audit_sign_in(user.name, address, "sign_in.link", user)
    attempts_forget(user.name)
    return user


def attempt_begin(name: str, address: str) -> None:
    """Count a try before its outcome is known. Raises TooManyError while it must wait.

    Counting first keeps a hundred tries at once from all passing before the first has failed;
    whoever succeeds calls `attempts_forget`. A refused try does not count: waiting always helps.
    """
    _check_wait(name, address)
    mine = SignInAttempt.objects.create(name=name, address=address)
    try:
        _check_wait(name, address, mine.pk)
    except TooManyError:
        mine.delete()
        raise


def attempts_forget(name: str) -> None:
    """Forget the failures of an account after a success; an address keeps those of others."""
    SignInAttempt.objects.filter(name=name).delete()


def attempts_prune() -> int:
    """Delete what the throttle no longer looks at, and links nobody can use. For housekeeping."""
    SignInLink.objects.filter(expires_at__lt=timezone.now() - KEPT).delete()
    count, _ = SignInAttempt.objects.filter(at__lt=timezone.now() - KEPT).delete()
    return count


def _check_wait(name: str, address: str, mine: int = 0) -> None:
    recent = SignInAttempt.objects.filter(at__gt=timezone.now() - KEPT).exclude(pk=mine)
    wait = max(
        _wait_s(recent.filter(name=name), FREE_PER_ACCOUNT),
        _wait_s(recent.filter(address=address), FREE_PER_ADDRESS) if address else 0,
    )
    if wait > 0:
        raise TooManyError("SIGN_IN_THROTTLED", params={"wait_s": wait})


def _wait_s(failures: QuerySet[SignInAttempt], free: int) -> int:
    """Return how many seconds from now the next try is allowed; 0 means at once."""
    count = failures.count()
    if count < free:
        return 0
    last = failures.order_by("-at").values_list("at", flat=True)[0]
    wait: int = min(LONGEST_WAIT_S, WAIT_S << min(10, count // free - 1))
    passed = (timezone.now() - last).total_seconds()
    return max(0, round(wait - passed + 0.5))


def _audit_sign_in(name: str, address: str, action: str, user: User | None = None) -> None:
    actor = Actor(
        user_id=user.pk if user else None,
        name=name or "-",
        role=Role(user.role) if user else Role.VIEWER,
        via="page",
        address=address,
    )
    audit(actor, action, user)
