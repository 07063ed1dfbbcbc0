"""Exceptions whose messages are written for users."""

from rare_species.common.terminal import printable


class UserError(Exception):
    """A mistake that the user can correct; commands show it as one message without a traceback and exit non-zero.

    The message says what was expected, what was received and what to do. Each argument becomes exactly one line, even
    if file names in it hold line breaks.
    """

    def __str__(self) -> str:
        """The whole message."""
        return "\n".join(map(printable, self.args))


class PhotoError(UserError):
    """A file that can't be read as a photo.

    Attributes:
        path: path of the file.
        problem: why it can't be read, in a few words.
    """

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)  # unpickling in the main process needs both arguments
        self.path, self.problem = path, problem

    def __str__(self) -> str:
        """The whole message."""
        return (
            f"Expected a photo that can be read. Received: {printable(self.path)}: {printable(self.problem)}. "
            "Replace the file, or run stage clean again, which leaves it out."
        )
