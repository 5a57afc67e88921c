"""The doctor: stage detect without notebooks, the remedies it may apply itself, and the prevention checklist."""
