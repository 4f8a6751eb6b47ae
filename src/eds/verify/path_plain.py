"""What is left of RFC 5280 §6.1 where no certificate of a path limits anything.

Plain certificates (`Certificate.is_plain`) name no policies, constrain no names and have no
purposes: beside signatures and time there is left what their keys may do, and how many may
follow. What comes of it is what the steps come to (`tests/verify/test_path_straight.py`);
anything broken is left to them, to say what.
"""

from __future__ import annotations

from typing import Final

from ..certificates import Certificate
from ..errors import DecodeError
from .path_proofs import State
from .path_purposes import serves
from .path_steps import UNLIMITED, is_authority, no_authority
from .policy import ValidationPolicy
from .trust import Purpose


def plain_state(
    root: Certificate,
    authority: Certificate,
    certificate: Certificate,
    policy: ValidationPolicy,
    purpose: Purpose,
) -> State | None:
    """The state below the authority, where all steps of the three pass; None: take them.

    The certificate at the end is then good for no policy in particular.
    """
    try:
        if (
            not (root.is_plain and authority.is_plain and certificate.is_plain)
            or policy.require_explicit_policy
            or authority.is_self_issued
            or is_authority(root)
            or is_authority(authority)
            or no_authority(certificate)
            or serves(certificate, purpose, policy=policy)
        ):
            return None
        above, own = root.basic_constraints, authority.basic_constraints
    except DecodeError:
        return None
    length = UNLIMITED if above is None or above.path_length is None else above.path_length
    if length == 0:
        return None
    length -= 1
    if own is not None and own.path_length is not None:
        length = min(length, own.path_length)
    return _new(
        State,
        (
            {},
            UNLIMITED - 1,
            0 if policy.inhibit_policy_mapping else UNLIMITED - 1,
            0 if policy.inhibit_any_policy else UNLIMITED - 1,
            length,
            (),
        ),
    )


_new: Final = tuple.__new__  # half the cost of `State(…)`, as in `der`
