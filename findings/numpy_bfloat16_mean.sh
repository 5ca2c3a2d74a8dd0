#!/usr/bin/env bash
# numpy with bfloat16: the mean of a thousand ones is 0.255859, and their standard deviation 0.5. numpy has no such
# type; safetensors.numpy gives tensors of a BF16 file the one of ml_dtypes, with which everything seems to work. But
# numpy's sums of it are kept in bfloat16 and run from first to last, where 256 + 1 is 256: the sum stops, whatever
# follows. Of its own float16, numpy says that means are computed in float32, and so they are. There is no warning: the
# mean of 512 positions (mean pooling) is too small, and so is an accuracy. Products of matrices are right.
# Seen with numpy 2.4.6, ml_dtypes 0.6.0 and with numpy 1.26.4, ml_dtypes 0.5.1; both with safetensors 0.8.0.
#   Way out: astype(numpy.float32) right after reading, or dtype=numpy.float32 in every mean and sum.
# shellcheck source=findings/lib/tools.sh
. "$(dirname "$0")/lib/tools.sh"

cat >program.py <<'TEXT'
import ml_dtypes
import numpy
from safetensors.numpy import load_file, save_file

save_file({"ones": numpy.ones(1000, ml_dtypes.bfloat16)}, "file.safetensors")
ones = load_file("file.safetensors")["ones"]
print("type:", ones.dtype)
print("mean:", float(ones.mean()), "sum:", float(ones.sum()), "standard deviation:", float(ones.std()))
print("as float16:", float(ones.astype(numpy.float16).mean()))
print("mean in float32:", float(ones.mean(dtype=numpy.float32)))
print("dot:", float(ones @ ones))
print("accuracy of 800 in 1000:", float((numpy.arange(1000) % 5 > 0).astype(ml_dtypes.bfloat16).mean()))
states = (numpy.random.default_rng(0).normal(0, 1, (512, 768)) + 3).astype(ml_dtypes.bfloat16)
print("mean pooling:", round(float(states.mean(axis=0).astype(numpy.float32).mean()), 1),
      "for", round(float(states.astype(numpy.float32).mean()), 1))
TEXT
# numpy, ml_dtypes
while read -r numpy types; do
  python_packages "v$numpy" "numpy==$numpy" "ml_dtypes==$types" safetensors==0.8.0
  "v$numpy/bin/python" program.py >"$numpy" 2>&1
  for line in 'type: bfloat16' 'mean: 0.255859375 sum: 256.0 standard deviation: 0.50390625' 'as float16: 1.0' \
    'mean in float32: 1.0' 'dot: 1000.0' 'accuracy of 800 in 1000: 0.255859375' 'mean pooling: 2.5 for 3.0'; do
    expect "numpy $numpy" "$numpy" "$line"
  done
done <<'TEXT'
2.4.6 0.6.0
1.26.4 0.5.1
TEXT
