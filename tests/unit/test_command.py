"""What ends a command for a person: its own exit code, or one message."""

import errno
import os

import pytest

from rare_species.command import Parser, run_command
from rare_species.errors import UserError


def fail(error):
    raise error


WRONG = 3  # any code that no command has by itself


@pytest.mark.parametrize("code", [0, 2])
def test_exit_code_is_that_of_the_work(code):
    assert run_command("predict", lambda: code) == code


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (UserError("Mend the path."), 1, "predict: Mend the path.\n"),
        (UserError("One.\nReceived: \x1b[2J\u202e"), 1, "predict: One.\nReceived: \\x1b[2J\\u202e\n"),
        (OSError(errno.EACCES, "Permission denied", "a.jpg"), 1, "predict: Could not read or write a.jpg: Permission"),
        (KeyboardInterrupt(), 130, "predict: interrupted\n"),
    ],
)
def test_an_error_is_one_message(capsys, error, code, message):
    assert run_command("predict", lambda: fail(error)) == code
    assert capsys.readouterr().err.startswith(message)


@pytest.mark.parametrize("error", [UserError("Mend the path."), PermissionError(errno.EACCES, "Permission denied")])
def test_a_mistake_has_the_exit_code_that_is_named(error):
    assert run_command("compare", lambda: fail(error), mistake=WRONG) == WRONG


def test_output_that_nobody_reads_has_the_exit_code_that_is_named(monkeypatch):
    monkeypatch.setattr(os, "dup2", lambda *_: None)
    assert run_command("compare", lambda: fail(BrokenPipeError()), unread=WRONG) == WRONG
    assert run_command("predict", lambda: fail(BrokenPipeError()), mistake=WRONG) == 0


def test_a_defect_stays_a_traceback():
    with pytest.raises(ZeroDivisionError):
        run_command("predict", lambda: 1 // 0)


@pytest.mark.parametrize(("options", "code"), [({}, 1), ({"mistake": WRONG}, WRONG)])
def test_wrong_arguments_have_the_exit_code_of_a_mistake(capsys, options, code):
    with pytest.raises(SystemExit) as stopped:
        Parser(prog="python -m rare_species.predict", **options).parse_args(["--what"])
    assert stopped.value.code == code
    assert capsys.readouterr().err.endswith("\npredict: unrecognized arguments: --what\n")
