#!/usr/bin/env bash
# The search of the report that this project grew out of, on a frozen MobileNetV2: 90 trials, see report_hyperband.yaml.
# Run from the repository's root: experiments/report_hyperband.sh
# The run is one of DVC's, in a copy; params.yaml here holds its parameters until it ends, then what it held before.
set -euo pipefail
source "$(dirname "$0")/common.sh"

before=$(mktemp) applied=$(mktemp)

restore() {
  if cmp -s params.yaml "$applied"; then
    cp "$before" params.yaml
    rm "$before" "$applied"
  else
    echo "params.yaml was edited meanwhile and is left so; what it held before is in $before" >&2
  fi
}

cp params.yaml "$before"
python -m rare_species apply "$(dirname "$0")/report_hyperband.yaml" > /dev/null
cp params.yaml "$applied"
trap restore EXIT

queue_backbone report-hyperband mobilenetv2 -S tune.trials=90
run_and_show '(train|tune).(val|test).(accuracy|macro_f1)$'
