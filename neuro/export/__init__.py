"""Characterised bitcells in the formats of other programs, one file a format.

A format module has `write(selection, ...)`, which returns the file's text, and `read(text)`, which gives its
numbers back in SI units; the tests close the circle. What a format cannot hold is said in the file itself.
"""
