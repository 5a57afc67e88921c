"""The run as other programs schedule it: files that are printed and never installed."""
