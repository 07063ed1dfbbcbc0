"""What ends a command for a person: its own exit code, or one message."""

import errno
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress

import pytest

from rare_species.common.command_line import DEBUG, Parser, run_command
from rare_species.common.errors import UserError
from tests.toy import REPO


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
        (UserError("One.", "Received: \x1b[2J\u202e\nb"), 1, "predict: One.\nReceived: \\x1b[2J\\u202e\\nb\n"),
        (OSError(errno.EACCES, "Permission denied", "a.jpg"), 1, "predict: a.jpg gave no permission"),
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
        Parser(prog="python -m rare_species predict", **options).parse_args(["--what"])
    assert stopped.value.code == code
    assert capsys.readouterr().err.endswith("\npredict: unrecognized arguments: --what\n")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_it_like_ctrl_c_and_handlers_are_put_back(capsys, number, code):
    before, cleaned = signal.getsignal(number), []

    def work():
        try:
            os.kill(os.getpid(), number)
            signal.pause()
        except KeyboardInterrupt as error:
            cleaned.append(number)
            raise SystemError("what a library makes of it") from error

    assert run_command("predict", work) == code
    assert cleaned == [number]
    assert capsys.readouterr().err == "predict: interrupted\n"
    assert signal.getsignal(number) == before


def test_a_second_signal_does_not_stop_what_cleans_up(capsys):
    cleaned = []

    def work():
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            signal.raise_signal(signal.SIGTERM)
            cleaned.append("all")
        return 0

    assert run_command("predict", work) == 143
    assert cleaned == ["all"]
    assert capsys.readouterr().err == "predict: interrupted\n"


def swallow_an_interrupt():
    with suppress(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_a_second_signal_is_heeded_where_the_first_was_swallowed():
    def work():
        swallow_an_interrupt()
        signal.raise_signal(signal.SIGINT)
        pytest.fail("the work must not go on")

    assert run_command("predict", work) == 130


def test_a_mistake_is_told_though_an_interrupt_was_swallowed(capsys):
    def work():
        swallow_an_interrupt()
        raise UserError("Mend the path.")

    assert run_command("predict", work) == 1
    assert capsys.readouterr().err == "predict: Mend the path.\n"


def test_a_signal_that_is_ignored_stays_so():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        assert run_command("predict", lambda: os.kill(os.getpid(), signal.SIGHUP) or 0) == 0
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("how", ["option", "environment"])
def test_debug_shows_where_an_error_came_from(capsys, monkeypatch, how):
    monkeypatch.setenv(DEBUG, "1" if how == "environment" else "0")
    arguments = Parser(prog="python -m rare_species predict").parse_args(["--debug"] if how == "option" else [])
    assert vars(arguments) == {}
    assert run_command("predict", lambda: fail(UserError("Mend the path."))) == 1
    shown = capsys.readouterr().err
    assert shown.startswith("Traceback (most recent call last):")
    assert "in fail" in shown
    assert shown.endswith("\npredict: Mend the path.\n")


SAY = """
import sys
from rare_species.common.command_line import run_command
def work():
    print("日本 \\udce9")
    print("日本 \\udce9", file=sys.stderr)
    with open("opened.txt", "w") as file:
        file.write("only this")
    return 7
sys.exit(run_command("say", work))
"""


def say(tmp_path, redirection="", **environment):
    (tmp_path / "say.py").write_text(SAY, encoding="utf-8")
    return subprocess.run(
        ["sh", "-c", f'"$0" say.py {redirection}', sys.executable],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(REPO)} | environment,
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize("redirection", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_streams_may_be_closed(tmp_path, redirection):
    result = say(tmp_path, redirection)
    assert result.returncode == 7
    assert b"Traceback" not in result.stderr
    assert (tmp_path / "opened.txt").read_text() == "only this"


@pytest.mark.parametrize(
    ("environment", "shown"),
    [
        ({"PYTHONIOENCODING": "ascii"}, b"\\u65e5\\u672c \\udce9"),
        ({"PYTHONIOENCODING": "latin-1"}, b"\\u65e5\\u672c \\udce9"),
        ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, b"\\u65e5\\u672c \\udce9"),
        ({"LC_ALL": "C.UTF-8"}, "日本 \\udce9".encode()),
    ],
    ids=["ascii", "latin-1", "C", "UTF-8"],
)
def test_letters_that_a_stream_does_not_know_are_escaped(tmp_path, environment, shown):
    result = say(tmp_path, **environment)
    assert result.returncode == 7
    assert (result.stdout.strip(), result.stderr.strip()) == (shown, shown)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a disk that is always full")  # noqa: PTH110
def test_a_full_disk_below_the_output_is_one_message(tmp_path):
    result = say(tmp_path, "> /dev/full")
    assert result.returncode == 1
    assert b"say: a file could not be written: the disk is full" in result.stderr
    assert b"Exception ignored" not in result.stderr


FAIL = """
import sys
from rare_species.common.command_line import run_command
from rare_species.common.errors import UserError
def work():
    raise UserError("Mend the path.")
sys.exit(run_command("say", work, mistake=3))
"""


@pytest.mark.parametrize("debug", ["0", "1"])
def test_a_message_that_nobody_reads_does_not_change_the_exit_code(debug):
    reads, writes = os.pipe()
    os.close(reads)  # as head does when it has seen enough
    environment = os.environ | {"PYTHONPATH": str(REPO), DEBUG: debug}
    try:
        result = subprocess.run(
            [sys.executable, "-c", FAIL], env=environment, stdout=writes, stderr=writes, check=False
        )
    finally:
        os.close(writes)
    assert result.returncode == 3


LOG = r"""
import logging, sys
from rare_species.common.command_line import run_command
def work():
    logging.getLogger("tf2onnx").info("Optimizing")
    return own()
own = lambda: logging.getLogger("rare_species.compare.runs").info("two\nlines \x1b[2J \udce9") or 0
run_command("compare", work)
"""


def test_the_log_of_every_command_has_its_name_and_one_printable_line_for_each_message():
    environment = os.environ | {"PYTHONPATH": str(REPO)}
    shown = subprocess.run([sys.executable, "-c", LOG], env=environment, capture_output=True, text=True, check=True)
    assert re.fullmatch(r"\d\d:\d\d:\d\d compare: two\\nlines \\x1b\[2J \\udce9\n", shown.stderr)
