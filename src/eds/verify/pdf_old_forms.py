"""PDF signatures without signed attributes: forms that ISO 32000-2 has deprecated.

A bare RSA value (adbe.x509.rsa_sha1, §12.8.3.2), and CMS as old programs made it. They are read,
the value is verified and the certificate judged, but none passes: nothing that is signed names
the certificate, and the same value fits signed attributes taken as a document.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from .. import der
from ..algorithms import SHA1, SIGNATURE_ALGORITHMS, KeyType, Padding, SignatureAlgorithm
from ..certificates import Certificate
from ..errors import AlgorithmError, DecodeError
from ..signeddata import SignedData
from . import pdf_rules as rules
from .context import Context
from .findings import Finding
from .indications import Indication, SubIndication
from .past import judge
from .report import SignatureFormat, SignatureReport
from .signer import ALGORITHM, SIGNATURE, SIGNER_CERTIFICATE
from .signer_algorithms import period_finding, read_digest_algorithm, signature_row
from .signer_certificate import find_certificate

_FAILED: Final = SubIndication.FORMAT_FAILURE
_WEAK: Final = SubIndication.CRYPTO_CONSTRAINTS_FAILURE
_RSA_SHA1: Final = next(
    row
    for row in SIGNATURE_ALGORITHMS
    if (row.key_type, row.padding, row.digest) == (KeyType.RSA, Padding.PKCS1V15, SHA1)
)


def judge_bare_value(
    encoded: bytes, octets: bytes, certificates: tuple[bytes, ...], context: Context
) -> SignatureReport:
    """The report on an RSA value over `octets`, an encoded OCTET STRING.

    `certificates` are those of /Cert, the signer's first. The verdict is for whoever asks to
    conclude. Nothing in the bytes raises.
    """
    try:
        if not certificates:
            return _report(
                (
                    rules.DICTIONARY.broken(
                        SubIndication.NO_SIGNING_CERTIFICATE_FOUND, missing="/Cert"
                    ),
                )
            )
        signer = Certificate(certificates[0])
        value = der.decode(encoded).expect(der.OCTET_STRING).octets
    except DecodeError as error:
        return _report((rules.DICTIONARY.broken(_FAILED, error=error.code, reason=str(error)),))
    return _judge(signer, _RSA_SHA1, value, octets, context)


def judge_unattributed(signed_data: SignedData, octets: bytes, context: Context) -> SignatureReport:
    """The report on the one signer of a CMS whose value is over the content, `octets`.

    Nothing in the bytes raises.
    """
    info = signed_data.signer_infos[0]
    try:
        signer = find_certificate(
            info,
            (),
            signed_data.certificates_encoded,
            (*context.certificates, *context.trust.certificates),
            context.read_certificate,
        )
        if signer is None:
            return _report((SIGNER_CERTIFICATE.broken(SubIndication.NO_SIGNING_CERTIFICATE_FOUND),))
        key = signer.public_key
        digest = read_digest_algorithm(info.digest_algorithm)
        row, _ = signature_row(info.signature_algorithm, digest, key.key_type, key.curve)
    except DecodeError as error:
        return _report((rules.DICTIONARY.broken(_FAILED, error=error.code, reason=str(error)),))
    except AlgorithmError as error:
        return _report((ALGORITHM.broken(_WEAK, error=str(error)),))
    return _judge(signer, row, info.signature, octets, context)


def _judge(
    signer: Certificate,
    row: SignatureAlgorithm,
    value: bytes,
    message: bytes,
    context: Context,
) -> SignatureReport:
    proven = context.existence.of(value)
    findings: list[Finding] = []
    path: tuple[Certificate, ...] = ()
    try:
        findings.append(
            SIGNATURE.kept()
            if signer.public_key.verify(value, message, algorithm=row)
            else SIGNATURE.broken(SubIndication.SIG_CRYPTO_FAILURE, algorithm=row.name)
        )
        until = context.policy.algorithms.signature_until(row, signer.public_key)
        findings.append(period_finding(until, proven, (row.name,)))
        judgement = judge(signer, purpose=context.purpose, proven=proven, context=context)
        findings += judgement.findings
        path = judgement.path.path
    except DecodeError as error:
        findings.append(rules.DICTIONARY.broken(_FAILED, error=error.code, reason=str(error)))
    except AlgorithmError as error:
        findings.append(ALGORITHM.broken(_WEAK, error=str(error)))
    findings.append(rules.SIGNED_ATTRIBUTES.broken(SubIndication.SIG_CONSTRAINTS_FAILURE))
    return replace(
        _report(tuple(findings)),
        signer=signer,
        path=path,
        proven_time=proven,
        algorithm=row.name,
        digest_algorithm=None if row.digest is None else row.digest.name,
    )


def _report(findings: tuple[Finding, ...]) -> SignatureReport:
    return SignatureReport(
        format=SignatureFormat.PDF,
        indication=Indication.INDETERMINATE,
        sub_indication=None,
        findings=findings,
    )
