"""Library the pipeline's stages share: from a zip of labelled wildlife photos to an evaluated classifier."""

import signal
import sys

if sys.argv[0] == "-m":  # Python is about to run a command: until that can answer, Ctrl-C ends it without a traceback
    signal.signal(signal.SIGINT, signal.SIG_DFL)
