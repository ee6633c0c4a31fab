"""The command line, a shell round plain functions."""
