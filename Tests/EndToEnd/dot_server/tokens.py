"""Token texts that a later search through everything written can find."""

import secrets
from typing import Any


def access_token(request: Any) -> str:
    return f"canary-at-{secrets.token_urlsafe(24)}"


def refresh_token(request: Any) -> str:
    return f"canary-rt-{secrets.token_urlsafe(24)}"
