"""One module a vendor, each defining `VENDOR`; app.py finds them. A vendor knows its own protocol and nothing of the others."""
