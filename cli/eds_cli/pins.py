"""PINs and passwords: from the terminal, a descriptor or a named environment variable.

Never from an argument: arguments stand in the list of processes and in the history of shells.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from eds_cli.speech import say

if TYPE_CHECKING:
    from eds.keys import PinRequest, PinSource, Secret

F = TypeVar("F", bound=Callable[..., Any])

_LONGEST: Final = 4096  # octets of a line that is read for a secret
_ENTRIES: Final = 3  # times that a new secret is asked for until both entries agree


class Given:
    """A secret from outside, kept until it is asked for: a descriptor, or what a variable held."""

    def __init__(self, *, descriptor: int | None, variable: str | None) -> None:
        self._descriptor = descriptor
        self._variable = variable
        self._value: bytes | None = None
        if variable is not None:
            value = os.environb.pop(variable.encode(), None)
            self._value = value

    def __repr__(self) -> str:
        return "<given secret>"

    @property
    def is_there(self) -> bool:
        return self._descriptor is not None or self._variable is not None

    def take(self) -> bytes:
        """The secret; a descriptor is read up to the end of its first line.

        Raises SecretUnavailable.
        """
        from eds.errors import SecretUnavailable, Sentence

        if self._variable is not None:
            if self._value is None:
                raise SecretUnavailable(
                    reason=Sentence("no environment variable {name}", name=self._variable)
                )
            return self._value
        if self._value is None:
            self._value = _read_line(self._descriptor or 0)
        return self._value


def _read_line(descriptor: int) -> bytes:
    """One line, octet by octet: what follows may be the next secret."""
    from eds.errors import SecretUnavailable, Sentence

    line = bytearray()
    try:
        while (octet := os.read(descriptor, 1)) not in {b"", b"\n"}:
            line += octet
            if len(line) > _LONGEST:
                raise SecretUnavailable(
                    reason=Sentence(
                        "over {count} octets on descriptor {number}",
                        count=_LONGEST,
                        number=descriptor,
                    )
                )
    except OSError as error:
        raise SecretUnavailable(
            reason=Sentence(
                "descriptor {number}: {reason}", number=descriptor, reason=error.strerror
            )
        ) from None
    if not octet and not line:
        raise SecretUnavailable(
            reason=Sentence("nothing to read on descriptor {number}", number=descriptor)
        )
    return bytes(line).removesuffix(b"\r")


class Secrets:
    """What a command was told about the secrets it may need; its methods make PIN sources."""

    def __init__(
        self, *, current: Given, new: Given, source: Given, use_final_try: bool = False
    ) -> None:
        self._current = current
        self._new = new
        self._source = source
        self._use_final_try = use_final_try
        self._asked: dict[tuple[str, str], Secret] = {}

    @property
    def is_given(self) -> bool:
        """Whether a secret that opens something came with the command."""
        return self._current.is_there

    @property
    def pin(self) -> PinSource:
        """Opens the key or token; a new secret comes from the options for new ones alone."""
        return lambda request: self._answer(request, self._current, self._new)

    @property
    def pin_of_new_key(self) -> PinSource:
        """The same for commands that need one secret only, whichever it is."""
        new = self._new if self._new.is_there else self._current
        return lambda request: self._answer(request, self._current, new)

    @property
    def pin_of_source(self) -> PinSource:
        """Opens a file that is read, not the store."""
        return lambda request: self._answer(request, self._source, self._source)

    def password_of(self, target: str) -> Secret:
        """The password of a file that is read."""
        from eds.keys import PinRequest

        return self.pin(PinRequest(target=target))

    def new_password(self, target: str) -> Secret:
        """A password for something that is written now."""
        from eds.keys import PinKind, PinRequest

        return self.pin(PinRequest(target=target, kind=PinKind.NEW))

    def _answer(self, request: PinRequest, current: Given, new: Given) -> Secret:
        from eds.keys import PinKind, Secret

        given = new if request.kind is PinKind.NEW else current
        place = (request.kind.value, request.target)
        if request.final_try:
            self._confirm_final_try(request)
        if given.is_there:
            return Secret(given.take())
        if place not in self._asked or request.final_try:
            self._asked[place] = _ask(request)
        return self._asked[place]

    def _confirm_final_try(self, request: PinRequest) -> None:
        """A wrong PIN locks the token now: that is for a person to decide."""
        from eds.errors import PinFinalTry
        from eds_cli.output import escape

        if self._use_final_try:
            return
        with _terminal() as terminal:
            if terminal is None:
                raise PinFinalTry(token=request.target.removeprefix("token "))
            terminal.write(
                say(
                    "One PIN try is left for {target}. If it is wrong, the token locks.\n"
                    "Use the last try?",
                    target=escape(request.target),
                )
                + f" [{say('y')}/N] "
            )
            terminal.flush()
            if terminal.readline().strip().lower() not in {"y", "yes", say("y"), say("yes")}:
                raise PinFinalTry(token=request.target.removeprefix("token "))


def _ask(request: PinRequest) -> Secret:
    """Ask on the terminal. Raises SecretUnavailable, PasswordRefused."""
    from eds.errors import PasswordRefused
    from eds.keys import PinKind, Secret
    from eds_cli.output import escape

    is_pin = request.target.startswith("token ")
    target = escape(request.target)
    if request.kind is PinKind.NEW:
        for _ in range(_ENTRIES):
            if is_pin:
                first = _prompt(say("New PIN for {target}: ", target=target))
            else:
                first = _prompt(say("New password for {target}: ", target=target))
            if _prompt(say("The same again: ")) == first:
                return Secret(first)
        raise PasswordRefused(reason="the two entries differ")
    if request.few_tries_left:
        return Secret(_prompt(say("PIN for {target} (few tries are left): ", target=target)))
    if is_pin:
        return Secret(_prompt(say("PIN for {target}: ", target=target)))
    return Secret(_prompt(say("Password for {target}: ", target=target)))


def _prompt(prompt: str) -> str:
    import getpass

    from eds.errors import SecretUnavailable

    with _terminal() as terminal:
        if terminal is None:
            raise SecretUnavailable(
                reason="no terminal to ask on; see --password-fd and --password-env"
            )
    _keep_no_core()
    try:
        return getpass.getpass(prompt)
    except EOFError:
        raise SecretUnavailable(reason="the terminal ended before an answer") from None


class _terminal:  # noqa: N801 - read as a function
    """The controlling terminal as a text file, or None where there is none."""

    def __enter__(self) -> Any:
        try:
            descriptor = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
        except OSError:
            self._file = None
        else:
            import io

            self._file = io.TextIOWrapper(io.FileIO(descriptor, "w+"))  # as getpass does
        return self._file

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()


def _keep_no_core() -> None:
    """A crash must not write a secret to the disk."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


# --- options --------------------------------------------------------------------------------------


def _pair(names: tuple[str, ...], what: str) -> Callable[[F], F]:
    """`--x-fd N` and `--x-env NAME` for one secret; both at once is a mistake."""
    main = names[0].replace("-", "_")

    def decorate(command: F) -> F:
        command = click.option(
            *(f"--{name}-env" for name in names),
            f"{main}_env",
            metavar="NAME",
            help=f"Environment variable that holds {what}; it is removed at once.",
        )(command)
        return click.option(
            *(f"--{name}-fd" for name in names),
            f"{main}_fd",
            metavar="N",
            type=click.IntRange(min=0),
            help=f"Read {what} from this open descriptor: one line.",
        )(command)

    return decorate


def secret_options(*, new: bool = False, source: bool = False) -> Callable[[F], F]:
    """The options for secrets; the command is called with one `secrets: Secrets`."""
    import functools

    def decorate(command: F) -> F:
        @functools.wraps(command)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            given = {}
            for name in ("password", "new_password", "source_password"):
                descriptor = kwargs.pop(f"{name}_fd", None)
                variable = kwargs.pop(f"{name}_env", None)
                if descriptor is not None and variable is not None:
                    raise click.UsageError(
                        say("a secret comes from one place: -fd or -env, not both")
                    )
                given[name] = Given(descriptor=descriptor, variable=variable)
            secrets = Secrets(
                current=given["password"],
                new=given["new_password"],
                source=given["source_password"],
                use_final_try=kwargs.pop("use_final_try"),
            )
            _keep_no_core()
            return command(*args, secrets=secrets, **kwargs)

        decorated: Any = click.option(
            "--use-final-try",
            is_flag=True,
            help="Use the last PIN try of a token without asking.",
        )(wrapped)
        if source:
            decorated = _pair(("source-password",), "the password of the file")(decorated)
        if new:
            decorated = _pair(("new-password", "new-pin"), "the new password or PIN")(decorated)
        result: F = _pair(("password", "pin"), "the password or PIN")(decorated)
        return result

    return decorate
