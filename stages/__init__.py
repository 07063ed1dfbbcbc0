"""One thin, standalone script per DVC stage; run from the repository root as `python -m stages.<name>`."""

import signal
import sys

if sys.argv[0] == "-m":  # Python is about to run a stage: until that can answer, Ctrl-C ends it without a traceback
    signal.signal(signal.SIGINT, signal.SIG_DFL)
