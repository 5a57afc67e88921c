"""What everything stands on: values, model references, atomic writes, masking of secrets."""
