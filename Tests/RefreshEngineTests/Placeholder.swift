enum PlaceholderRefreshEngineTests {}
