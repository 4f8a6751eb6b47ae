"""Signing: from a document and a key to a signature that lasts."""
