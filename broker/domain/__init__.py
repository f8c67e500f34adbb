"""The nouns of messaging and the one state table; imports nothing but errors."""
