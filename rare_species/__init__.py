"""From a zip of labelled wildlife photos to an evaluated classifier: a package per stage, shared ones below."""

import signal
import sys
from pathlib import PurePath

# Python is about to run a command: until the command handles signals itself, Ctrl-C ends it without a traceback
if PurePath(sys.argv[0]).name in ("-m", "rare-species"):
    signal.signal(signal.SIGINT, signal.SIG_DFL)
