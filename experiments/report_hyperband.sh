#!/usr/bin/env bash
# The search of the report that this project grew out of, on a frozen MobileNetV2: 90 trials, see report_hyperband.yaml.
# Run from the repository's root: experiments/report_hyperband.sh
# The run is one of DVC's, in a copy; params.yaml here is as it was when the script ends.
set -euo pipefail
source "$(dirname "$0")/common.sh"

before=$(mktemp)
cp params.yaml "$before"
trap 'cp "$before" params.yaml; rm "$before"' EXIT
python -m rare_species.apply "$(dirname "$0")/report_hyperband.yaml" > /dev/null

queue_backbone report-hyperband mobilenetv2 -S tune.trials=90
run_and_show '(train|tune).(val|test).(accuracy|macro_f1)$'
