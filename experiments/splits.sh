#!/usr/bin/env bash
# How much the split flatters: photo by photo (leaks), grouped, and on species that no other split has.
# Run from the repository's root: experiments/splits.sh
set -euo pipefail
source "$(dirname "$0")/common.sh"

queue split-random -S split.method=stratified -S split.holdout_species=false
queue split-grouped -S split.method=grouped -S split.holdout_species=false
queue split-held-out-species -S split.method=grouped -S split.holdout_species=true
run_and_show 'train.test.macro_f1$|leaked_pairs|held_out_species'
echo
python -m rare_species split-gap split-grouped split-random split-held-out-species
