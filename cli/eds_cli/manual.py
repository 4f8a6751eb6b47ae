"""`eds man` and `eds completion`: manual pages and the shell, made from the commands themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from eds_cli.output import done, json_option, show_json
from eds_cli.speech import say

SHELLS: Final = ("bash", "zsh", "fish")
STATUSES: Final = {
    0: "done",
    1: "another error of the library; findings of a doctor, of `ca ceremony --verify` or "
    "`audit verify`; an urgent `ca revocations list`",
    2: "the command was not understood",
    3: "a key, token or file is not there",
    4: "a PIN or password is wrong, locked, refused or could not be asked for",
    5: "a rule forbids it: exists already, other purpose, not for this key, a name that may not be",
    6: "bytes that are not what they claim to be",
    7: "it cannot be done here: no such algorithm, module, right or format",
    8: "a plan was shown and nothing done: `--yes` was not given, and nobody could be asked",
    10: "`verify`: a signature is TOTAL_FAILED",
    11: "`verify`: none failed, and one is INDETERMINATE",
    70: "a mistake of ours (`cli.internal`)",
    130: "interrupted, or a question answered with no",
    141: "whoever read the output went away",
}
ENVIRONMENT: Final = {
    "EDS_STORE": "where keys are, if --store does not say",
    "EDS_TRUST": "folders of trust anchors, with colons between them",
    "EDS_TSA": "a time-stamping authority",
    "EDS_AUTHORITY": "the folder of an authority",
    "EDS_ACTOR": "who acts for an authority",
    "EDS_PKCS11_MODULE": "the PKCS #11 module of tokens",
    "EDS_DEBUG": "shows where a mistake of ours happened",
    "LC_ALL, LC_MESSAGES, LANG": "the language that is spoken, if --language does not say",
    "NO_COLOR": "no colour",
}


@click.command("man")
@click.argument("folder", metavar="FOLDER", type=click.Path(file_okay=False))
@json_option
def man(folder: str, as_json: bool) -> None:
    """Write the manual pages into FOLDER, one for each verb: eds.1, eds-sign.1 and so on.

    They are made from the commands themselves. `man -l FOLDER/eds-sign.1` shows one.
    """
    from eds_cli.main import cli

    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    written = []
    for path, command in walk(cli, ()):
        page = place / f"{'-'.join(('eds', *path))}.1"
        page.write_text(manual_page(command, path), encoding="utf-8")
        written.append(page.name)
    if as_json:
        show_json(written)
    else:
        done(say("manual pages in {folder}: {count}", folder=folder, count=len(written)))


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
@json_option
def completion(shell: str, as_json: bool) -> None:
    """Print what teaches your SHELL to complete verbs, options, keys and algorithms.

    bash: eval "$(eds completion bash)". zsh: the same. fish: eds completion fish | source.
    """
    from click.shell_completion import get_completion_class

    from eds_cli.main import cli

    made = get_completion_class(shell)
    if made is None:
        raise click.UsageError(shell)
    source = made(cli, {}, "eds", "_EDS_COMPLETE").source()
    if as_json:
        show_json({"shell": shell, "source": source})
    else:
        click.echo(source)


def walk(
    command: click.Command, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """The command and all below it, each with its verbs."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=path[-1] if path else "eds")
        for name in command.list_commands(context):
            if (inner := command.get_command(context, name)) is not None:
                yield from walk(inner, (*path, name))


def manual_page(command: click.Command, path: tuple[str, ...]) -> str:
    """One page in the macros of man(7)."""
    from eds import __version__

    name = "-".join(("eds", *path))
    context = click.Context(command, info_name=" ".join(("eds", *path)))
    pages = [
        f'.TH "{name.upper()}" "1" "" "eds {__version__}" "eds"',
        *_section("NAME"),
        _text(f"{name} - {command.get_short_help_str(limit=100)}").replace(" \\- ", " \\- ", 1),
        *_section("SYNOPSIS"),
        f".B {_text(' '.join(('eds', *path)))}",
        _text(" ".join(command.collect_usage_pieces(context))),
        *_section("DESCRIPTION"),
        *_paragraphs(command.help or ""),
        *_section("OPTIONS"),
        *_options(command, context),
    ]
    if isinstance(command, click.Group):
        pages += [*_section("COMMANDS"), *_commands(command, context, path)]
    pages += [*_section("EXIT STATUS"), *_pairs((str(one), text) for one, text in STATUSES.items())]
    pages += [*_section("ENVIRONMENT"), *_pairs(ENVIRONMENT.items())]
    if path:
        above = "-".join(("eds", *path[:-1]))
        pages += [*_section("SEE ALSO"), f'.BR "{_text(above)}" (1)']
    return "\n".join(pages) + "\n"


def _section(title: str) -> Iterator[str]:
    yield f".SH {title}"


def _paragraphs(text: str) -> Iterator[str]:
    for number, paragraph in enumerate(re.split(r"\n\s*\n", text.strip())):
        if number:
            yield ".PP"
        yield _text(" ".join(paragraph.split()))


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    return _pairs(
        record
        for parameter in command.get_params(context)
        if isinstance(parameter, click.Option)
        and (record := parameter.get_help_record(context)) is not None
    )


def _commands(command: click.Group, context: click.Context, path: tuple[str, ...]) -> Iterator[str]:
    rows = []
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        if inner is not None:
            page = "-".join(("eds", *path, name))
            rows.append((name, f"{inner.get_short_help_str(limit=100)} See {page}(1)."))
    return _pairs(iter(rows))


def _pairs(rows: object) -> Iterator[str]:
    for name, text in rows:  # type: ignore[attr-defined]
        yield ".TP"
        yield f".B {_text(name)}"
        yield _text(" ".join(text.split()))


def _text(text: str) -> str:
    """Text in which groff sees no request: strokes, points and hyphens stand for themselves."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("\b", "")
    text = text.replace("`", "\\(ga").replace("'", "\\(aq").replace('"', "\\(dq")
    return f"\\&{text}" if text[:1] in {".", "'"} else text
