from django.urls import include, path
from oauth2_provider.views import TokenView

urlpatterns = [
    path("o/", include("oauth2_provider.urls", namespace="oauth2_provider")),
    # Where SmartFile and GitShare have it, with a slash at the end of each path.
    path("oauth2/", include("oauth2_provider.urls", namespace="oauth2")),
    # Where Ellipsis Drive has its own server, without one.
    path("v3/oauth/token", TokenView.as_view()),
]
