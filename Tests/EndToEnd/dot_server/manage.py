"""What a test does behind the server's back: `python -m dot_server.manage prepare|grant|revoke|grants`.

Answers are one JSON value on standard output. `grant` prints secrets: its caller keeps them private.
"""

import argparse
import json
import os
import sys
import uuid
from datetime import timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dot_server.settings")
django.setup()

from django.contrib.auth.models import User
from django.core.management import call_command
from django.utils import timezone
from oauth2_provider.models import (
    AccessToken,
    Application,
    RefreshToken,
    get_application_model,
)
from oauth2_provider.settings import oauth2_settings

from dot_server import tokens


def prepare(clients: dict[str, str]) -> dict[str, int]:
    """Makes the schema and an application for each client id: a confidential one with its secret, or a public one."""
    call_command("migrate", verbosity=0)
    for client_id, secret in clients.items():
        application = get_application_model()(
            name=client_id,
            client_id=client_id,
            client_secret=secret,
            client_type=Application.CLIENT_CONFIDENTIAL if secret else Application.CLIENT_PUBLIC,
            authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE,
            # One is taken where a request names none; of two, each request must name its own.
            redirect_uris="https://localhost/callback"
            + (" http://127.0.0.1/callback" if client_id == "postapp" else ""),
            skip_authorization=True,
        )
        # Saved once more by nobody: `save` stores the secret hashed.
        application.save()
    return {"applications": len(clients)}


def grant(client_id: str, user: str) -> dict[str, object]:
    """Gives `user`'s consent to a client, as the end of an authorization code flow would.

    Returns a token endpoint's answer.
    """
    owner, _ = User.objects.get_or_create(username=user)
    application = Application.objects.get(client_id=client_id)
    lifetime = oauth2_settings.ACCESS_TOKEN_EXPIRE_SECONDS
    access = AccessToken.objects.create(
        user=owner,
        application=application,
        token=tokens.access_token(None),
        expires=timezone.now() + timedelta(seconds=lifetime),
        scope="read write",
    )
    refresh = RefreshToken.objects.create(
        user=owner,
        application=application,
        token=tokens.refresh_token(None),
        access_token=access,
        # Rotated tokens inherit it, and reuse protection revokes by it: without one a used token that is
        # sent again would harm nobody here, and a test could not see that it was.
        token_family=uuid.uuid4(),
    )
    return {
        "access_token": access.token,
        "refresh_token": refresh.token,
        "token_type": "Bearer",
        "expires_in": lifetime,
        "scope": access.scope,
    }


def revoke(client_id: str, user: str) -> dict[str, int]:
    """Withdraws a user's consent: every living refresh token dies with its access token."""
    living = RefreshToken.objects.filter(application__client_id=client_id, user__username=user, revoked__isnull=True)
    count = 0
    for token in living:
        token.revoke()
        count += 1
    return {"revoked": count}


def grants(client_id: str, user: str) -> dict[str, int]:
    """Counts the refresh tokens ever issued for a grant, and those that still live."""
    issued = RefreshToken.objects.filter(application__client_id=client_id, user__username=user)
    return {"issued": issued.count(), "living": issued.filter(revoked__isnull=True).count()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("prepare", help="client ids and secrets as a JSON object on standard input")
    for name in ("grant", "revoke", "grants"):
        command = commands.add_parser(name)
        command.add_argument("client_id")
        command.add_argument("user")
    arguments = vars(parser.parse_args())
    command = arguments.pop("command")
    if command == "prepare":
        arguments["clients"] = json.load(sys.stdin)
    functions = {"prepare": prepare, "grant": grant, "revoke": revoke, "grants": grants}
    json.dump(functions[command](**arguments), sys.stdout)


if __name__ == "__main__":
    main()
