"""Words of Dask's own commands, as tests and benchmarks start them."""

from runbook_lib.fleet.tls import TlsFiles


def tls_options(files: TlsFiles) -> list[str]:
    """Return the options that name the authority, the certificate and its key."""
    names = ("--tls-ca-file", "--tls-cert", "--tls-key")
    paths = (files.authority, files.certificate, files.key)
    return [word for name, path in zip(names, paths, strict=True) for word in (name, str(path))]
