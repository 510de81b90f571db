"""Settings of every process. What differs by installation comes from `env.py` alone."""

from urllib.parse import urlsplit

from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from controlplane.settings.databases import database_settings
from controlplane.settings.env import ROOT, read_env
from controlplane.settings.paths import DataPaths
from controlplane.settings.secret_files import read_or_create
from models_app.domain.key_ring import new_ring

ENV = read_env()
PATHS = DataPaths(ENV.data)

# --- identity ----------------------------------------------------------------------------------
SECRET_KEY = read_or_create(PATHS.secrets, "django_key")
TOKEN_PEPPER = read_or_create(PATHS.secrets, "token_pepper")
INSTANCE_ID = read_or_create(PATHS.secrets, "instance_id")[:16]  # marks our workloads on hosts
KEY_RING = PATHS.secrets / "key_ring"  # encrypts hosts' secrets; read anew at each use
read_or_create(PATHS.secrets, KEY_RING.name, new_ring)
DEBUG = ENV.debug
STYLEGUIDE = ENV.debug or ENV.demo  # /styleguide/ shows every part in every state
PUBLIC_URL = ENV.public_url or f"http://{ENV.host}:{ENV.port}"
_OWN_NAMES = ("127.0.0.1", "localhost", "[::1]", ENV.host)
_PUBLIC_NAME = urlsplit(PUBLIC_URL).hostname or ENV.host
ALLOWED_HOSTS = [*dict.fromkeys((*_OWN_NAMES, _PUBLIC_NAME, *ENV.allowed_hosts))]
LOCAL_ORIGINS = [f"http://{name}:{ENV.port}" for name in dict.fromkeys(_OWN_NAMES)]
CSRF_TRUSTED_ORIGINS = [*LOCAL_ORIGINS, *([ENV.public_url] if ENV.public_url else [])]

# --- the house ---------------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "channels",
    "csp",
    "django_htmx",
    "ninja",
    "models_app",
    "workers",
    "controlplane",
]
MIDDLEWARE = [
    "controlplane.middleware.RequestIdMiddleware",
    "controlplane.api.answers.ApiAnswersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "controlplane.bodies.BodyLimitMiddleware",
    "controlplane.assets.CompressingWhiteNoise",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "controlplane.sessions.SessionLifeMiddleware",
    "controlplane.middleware.PreferencesMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "controlplane.web.set_up.SetUpMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "controlplane.web.refusals.RefusalMiddleware",
]
ROOT_URLCONF = "controlplane.urls"
ASGI_APPLICATION = "controlplane.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "controlplane.web.context.frame",
            ],
            "builtins": [  # so that no template loads them
                "django.templatetags.i18n",
                "django.templatetags.static",
                "django.templatetags.l10n",
                "controlplane.templatetags.formats",
                "controlplane.templatetags.parts",
                "controlplane.templatetags.figures",
                "controlplane.templatetags.memory_bars",
                "controlplane.templatetags.tables",
                "controlplane.templatetags.fields",
            ],
        },
    }
]

# --- data --------------------------------------------------------------------------------------
DATABASES = {"default": database_settings(ENV.database_url, PATHS.database)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
BROKER_URL = ENV.broker_url or f"unix://{PATHS.broker_socket}"
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [BROKER_URL], "prefix": "slipway"},
    }
}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

# --- people ------------------------------------------------------------------------------------
AUTH_USER_MODEL = "models_app.User"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("name", "display_name")},
    },
]
LOGIN_URL = "web:sign-in"
LOGIN_REDIRECT_URL = "web:overview"
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = False  # htmx sends it back as a header
_HTTPS = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _HTTPS
SESSION_COOKIE_NAME = "__Host-session" if _HTTPS else "slipway_session"
CSRF_COOKIE_NAME = "__Host-csrf" if _HTTPS else "slipway_csrf"
CSRF_FAILURE_VIEW = "controlplane.web.views.errors.csrf_failure"

# --- defences ----------------------------------------------------------------------------------
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 31_536_000 if _HTTPS else 0
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "font-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 1 << 20
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200

# --- language ----------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("it", _("Italian"))]
LOCALE_PATHS = [ROOT / "controlplane" / "locale"]
LANGUAGE_COOKIE_NAME = "slipway_language"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# --- files -------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "controlplane.assets.ContentVersionedStorage"},
}
WHITENOISE_USE_FINDERS = True  # no collectstatic step in the embedded default
WHITENOISE_MAX_AGE = 3600

# --- hands -------------------------------------------------------------------------------------
NUDGE_AFTER_COMMIT = True  # tests leave nudges in the outbox and look at them there
SAMPLES_TOGETHER_S = 1.0  # figures of so long are written together; tests write each at once
CELERY_BROKER_URL = ENV.broker_url or f"redis+socket://{PATHS.broker_socket}"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "request_id": {"()": "controlplane.logs.RequestIdFilter"},
        "short": {"()": "controlplane.logs.ShortFilter"},
    },
    "formatters": {
        "line": {
            "()": "controlplane.logs.LineFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s",
        }
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["request_id"],
        }
    },
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "httpx": {"level": "WARNING"},
        # any stranger's request may name a host that is not ours
        "django.security.DisallowedHost": {"filters": ["short"]},
        # a line for every sweep would bury what matters
        "celery.app.trace": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
    },
}
