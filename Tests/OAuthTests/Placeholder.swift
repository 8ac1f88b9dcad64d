enum PlaceholderOAuthTests {}
