"""Run a module whose writes fail beyond some bytes a file: `python -m benchmarks.campaign.limited BYTES MODULE ...`."""

import resource
import runpy
import sys

if __name__ == "__main__":
    most = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    sys.argv = sys.argv[2:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
