#!/usr/bin/env bash
# Compare what is done to the photos. Run from the repository's root: experiments/treatments.sh
# Removing backgrounds takes about half a second for a photo and core; BACKGROUND=path/to/u2netp.onnx names its network.
set -euo pipefail
source "$(dirname "$0")/common.sh"

for treatment in none grayscale circular_mask peripheral_blur; do
  queue "treatment-${treatment//_/-}" -S "preprocess.treatment=$treatment"
done
if [ -n "${BACKGROUND:-}" ]; then
  queue treatment-remove-background -S preprocess.treatment=remove_background \
    -S "preprocess.remove_background.weights=$BACKGROUND"
else
  echo "skipped treatment-remove-background: set BACKGROUND to the ONNX file of u2netp"
fi
run_and_show
