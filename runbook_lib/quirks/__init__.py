"""The catalogue of known failures, and the matcher that recognises them in a log."""
