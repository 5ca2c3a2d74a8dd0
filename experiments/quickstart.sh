#!/usr/bin/env bash
# usage: experiments/quickstart.sh [--tiny]
# The main job from end to end: installs what is missing, builds the program, fetches real text and labelled sentences,
# trains a tokenizer and a small crammed BERT whose trees go from soft to hard, evaluates it on held-out documents,
# fine-tunes and exports it, fills masks, and ends with a report. Settings are in configs/. Each verb reuses what is
# there already, resumes what was interrupted, and refuses what was made from other input. --tiny is a run of few
# minutes that shows that everything works.
set -euo pipefail
export LC_ALL=C.UTF-8
# shellcheck source=experiments/lib/system.sh
. "$(dirname "$0")/lib/system.sh"

case ${1:-} in
  "") name=quickstart ;;
  --tiny) name=quickstart-tiny ;;
  --help) usage 0 ;;
  *) usage 2 ;;
esac
cd "$(dirname "$0")/.."

espalier=build/release/espalier
data=runs/$name-data
model=runs/$name
classifier=runs/$name-classifier
exported=runs/$name-hf
phases=()

say() { echo "quickstart: $*" >&2; }

# clock SECONDS: minutes and seconds.
clock() { printf '%d:%02d' $(($1 / 60)) $(($1 % 60)); }

# phase NAME COMMAND...: runs a part of the job and keeps its time.
phase() {
  local title=$1 start=$SECONDS
  shift
  say "--- $title"
  "$@"
  phases+=("$title $(clock $((SECONDS - start)))")
}

# The library too, which `cmake --install` wants: of objects that the program has anyway.
build() {
  cmake --preset release >&2
  cmake --build --preset release >&2
}

# All sources, or those that the configuration names.
text() {
  local sources
  mapfile -t sources < <(sed -nE 's,.*data/text/([a-z_]+)\.txt\.gz.*,\1,p' "configs/data/$name.yaml")
  data/recipes/text.sh "${sources[@]}" >&2
}

# The labelled task: film reviews, or word order where these cannot be had.
labels() {
  task=sentiment
  data/recipes/sentiment.sh && return
  say "the film reviews cannot be had; the labelled task is real against word-shuffled sentences instead"
  task=word_order
  classifier=runs/$name-classifier-$task # a later run may have the reviews
  data/recipes/word_order.sh
}

prepare() {
  local status=0
  "$espalier" prepare "configs/data/$name.yaml" out="$data" || status=$?
  [ "$status" -ne 2 ] || say "with other text than the last time (then some could not be fetched?) all begins anew:" \
    "rm -rf $data $model $classifier $exported"
  return "$status"
}

pretrain() { "$espalier" pretrain "configs/pretrain/$name.yaml" data="$data" run="$model"; }

evaluate() {
  "$espalier" evaluate "$model" --data "$data" --json >"$model/evaluation.json.part"
  mv "$model/evaluation.json.part" "$model/evaluation.json"
}

finetune() {
  "$espalier" finetune "configs/finetune/$name.yaml" model="$model" run="$classifier" \
    task.train="data/$task/train.tsv" task.dev="data/$task/dev.tsv"
}

export_model() { "$espalier" export "$model" "$exported"; }

fill_masks() {
  "$espalier" fill-mask "$model" --top 3 \
    "In the beginning God created the heaven and the <mask>." \
    "A person who <mask> in a school." \
    "The workers must take control of their own <mask>." \
    "This <mask> is used to edit a text file."
}

# number FILE FILTER: a finite number out of a JSON file, or an error that names both.
number() {
  jq -er "$2 | numbers | select(isfinite)" "$1" 2>/dev/null || {
    say "$1 has no finite number at $2"
    return 1
  }
}

# majority TSV: how often the most frequent label occurs in the last column, and the number of rows: "SHARE ROWS LABEL".
majority() {
  awk -F '\t' 'NR > 1 { count[$NF]++ } END {
    for (label in count)
      if (count[label] > most || (count[label] == most && label < name)) { most = count[label]; name = label }
    printf "%.6f %d %s\n", most / (NR - 1), NR - 1, name
  }' "$1"
}

report() {
  local results=$model/evaluation.json scores=$classifier/all_results.json
  local loss unigram hard soft gap tokens accuracy low high share rows label
  loss=$(number "$results" .loss)
  unigram=$(number "$results" .unigram_loss)
  hard=$(number "$results" .loss_hard)
  soft=$(number "$results" .loss_soft)
  gap=$(number "$results" .hardening_gap)
  tokens=$(number "$results" .tokens)
  accuracy=$(number "$scores" .eval_accuracy)
  low=$(number "$scores" '.eval_accuracy_interval[0]')
  high=$(number "$scores" '.eval_accuracy_interval[1]')
  read -r share rows label < <(majority "data/$task/dev.tsv")

  echo "Espalier quickstart ($name)"
  echo
  echo "Masked words of held-out documents ($tokens predictions)"
  awk -v l="$loss" -v u="$unigram" 'BEGIN {
    printf "  loss %.3f nats, unigram loss %.3f: %.2f nats under it\n", l, u, u - l
    if (u - l < 0.3)
      print "  THE MODEL HAS HARDLY LEARNED: expected are 1.5 nats under the unigram loss with the full budget"
  }'
  printf '  with hard trees %.3f, with soft trees %.3f: hardening gap %.3f\n' "$hard" "$soft" "$gap"
  echo
  echo "Labelled task $task ($rows held-out sentences)"
  awk -v a="$accuracy" -v low="$low" -v high="$high" -v s="$share" -v l="$label" 'BEGIN {
    printf "  accuracy %.1f %% (95 %% interval %.1f to %.1f %%), always \"%s\" %.1f %%\n",
      100 * a, 100 * low, 100 * high, l, 100 * s
  }'
  echo
  echo "Training speed: $(tokens_per_second) tokens/s on $(nproc) cores"
  echo "Time per phase (minutes:seconds)"
  printf '  %s\n' "${phases[@]}" | awk '{ time = $NF; sub(/ [^ ]*$/, ""); printf "%-32s %8s\n", $0, time }'
  printf '  %-30s %8s\n' total "$(clock $SECONDS)"
  echo
  echo "Files"
  echo "  $data        tokenizer.json, tokens.h5"
  echo "  $model             config.yaml, metrics.jsonl, checkpoints, last.h5, best.h5, evaluation.json, report.txt"
  echo "  $classifier  all_results.json, predictions, the classifier"
  echo "  $exported          the model in Hugging Face's layout"
  echo
  echo "Try next"
  echo "  export PATH=\"$PWD/build/release:\$PATH\""
  echo "  espalier fill-mask $model \"The <mask> of the people.\" --top 5"
  echo "  espalier classify $classifier \"A dull film that never comes alive.\" \"A warm and funny story.\""
  echo "  espalier pretrain configs/pretrain/$name.yaml data=$data run=runs/deeper arch.ffn.depth=8"
}

# The median of what was logged.
tokens_per_second() {
  jq -s '[.[].tokens_per_s | numbers] | sort | .[length / 2 | floor] | round' "$model/metrics.jsonl"
}

require_writable quickstart
phase "install packages" experiments/lib/install.sh build quickstart
phase "build the program" build
phase "make the text" text
phase "make the labelled sentences" labels
phase "prepare: tokenizer and tokens" prepare
phase "pretrain" pretrain
phase "evaluate" evaluate
phase "finetune" finetune
phase "export" export_model
phase "fill masks" fill_masks
echo
report | tee "$model/report.txt"
