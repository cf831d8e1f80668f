"""The figures of the report, one family a file; each function returns a `Figure` with its caption."""
