"""The machine: file systems, variables, network, installed packages, Windows' own answers."""
