#!/usr/bin/env bash
# Compare changed copies of the training photos, of the test photos, and several classifiers.
# Run from the repository's root: experiments/augmentation.sh
set -euo pipefail
source "$(dirname "$0")/common.sh"

queue augmentation-none
queue augmented-copies -S embed.augmented_copies=4
queue augmented-copies-strong -S embed.augmented_copies=4 -S embed.augmentation.rand_augment=0.5 \
  -S embed.augmentation.random_erasing=0.5
queue augmentation-test-time -S evaluate.test_time_copies=4
queue augmentation-members -S train.members=5
run_and_show
