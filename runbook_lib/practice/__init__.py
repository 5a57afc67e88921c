"""The built-in hub: a Hub of one's own, with models that load and a document to convert."""
