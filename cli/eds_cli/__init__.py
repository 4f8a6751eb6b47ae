"""The command `eds`: parse, call, print. No logic lives here."""
