"""Bundles: models on their way to a machine without a network, as an OCI image layout of ModelPack artifacts."""
