"""The migrations, in order; `upgrade` in the package above carries them out."""
