"""Cells, rows and COPY data, in every format that the protocol has."""
