enum PlaceholderStoreConformanceTests {}
