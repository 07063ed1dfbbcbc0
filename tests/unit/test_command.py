"""What ends a command for a person: its own exit code, or one message."""

import errno

import pytest

from rare_species.command import Parser, run_command
from rare_species.errors import UserError


def fail(error):
    raise error


@pytest.mark.parametrize("code", [0, 2])
def test_exit_code_is_that_of_the_work(code):
    assert run_command("predict", lambda: code) == code


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (UserError("Mend the path."), 1, "predict: Mend the path.\n"),
        (OSError(errno.EACCES, "Permission denied", "a.jpg"), 1, "predict: Could not read or write a.jpg: Permission"),
        (KeyboardInterrupt(), 130, "predict: interrupted"),
    ],
)
def test_an_error_is_one_message(capsys, error, code, message):
    assert run_command("predict", lambda: fail(error)) == code
    assert capsys.readouterr().err.startswith(message)


def test_a_defect_stays_a_traceback():
    with pytest.raises(ZeroDivisionError):
        run_command("predict", lambda: 1 // 0)


def test_wrong_arguments_have_the_exit_code_of_a_mistake(capsys):
    with pytest.raises(SystemExit) as stopped:
        Parser(prog="python -m rare_species.predict").parse_args(["--what"])
    assert stopped.value.code == 1
    assert capsys.readouterr().err.endswith("\npredict: unrecognized arguments: --what\n")
