"""Trust sets that countries list by fingerprint: the certificates come from the user.

None is shipped. Whoever sets up a store brings the files that the authority publishes, and only
what the set lists is taken: a file swapped on the way is refused. What an authority has issued
since is added as any other anchor, on the user's own word.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..certificates import Certificate
from ..country import trust_sets
from ..errors import AnchorNotListed, InvalidArgument
from .trust import Environment, TrustAnchor, TrustStore


def known_store(name: str, certificates: Iterable[Certificate]) -> TrustStore:
    """The store of those certificates, each in the place that the set `name` gives it.

    Raises AnchorNotListed for one that the set does not list, InvalidArgument for no such set.
    """
    found = trust_sets().get(name)
    if found is None:
        raise InvalidArgument(argument="name", reason=f"one of {', '.join(sorted(trust_sets()))}")
    listed = {row.sha256: row for row in found.certificates}
    anchors: list[TrustAnchor] = []
    others: list[Certificate] = []
    for certificate in certificates:
        row = listed.get(certificate.fingerprint.hex())
        if row is None:
            raise AnchorNotListed(trust_set=name, sha256=certificate.fingerprint.hex())
        if row.is_anchor:
            anchors.append(
                TrustAnchor(certificate=certificate, source=f"{name}: {row.label}, {row.source}")
            )
        else:
            others.append(certificate)
    return TrustStore(
        anchors, certificates=others, name=name, environment=Environment(found.environment)
    )
