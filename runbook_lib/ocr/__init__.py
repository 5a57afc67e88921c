"""The models of OCR engines: single files that come from elsewhere than the Hub, kept with the same care."""
