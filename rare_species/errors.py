"""The one exception a person is meant to read."""


class UserError(Exception):
    """A mistake the user can mend: shown as one message without a traceback, with a non-zero exit.

    The message says what was expected, what was received and what to do.
    """
