"""Who is at the browser: whoever the address says, for nobody types a password in a test."""

from collections.abc import Callable

from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest, HttpResponse


class Visitors:
    """Signs in the person that `login_hint` names."""

    def __init__(self, answer: Callable[[HttpRequest], HttpResponse]) -> None:
        self._answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        name = request.GET.get("login_hint")
        request.user = User.objects.get_or_create(username=name)[0] if name else AnonymousUser()
        return self._answer(request)
