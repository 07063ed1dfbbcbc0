# Sourced by the scripts beside it (bash 4.4 or newer): queue runs by name, run what is queued, show it.
# ARCHIVE=data/raw/mine.zip takes other photos than params.yaml names; track them first: dvc add data/raw/mine.zip

set -f  # values of parameters may hold brackets
trap 'exit 130' INT  # DVC ends by itself on Ctrl-C, and bash would go on with the next run

queued=()  # options of each run, quoted for the shell
names=()   # of the runs

# queue NAME [-S parameter=value ...]: one run without a search; a run of that name is replaced
queue() {
  local name=$1
  shift
  queued+=("$(printf '%q ' --name "$name" -S tune.trials=0 ${ARCHIVE:+-S "unzip.archive=$ARCHIVE"} "$@")")
  names+=("$name")
  echo "queued $name"
}

# queue_backbone NAME BACKBONE [-S parameter=value ...]: the same with a backbone, or not at all if its weights can't be had.
# WEIGHTS_RESNET50=path/to/file names those of resnet50, and so on.
queue_backbone() {
  local name=$1 backbone=$2 given="WEIGHTS_${2^^}" weights
  shift 2
  weights=${!given:-$(python -m rare_species backbones "$backbone")} || {
    echo "skipped $name: the line above says why there are no weights of $backbone; $given=FILE names some"
    return 0
  }
  queue "$name" -S "model.name=$backbone" -S "model.weights=$weights" "$@"
}

# sets SECTION PARAMETER=VALUE ...: the -S options that set parameters of a section
sets() {
  printf -- "-S $1.%s " "${@:2}"
}

# run_and_show [METRICS]: one run after the other, each in its own copy of the repository; one that fails does not stop
# the rest, but is not hidden: the script ends with 1, as where there is nothing to run. Not DVC's own queue: its worker
# can die on a busy machine, and then `dvc exp run --run-all` waits for ever. Not --force: it would run unchanged stages.
run_and_show() {
  local number failed=0
  [ ${#queued[@]} -gt 0 ] || { echo "nothing to run" >&2; return 1; }
  for number in "${!queued[@]}"; do
    dvc exp remove --quiet "${names[number]}" 2> /dev/null || true  # there may be none of that name
    eval "dvc exp run --temp ${queued[number]}" || failed=$((failed + 1))
  done
  [ "$failed" -eq 0 ] || echo "$failed runs failed; those that came to an end are listed below." >&2
  dvc exp show --md --drop '.*' \
    --keep "Experiment|${1:-train.(val|test).macro_f1$|train.test_95.macro_f1.(low|high)$|train.test.accuracy$}"
  [ "$failed" -eq 0 ]
}
