enum PlaceholderTestSupportTests {}
