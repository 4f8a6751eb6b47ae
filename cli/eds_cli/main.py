"""The entry point of `eds`: the table of commands, and the one place where errors end.

Nothing heavy is imported here. Whatever the library raises on purpose becomes one line on
stderr that ends in its code, and an exit status from `EXIT_STATUS`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any, Final

import click

from eds_cli.lazy import HELP_NAMES, LazyGroup
from eds_cli.speech import language, language_option, own_language, say

FAILED: Final = 1
USAGE: Final = 2
NOT_FOUND: Final = 3
SECRET: Final = 4
REFUSED: Final = 5
MALFORMED: Final = 6
UNAVAILABLE: Final = 7
PLANNED: Final = 8
NOT_PASSED: Final = 10  # verify: a signature is TOTAL_FAILED
UNDETERMINED: Final = 11  # verify: one is INDETERMINATE
INTERNAL: Final = 70
INTERRUPTED: Final = 130  # 128 + SIGINT
BROKEN_PIPE: Final = 141  # 128 + SIGPIPE

# Code of an error, or its family (what stands before the point) → exit status.
EXIT_STATUS: Final = {
    "keys.not_found": NOT_FOUND,
    "keys.token_absent": NOT_FOUND,
    "register.issuer_not_found": NOT_FOUND,
    "register.certificate_not_found": NOT_FOUND,
    "register.mass_act_not_found": NOT_FOUND,
    "audit.record_not_found": NOT_FOUND,
    "audit.checkpoint_not_found": NOT_FOUND,
    "cli.file_not_found": NOT_FOUND,
    "keys.password_incorrect": SECRET,
    "keys.password_refused": SECRET,
    "keys.secret_unavailable": SECRET,
    "keys.pin_incorrect": SECRET,
    "keys.pin_locked": SECRET,
    "keys.pin_final_try": SECRET,
    "cli.file_exists": REFUSED,
    "keys.exists": REFUSED,
    "keys.ambiguous": REFUSED,
    "keys.exposed": REFUSED,
    "keys.purpose_forbidden": REFUSED,
    "keys.certificate_mismatch": REFUSED,
    "keys.work_factor_exceeded": REFUSED,
    "algorithms.key_mismatch": REFUSED,
    "names.refused": REFUSED,
    "ca.authority_not_found": NOT_FOUND,
    "ca.profile_not_found": NOT_FOUND,
    "ca.malformed_settings": MALFORMED,
    "ca.malformed_profile": MALFORMED,
    "ca.malformed_report": MALFORMED,
    "ca": REFUSED,
    "register": REFUSED,
    "enroll.application_not_found": NOT_FOUND,
    "enroll.desk_not_found": NOT_FOUND,
    "enroll.provider_unavailable": UNAVAILABLE,
    "enroll.malformed_statement": MALFORMED,
    "enroll.malformed_evidence": MALFORMED,
    "enroll.malformed_assertion": MALFORMED,
    "enroll": REFUSED,
    "audit.personal_data": REFUSED,
    "audit.checkpoint_untrusted": REFUSED,
    "eds.invalid_argument": REFUSED,
    "eds.naive_datetime": REFUSED,
    "eds.extra_missing": UNAVAILABLE,
    "eds.malformed_catalogue": MALFORMED,
    "audit": MALFORMED,
    "certificates": MALFORMED,
    "der": MALFORMED,
    "formats": MALFORMED,
    "keys.damaged": MALFORMED,
    "keys.invalid": MALFORMED,
    "keys.malformed_uri": MALFORMED,
    "names.malformed": MALFORMED,
    "names.number_refused": MALFORMED,
    "pem": MALFORMED,
    "verify.anchor_not_found": NOT_FOUND,
    "verify.trust_store_unavailable": NOT_FOUND,
    "verify.environments_mixed": REFUSED,
    "verify.trusted_list_untrusted": REFUSED,
    "verify.anchor_not_listed": REFUSED,
    "verify": MALFORMED,
    "sign.time_stamp_refused": UNAVAILABLE,
    "login.malformed_token": MALFORMED,
    "login.malformed_challenge": MALFORMED,
    "login.store_unavailable": UNAVAILABLE,
    "login": REFUSED,
    "sign": REFUSED,
    "algorithms": UNAVAILABLE,
    "keys.module_unavailable": UNAVAILABLE,
    "keys.operation_unsupported": UNAVAILABLE,
    "keys.store_unavailable": UNAVAILABLE,
    "keys.token_failed": UNAVAILABLE,
    "keys.unsupported": UNAVAILABLE,
    "audit.unavailable": UNAVAILABLE,
    "register.unavailable": UNAVAILABLE,
    "cli.file": UNAVAILABLE,
    "cli.stopped": UNDETERMINED,
    "cli.internal": INTERNAL,
}
_FILE_CODES: Final[dict[type[Exception], str]] = {
    FileNotFoundError: "cli.file_not_found",
    FileExistsError: "cli.file_exists",
}

COMMANDS: Final = {
    "key": ("eds_cli.key:key", "Make, keep and use private keys."),
    "token": ("eds_cli.token:token", "Look at PKCS #11 tokens."),
    "request": ("eds_cli.request:request", "Ask for a certificate (PKCS #10)."),
    "ca": ("eds_cli.ca:ca", "Run an authority: ceremony, certificates, lists, OCSP."),
    "sign": ("eds_cli.sign:sign", "Sign documents."),
    "cosign": ("eds_cli.sign:cosign", "Add a signature beside those of others."),
    "extend": ("eds_cli.sign:extend", "Make signatures last."),
    "timestamp": ("eds_cli.sign:timestamp", "Have the time stamped over a file."),
    "login": ("eds_cli.login:login", "Answer a portal that asks who is there."),
    "verify": ("eds_cli.verify:verify", "Validate signed documents."),
    "trust": ("eds_cli.trust:trust", "Say whose certificates count."),
    "serve": ("eds_cli.serve:serve", "Answer over HTTP: OCSP, lists, time-stamps, validation."),
    "enroll": ("eds_cli.enroll:enroll", "Apply for a certificate, from home or at a centre."),
    "centre": ("eds_cli.centre:centre", "Run a desk: applications, officials, decisions."),
    "audit": ("eds_cli.audit:audit", "Read, verify and prove the log of every act."),
    "id": ("eds_cli.identity:identity", "Look at identity numbers (IIN, BIN)."),
    "inspect": ("eds_cli.inspect:inspect", "Say what a file is, and what is in it."),
    "doctor": ("eds_cli.doctor:doctor", "Look for what is wrong with what is installed here."),
    "man": ("eds_cli.manual:man", "Write the manual pages."),
    "completion": ("eds_cli.manual:completion", "Teach the shell to complete."),
}


class ReaderGone(Exception):
    """Whoever read our output went away."""


class _Eds(LazyGroup):
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from eds_cli.atlas import USERS, sections

        del ctx
        for user, verbs in sections(COMMANDS).items():
            with formatter.section(USERS[user].partition(":")[0]):
                formatter.write_dl([(verb, COMMANDS[verb][1]) for verb in verbs])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # click would make status 1 of it
            raise ReaderGone from None


def _print_version(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        from eds import __version__

        click.echo(f"eds {__version__}")
        context.exit()


@click.group(cls=_Eds, table=COMMANDS, context_settings=HELP_NAMES, invoke_without_command=True)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and exit.",
)
@language_option
@click.pass_context
def cli(context: click.Context) -> None:
    """Electronic digital signatures, and the identity behind them.

    Every command has --help, and --json for programs. PINs and passwords are asked for on the
    terminal, or read from a descriptor or a named environment variable; never from arguments.
    """
    if context.invoked_subcommand is None:
        from eds_cli.atlas import lines

        for line in lines(COMMANDS):
            click.echo(line)


def exit_status(code: str) -> int:
    """The exit status that the code of an error stands for."""
    return EXIT_STATUS.get(code, EXIT_STATUS.get(code.partition(".")[0], FAILED))


def complain(message: str, code: str) -> int:
    """One line on stderr that ends in the code, and one that says what to do next.

    Returns the exit status.
    """
    from eds_cli.hints import HINTS
    from eds_cli.output import escape

    click.echo(f"eds: {escape(message)} [{code}]", err=True)
    if code in HINTS:
        click.echo(f"     {say(HINTS[code])}", err=True)
    return exit_status(code)


def complain_of(error: Exception, *, about: str | None = None) -> int:
    """The line of one error: the library's own, the system's, or a mistake of ours.

    `about` is put before an error of the library that does not say which input it is about.
    """
    from eds.errors import EdsError
    from eds.languages import message_of

    if isinstance(error, EdsError):
        message = message_of(error, language=language())
        named = about is None or about in message
        return complain(message if named else f"{about}: {message}", error.code)
    if isinstance(error, OSError) and error.strerror:
        place = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
        return complain(f"{place}{error.strerror}", code_of(error))
    return _complain_of_ourselves(error)


def code_of(error: Exception) -> str:
    """The code of an error that one line can tell."""
    code: str = getattr(error, "code", "") or _FILE_CODES.get(type(error), "cli.file")
    return code


def _complain_of_ourselves(error: Exception) -> int:
    """A mistake of ours. Its message is not shown: nobody knows what stands in it."""
    import traceback

    frames = traceback.extract_tb(error.__traceback__, limit=-50)
    if os.environ.get("EDS_DEBUG"):
        click.echo("".join(traceback.format_list(frames)), err=True, nl=False)  # never locals
    last = frames[-1]
    place = f"{os.path.basename(last.filename)}:{last.lineno}"  # noqa: PTH119 - a name, no path
    return complain(f"internal error: {type(error).__name__} at {place}", "cli.internal")


def run(arguments: Sequence[str]) -> int:
    """Run one command line. Returns its exit status and raises nothing."""
    with own_language():
        return _run(arguments)


def _run(arguments: Sequence[str]) -> int:
    try:
        status = cli.main(list(arguments), prog_name="eds", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo(err=True)
        return INTERRUPTED
    except (ReaderGone, BrokenPipeError):
        return _reader_gone()
    except SystemExit as ended:  # after a completion
        return ended.code if isinstance(ended.code, int) else FAILED
    except Exception as error:  # noqa: BLE001 - the one place where errors end
        return complain_of(error)
    return status if isinstance(status, int) else 0


def _reader_gone() -> int:
    # Python would complain once more when it closes stdout.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno() if sys.__stdout__ else 1)
    return BROKEN_PIPE


def main() -> None:
    """The command `eds`."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal without Unicode gets escapes instead of an error.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    sys.exit(run(sys.argv[1:]))
