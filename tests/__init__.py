"""A package by name, so that no distribution that installs a `tests` of its own comes before it."""
