"""The probes, one file a family; none imports a heavy library or takes long."""
