"""A small authorization server made of django-oauth-toolkit, which shares no line with ours."""
