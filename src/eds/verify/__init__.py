"""Validation: from a signed document to a verdict with its reasons (ETSI EN 319 102-1)."""
