"""Runs the notebooks without a person: papermill, a truthful record, a summary and a report."""
