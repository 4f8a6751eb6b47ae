"""Evidence of identity: reading it, verifying it, keeping it, and what it proves.

Pure values and functions; nothing here decides about an application. The page: docs/evidence.md.
"""
