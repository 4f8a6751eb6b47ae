"""The authority: certificates described, linted, issued, recorded, held, revoked, answered for."""
