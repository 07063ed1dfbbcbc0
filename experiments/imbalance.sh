#!/usr/bin/env bash
# Compare the ways to make rare families count. Run from the repository's root: experiments/imbalance.sh
set -euo pipefail
source "$(dirname "$0")/common.sh"

for way in none class_weight class_balanced oversample focal balanced_softmax; do
  queue "imbalance-${way//_/-}" -S "train.imbalance=$way"
done
run_and_show
