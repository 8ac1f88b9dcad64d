enum PlaceholderRefreshCoreTests {}
