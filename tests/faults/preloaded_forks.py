"""What multiprocessing's fork server imports, so that its children fork workers at once; see `fork_workers_here`."""

from tests import worker_forks

worker_forks.import_what_the_library_imports()
