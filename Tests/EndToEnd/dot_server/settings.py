"""Django settings for one throw-away server; where it keeps its state comes from the environment."""

import os
from pathlib import Path

STATE = Path(os.environ["DOT_STATE"])

SECRET_KEY = "canary-django-secret-key"
DEBUG = False
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
ROOT_URLCONF = "dot_server.urls"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SILENCED_SYSTEM_CHECKS = ["security"]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "oauth2_provider",
]

MIDDLEWARE = ["dot_server.people.Visitors"]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": STATE / "dot.sqlite",
        # Threads of one process share the file: each transaction takes the write lock at its start,
        # so that none fails half-way with "database is locked".
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
        },
    }
}

OAUTH2_PROVIDER = {
    "ACCESS_TOKEN_EXPIRE_SECONDS": int(os.environ.get("DOT_ACCESS_SECONDS", "30")),
    "ACCESS_TOKEN_GENERATOR": "dot_server.tokens.access_token",
    "REFRESH_TOKEN_GENERATOR": "dot_server.tokens.refresh_token",
    "ROTATE_REFRESH_TOKEN": True,
    "REFRESH_TOKEN_GRACE_PERIOD_SECONDS": 0,
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    "PKCE_REQUIRED": True,
    "SCOPES": {"read": "read files", "write": "write files"},
}
