"""One module (or folder) a system; each defines `SPEC`. Found by registry.py."""
