"""The exceptions that a person is meant to read."""

from rare_species.common.terminal import printable


class UserError(Exception):
    """A mistake the user can mend: shown as one message without a traceback, with a non-zero exit.

    The message says what was expected, what was received and what to do. Each argument is a line of it, whatever the
    names and texts of others in it hold.
    """

    def __str__(self) -> str:
        """The whole message."""
        return "\n".join(map(printable, self.args))


class PhotoError(UserError):
    """A file that can't be read as a photo.

    Attributes:
        path: the file.
        problem: in a few words.
    """

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)  # all of them, or the error is lost on its way out of a worker
        self.path, self.problem = path, problem

    def __str__(self) -> str:
        """The whole message."""
        return (
            f"Expected a photo that can be read. Received: {printable(self.path)}: {printable(self.problem)}. "
            "Replace the file, or run stage clean again, which leaves it out."
        )
