"""`python -m runbook_lib`: the command line without its script."""

from runbook_lib.cli import main

if __name__ == "__main__":
    main()
