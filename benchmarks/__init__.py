"""How fast and how big: figures for the targets of docs/decisions.md, measured by one command. Not tests: nothing fails here."""
