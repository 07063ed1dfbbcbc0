"""One thin, standalone script per DVC stage; run from the repository root as `python -m stages.<name>`."""

import signal
import sys

# Python is about to run a stage: until the stage handles signals itself, Ctrl-C ends it without a traceback
if sys.argv[0] == "-m":
    signal.signal(signal.SIGINT, signal.SIG_DFL)
