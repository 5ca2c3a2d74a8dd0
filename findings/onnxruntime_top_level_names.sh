#!/usr/bin/env bash
# ONNX Runtime: a script whose own folder holds an onnx_model.py cannot quantise. The package's tools for transformers
# import one another by their bare names (onnx_model, fusion_utils, float16 and dozens more), for which `import
# onnxruntime.quantization` puts their folder on the search path of all modules. Python looks in the script's folder
# first, so a module of the user's own by one of these names is taken for theirs, though nobody but the package asked for
# it, and the error speaks of a class that the user never named. `import onnxruntime` alone, and running models, go well.
# Seen with 1.20.1 and 1.32.0.
#   Way out: no module beside the script has such a name.
# shellcheck source=findings/lib/tools.sh
. "$(dirname "$0")/lib/tools.sh"

mkdir -p plain named
echo 'def layers(): return 12' >named/onnx_model.py
cat >plain/program.py <<'TEXT'
import sys

import onnxruntime

print("onnxruntime: imported")
try:
    from onnxruntime.quantization import quantize_dynamic

    print("quantization: imported")
except ImportError as error:
    print("quantization:", str(error).split(" (")[0])
print("a folder of the package on the search path:", any("onnxruntime" in path for path in sys.path))
TEXT
cp plain/program.py named/program.py
for version in 1.20.1 1.32.0; do
  python_packages "v$version" "onnxruntime==$version" onnx==1.19.1 numpy==2.2.6
  for folder in plain named; do
    "v$version/bin/python" "$folder/program.py" >"$folder.out" 2>&1 || true
    expect "onnxruntime $version, $folder" "$folder.out" 'onnxruntime: imported'
  done
  expect "onnxruntime $version, alone" plain.out 'quantization: imported'
  expect "onnxruntime $version, alone" plain.out 'a folder of the package on the search path: True'
  expect "onnxruntime $version, beside an onnx_model.py" named.out \
    "quantization: cannot import name 'OnnxModel' from 'onnx_model'"
done
