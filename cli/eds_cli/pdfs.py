"""What a person may want of a signature in a PDF: its words, its looks, which risks they take."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from eds_cli.output import Facts
from eds_cli.speech import chosen_language, language, say

if TYPE_CHECKING:
    from eds.sign.appearance import Appearance
    from eds.sign.attributes import Statement
    from eds.sign.cms import CmsSigner
    from eds_cli.signing import Means

F = TypeVar("F", bound=Callable[..., Any])

FIELD: Final = "field"


@dataclass(frozen=True, kw_only=True)
class PdfWishes:
    """The options of one command; nothing of `eds` is loaded for them."""

    reason: str | None
    location: str | None
    certify: str | None
    field: str | None
    visible: str | None
    qr: str | None
    accepted: tuple[str, ...]

    def require_sound(self) -> None:
        """Before anybody is asked: raises what `appearance` and `accepted_codes` raise."""
        self.appearance()
        self.accepted_codes()

    def appearance(self) -> Appearance | None:
        """How the signature looks; None where nobody is to see it. A usage error otherwise."""
        from eds.languages import Language
        from eds.sign.appearance import Appearance, Place

        if self.visible is None:
            if self.qr is not None:
                raise click.UsageError("--qr needs --visible")
            return None
        if self.visible == FIELD and self.field is None:
            raise click.UsageError("--visible field needs --field, the name of the field")
        return Appearance(
            place=None if self.visible == FIELD else Place(**_place(self.visible)),
            language=Language(chosen_language() or Language.KAZAKH),
            qr=self.qr,
        )

    def accepted_codes(self) -> frozenset[str]:
        """The codes of risks that are taken. A usage error for one that does not exist."""
        from eds.sign.pdf_screening import ACTIVE_CODES

        unknown = sorted(set(self.accepted) - ACTIVE_CODES)
        if unknown:
            raise click.UsageError(
                f"--accept-risk {unknown[0]}: it is one of {', '.join(sorted(ACTIVE_CODES))}"
            )
        return frozenset(self.accepted)


def pdf_options(command: F) -> F:
    """The options of PDF signatures; the command is called with `pdf: PdfWishes`."""

    @functools.wraps(command)
    def wrapped(
        *args: Any,
        reason: str | None,
        location: str | None,
        certify: str | None,
        field: str | None,
        visible: str | None,
        qr: str | None,
        accepted: tuple[str, ...],
        **kwargs: Any,
    ) -> Any:
        wishes = PdfWishes(
            reason=reason,
            location=location,
            certify=certify,
            field=field,
            visible=visible,
            qr=qr,
            accepted=accepted,
        )
        return command(*args, pdf=wishes, **kwargs)

    options = (
        click.option("--reason", metavar="TEXT", help="PAdES: why it is signed."),
        click.option("--location", metavar="TEXT", help="PAdES: where it is signed."),
        click.option(
            "--certify",
            type=click.Choice(["nothing", "form-filling", "annotations"]),
            metavar="CHANGES",
            help="PAdES: the author's signature; after it nothing, form-filling or annotations "
            "may change.",
        ),
        click.option("--field", metavar="NAME", help="PAdES: the field that is signed."),
        click.option(
            "--visible",
            metavar="PLACE",
            help="PAdES: PAGE,X,Y,WIDTH,HEIGHT in points from the lower left corner (page -1: the "
            "last); or 'field', the box of --field.",
        ),
        click.option("--qr", metavar="TEXT", help="PAdES: what a QR code in it says."),
        click.option(
            "--accept-risk",
            "accepted",
            metavar="CODE",
            multiple=True,
            help="PAdES: sign although the document may show something else tomorrow.",
        ),
    )
    decorated: Any = wrapped
    for option in reversed(options):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]


def pdf_signer(
    by: CmsSigner, means: Means, statement: Statement, wishes: PdfWishes, level: str
) -> Callable[[bytes], bytes]:
    """Signs one document after another as it is wished, up to `level`."""
    from eds.sign.pdf import PdfStatement, Permission, is_experimental, sign_pdf

    certify = wishes.certify
    said = PdfStatement(
        field=wishes.field or "",
        reason=wishes.reason,
        location=wishes.location,
        certify=None if certify is None else Permission[certify.upper().replace("-", "_")],
    )
    appearance, accepted = wishes.appearance(), wishes.accepted_codes()
    raising = None if level == "B" else means.raising()
    warnings = (
        ["eds: PDF signatures with GOST keys are experimental"] if is_experimental(by) else []
    )

    def act(document: bytes) -> bytes:
        if warnings:  # once, however many documents
            click.echo(warnings.pop(), err=True)
        signed = sign_pdf(
            document,
            by=by,
            at=means.at,
            statement=said,
            attributes=statement,
            appearance=appearance,
            stamper=None if raising is None else raising.stamper,
            accepted=accepted,
        )
        return signed if raising is None else _raised(signed, level, raising)

    return act


def is_pdf(file: Path) -> bool:
    """Whether it looks like one: the header may stand anywhere in the first 1024 octets."""
    with file.open("rb") as opened:
        return b"%PDF-" in opened.read(1024)


def risk_facts(file: Path) -> Facts:
    """What the document could show tomorrow, and what else to look at before it is signed."""
    from eds.errors import DocumentRefused
    from eds.languages import message_of
    from eds.sign.pdf import screened
    from eds.sign.pdf_screening import Severity

    try:
        risks = screened(file.read_bytes())
    except DocumentRefused as error:
        return {"risks": [f"{message_of(error, language=language())} ({error.code})"]}
    said = {
        severity: [
            f"{say(one.says)} ({one.code}{f' × {one.count}' if one.count > 1 else ''})"
            for one in risks
            if one.severity is severity
        ]
        for severity in Severity
    }
    return {"risks": said[Severity.ACTIVE] or None, "notices": said[Severity.NOTICE] or None}


def _raised(document: bytes, level: str, by: Any) -> bytes:
    from eds.sign.pdf_levels import extend_pdf
    from eds.verify.policy import Level

    # A fresh signature is stamped already: below LT nothing is left to do.
    return extend_pdf(document, to=Level[level], by=by) if level in {"LT", "LTA"} else document


def _place(text: str) -> dict[str, Any]:
    page, *numbers = text.split(",")
    names = ("x", "y", "width", "height")
    try:
        return {"page": int(page), **dict(zip(names, map(float, numbers), strict=True))}
    except ValueError:
        raise click.UsageError("--visible is PAGE,X,Y,WIDTH,HEIGHT or 'field'") from None
