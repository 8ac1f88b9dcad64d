enum PlaceholderControlServerTests {}
