#!/usr/bin/env bash
# safetensors: the same tensors with the same metadata, saved twice, are two different files. Tensors are put in an
# order of their own, whatever the order they come in, so that equal checkpoints seem to have equal checksums; but the
# entries of __metadata__ are written in an order drawn anew at every save. With a single entry, such as the format that
# transformers notes, nothing is seen; a trainer that adds step, seed and more finds that a run repeated bit for bit has
# other checksums, and that an unchanged checkpoint counts as changed. Seen with 0.4.3 and 0.8.0.
#   Way out: a writer that sorts them; or all metadata as the text of one entry, or checksums of the tensors alone.
# shellcheck source=findings/lib/tools.sh
. "$(dirname "$0")/lib/tools.sh"

cat >program.py <<'TEXT'
import hashlib

import numpy
from safetensors.numpy import save

weight, bias = numpy.ones((2, 3), numpy.float32), numpy.zeros(3, numpy.float32)
entries = {key: "1" for key in ("step", "seed", "epoch", "tokens", "loss", "layers", "width", "format")}

def files(metadata):
    tensors = [{"weight": weight, "bias": bias}, {"bias": bias, "weight": weight}] * 20
    return len({hashlib.sha256(save(some, metadata=metadata)).digest() for some in tensors})

for name, metadata in ("no metadata", None), ("one entry", {"step": "1"}), ("eight entries", entries):
    print(f"{name}: {'one file' if files(metadata) == 1 else 'different files'}")
TEXT
for version in 0.4.3 0.8.0; do
  python_packages "v$version" "safetensors==$version" numpy==2.2.6
  "v$version/bin/python" program.py >"$version" 2>&1
  for line in 'no metadata: one file' 'one entry: one file' 'eight entries: different files'; do
    expect "safetensors $version" "$version" "$line"
  done
done
