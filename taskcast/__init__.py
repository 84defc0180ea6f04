"""Runs, watches and steers the background jobs of Python teams, live."""
