"""Text and HTML of records: pure functions over a few kinds of section."""
