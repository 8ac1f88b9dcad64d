enum PlaceholderSealingTests {}
