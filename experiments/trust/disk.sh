#!/usr/bin/env bash
# usage: experiments/trust/disk.sh
# Pretraining into a folder one may not write to, onto a read-only file system, and onto a real tmpfs, too small from
# the start and then filled up by another program while training goes on. The tests inject such faults; here the system
# itself makes them. Needs `unshare` with user namespaces, or root. Prints what the program says; status 1 if it does
# not end as it should, 77 without mounts.
set -euo pipefail
# shellcheck source=experiments/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
check_words 0 1 "$@"
[ "${1:-inside}" = inside ] || usage 2
cd "$(dirname "$0")/../.."
if [ "${1:-}" != inside ]; then
  unshare -rm true 2>/dev/null || { echo "disk: SKIPPED: unshare cannot make a mount namespace here" >&2; exit 77; }
  exec unshare -rm "$0" inside
fi

program=$(realpath "${ESPALIER:-build/release/espalier}")
folder=$(mktemp -d "${TMPDIR:-/tmp}/espalier-disk.XXXXXX")
filler=
trap 'kill $filler 2>/dev/null || true; umount "$folder"/disk "$folder"/fixed 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
awk 'BEGIN {
  srand(1)
  for (d = 0; d < 400; ++d) {
    for (w = 0; w < 60; ++w)
      printf "%s%d ", substr("treewallpearleaf", 1 + int(rand() * 12), 4), int(rand() * 9)
    print ".\n"
  }
}' >text.txt
printf 'text: {files: [%s]}\ntokenizer: {vocab_size: 200}\nsequence_length: 32\nout: %s\n' \
  "$folder/text.txt" "$folder/data" >data.yaml
"$program" prepare data.yaml --quiet >/dev/null
cat >model.yaml <<YAML
data: $folder/data
seed: 1
arch: {layers: 2, hidden_size: 32, embedding: {vocab_size: 0}, attention: {heads: 2}, ffn: {type: neuron_tree, depth: 3}}
train: {budget: {steps: 60}, lr: 1e-3, batch_size: 8, micro_batch: 8}
eval: {steps: 30}
save: {steps: 5}
YAML

expect() { # expect NAME STATUS TEXT COMMAND...: the command must end with STATUS and say TEXT
  local name=$1 wanted=$2 text=$3 status=0
  shift 3
  "$@" >out 2>err || status=$?
  if [ "$status" != "$wanted" ] || ! grep -qF "$text" err; then
    echo "disk: $name: status $status, expected $wanted with \"$text\":" >&2
    tail -n 5 err >&2
    exit 1
  fi
  printf '%s: status %s: %s\n' "$name" "$status" "$(grep -F "$text" err | tail -n 1 | sed "s#$folder/##g")"
}
checksum() {
  "$program" inspect "$1" --verify --json | sed -n 's/.*"weights_checksum": "\([0-9a-f]*\)".*/\1/p' | head -n 1
}

"$program" pretrain model.yaml run=whole --quiet >/dev/null
whole=$(checksum whole/last.h5)
size=$(stat -c %s whole/last.h5)
echo "a checkpoint has $size bytes; undisturbed: weights $whole"

mkdir disk fixed
mount -t tmpfs -o size=1m tmpfs fixed
mount -o remount,ro fixed
expect "read-only file system" 1 "Read-only file system" "$program" pretrain model.yaml run=fixed/run

mount -t tmpfs -o size=$((2 * size)) tmpfs disk
expect "too small a disk, before the first step" 1 "the checkpoints still to come" \
  "$program" pretrain model.yaml run=disk/run
umount disk

# Room at first; another program takes it all after the first checkpoints.
mount -t tmpfs -o size=$((12 * size)) tmpfs disk
fill() {
  while [ ! -e disk/run/checkpoints/step-10.h5 ]; do sleep 0.01; done
  dd if=/dev/zero of=disk/others bs=4096 2>/dev/null || true
}
for stop in true false; do
  rm -rf disk/run disk/others
  fill &
  filler=$!
  if [ "$stop" = true ]; then
    expect "filled while training, save.stop_on_error=true" 1 "No space left on device" \
      "$program" pretrain model.yaml run=disk/run log.steps=1
  else
    # It goes on to the last checkpoint, which must not be lost unseen.
    expect "filled while training, save.stop_on_error=false" 1 "stopped at step 60" \
      "$program" pretrain model.yaml run=disk/run log.steps=1 save.stop_on_error=false
  fi
  wait "$filler"
  filler=
  "$program" inspect disk/run/last.h5 --verify >/dev/null ||
    { echo "disk: the checkpoint that is left is damaged" >&2; exit 1; }
  rm disk/others
  "$program" pretrain model.yaml run=disk/run log.steps=1 save.stop_on_error=$stop --quiet >/dev/null
  [ "$(checksum disk/run/last.h5)" = "$whole" ] || { echo "disk: the run ended with other weights" >&2; exit 1; }
  echo "  the last checkpoint was whole; continued once the disk had room: the undisturbed run's weights"
done
