"""Exports: the ledger's tables as CSV, JSON and Parquet in one archive, streamed."""
