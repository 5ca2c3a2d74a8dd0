#!/usr/bin/env bash
# usage: experiments/scale/efficiency.sh [DATA]       (a prepared folder; by default the quickstart's)
# One process of two threads and two processes of one thread train the same updates of the published 1x11 model by turns,
# and must end with the same weights. Seconds an update (median over all rounds but each run's first update), their
# ratio and the memory go to results/efficiency.json; of another batch or link to a file with its tokens an update or
# its rate in the name (efficiency_65536.json, efficiency_1gbit.json); or to the file OUT.
#   BATCH=64     sequences of 128 tokens an update: 4096 tokens a process    STEPS=3   ROUNDS=3
#   RATE=RATE    the two processes are on two hosts joined by a link of that rate (1gbit; none: no limit; two_hosts.sh,
#                as root); on this one unless it is given
set -euo pipefail
# shellcheck source=experiments/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
check_words 0 1 "$@"
cd "$(dirname "$0")/../.."
command -v jq >/dev/null || { echo "efficiency: jq is missing: experiments/lib/install.sh quickstart" >&2; exit 1; }
program=$(realpath "${ESPALIER:-build/release/espalier}")
data=$(realpath "${1:-runs/quickstart-data}")
batch=${BATCH:-64} steps=${STEPS:-3} rounds=${ROUNDS:-3} rate=${RATE:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

train() { # train NAME THREADS LAUNCHER...
  local name=$1 threads=$2
  shift 2
  rm -rf "${work:?}/$name"
  "$@" "$program" --quiet --threads "$threads" pretrain configs/pretrain/ultrafastbert-1x11.yaml data="$data" \
    run="$work/$name" arch.embedding.vocab_size=32768 train.budget.tokens=0 train.budget.minutes=0 \
    train.budget.steps=1000 train.max_steps="$steps" train.batch_size="$batch" train.micro_batch=32 \
    train.batch_ramp=0 train.gradient_groups=2 log.steps=1 eval.sequences=1 save.minutes=0 save.steps=0 >&2
  jq -s --arg name "$name" '[.[] | select(.loss and .time)] |
    {name: $name, seconds: [range(1; length) as $i | .[$i].time - .[$i - 1].time], rss: ([.[].rss] | max)}' \
    "$work/$name/metrics.jsonl" >>"$work/times"
  "$program" inspect "$work/$name" --json | jq -r .weights_checksum >"$work/$name.sum"
}

two=(mpirun -np 2 --bind-to none)
[ -z "$rate" ] || two=(experiments/scale/two_hosts.sh "$rate")
for ((round = 1; round <= rounds; ++round)); do
  train one 2 env
  train two 1 "${two[@]}"
  cmp "$work/one.sum" "$work/two.sum" || { echo "efficiency: the weights differ" >&2; exit 1; }
done

name=efficiency
[ "$batch" -eq 64 ] || name+=_$((batch * 128))
[ -z "$rate" ] || name+=_$rate
out=${OUT:-experiments/scale/results/$name.json}
mkdir -p "$(dirname "$out")"
jq -s --arg cpu "$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1), $(nproc) cores" --arg rate "${rate:-shared memory}" \
  --argjson batch "$batch" '
  def median: sort | if length % 2 == 1 then .[length / 2 | floor] else (.[length / 2 - 1] + .[length / 2]) / 2 end;
  def of($name): [.[] | select(.name == $name)];
  {machine: $cpu, link: $rate, sequences: $batch, tokens_per_process: ($batch * 64),
   one_process_two_threads: {seconds: (of("one") | map(.seconds) | add | median), rss: (of("one") | map(.rss) | max)},
   two_processes_one_thread: {seconds: (of("two") | map(.seconds) | add | median), rss: (of("two") | map(.rss) | max)},
   all: .} | .efficiency = .one_process_two_threads.seconds / .two_processes_one_thread.seconds' "$work/times" >"$out"
jq 'del(.all)' "$out"
