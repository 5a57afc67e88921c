"""An HTTP service that converts documents with docling, and starts only when it can."""
