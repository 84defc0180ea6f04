"""What was promised in figures, measured: `python -m benchmarks [NAME...]` writes `benchmarks/results.json`."""
