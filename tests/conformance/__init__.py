"""The vendors' own clients read the sandbox. Each folder holds a client's lock file and a check that it runs in an environment of
its own, since some of these packages overwrite each other. `make conformance` runs them.
"""
