#!/usr/bin/env bash
# safetensors 0.8 from numpy: a transposed array comes back with its shape and with its values in another order. Its
# save writes an array's memory as it lies, and the shape beside it; what lies column by column, such as kernel.T, which
# turns a layer's (inputs, outputs) into the (outputs, inputs) of torch.nn.Linear, is then read row by row. Nothing
# tells: shape, mean and norm are right, and such an array is as contiguous and dense as the documentation asks (numpy
# flags it F_CONTIGUOUS). Weights converted so load everywhere and compute nonsense; a square one looks untransposed.
# Up to 0.7 the same call wrote the right values, so that a conversion that was checked once breaks by an upgrade.
# Seen with 0.8.0 (numpy 2.2.6); 0.4.5 and 0.7.0 are right. From torch 0.8.0 refuses such a tensor by name.
#   Way out: numpy.ascontiguousarray around everything that is saved.
# shellcheck source=findings/lib/tools.sh
. "$(dirname "$0")/lib/tools.sh"

cat >program.py <<'TEXT'
import numpy
from safetensors.numpy import load, load_file, save, save_file

kernel = numpy.arange(6, dtype=numpy.float32).reshape(3, 2)  # 3 inputs, 2 outputs
weight = kernel.T
assert weight.flags.f_contiguous and not weight.flags.owndata
save_file({"weight": weight}, "file.safetensors")
read = load_file("file.safetensors")["weight"]
assert numpy.array_equal(load(save({"weight": weight}))["weight"], read)
print("shape:", read.shape, "mean:", float(read.mean()))
print("saved:", weight.tolist())
print("read:", read.tolist())
square = numpy.arange(4, dtype=numpy.float32).reshape(2, 2)
print("square:", "untransposed" if numpy.array_equal(load(save({"w": square.T}))["w"], square) else "transposed")
copied = load(save({"weight": numpy.ascontiguousarray(weight)}))["weight"]
print("copied first:", "right" if numpy.array_equal(copied, weight) else "wrong")
TEXT
# safetensors, what is read, what a square weight looks like
while read -r version values square; do
  python_packages "v$version" "safetensors==$version" numpy==2.2.6
  "v$version/bin/python" program.py >"$version" 2>&1
  for line in 'shape: (2, 3) mean: 2.5' 'saved: [[0.0, 2.0, 4.0], [1.0, 3.0, 5.0]]' "read: ${values//,/, }" \
    "square: $square" 'copied first: right'; do
    expect "safetensors $version" "$version" "$line"
  done
done <<'TEXT'
0.4.5 [[0.0,2.0,4.0],[1.0,3.0,5.0]] transposed
0.7.0 [[0.0,2.0,4.0],[1.0,3.0,5.0]] transposed
0.8.0 [[0.0,1.0,2.0],[3.0,4.0,5.0]] untransposed
TEXT
