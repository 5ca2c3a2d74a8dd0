"""Fresh random models of the ORIGINAL code against ours:
hidden states, logits, loss, every gradient and 20 AdamW steps.

The original makes the same files as in tests/golden, with other seeds and more steps, and the C++ test of the golden
models reads those instead. Needs a checkout of pbelcak/UltraFastBERT ($ULTRAFASTBERT_DIR, or cloned once into the
cache) and the test program that tests/run.sh builds.
"""

import os
import pathlib
import subprocess
import sys

import tools

HERE = pathlib.Path(__file__).resolve().parent
STEPS = 20


def main():
    binary, scratch = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2]
    test = binary.parent / "tests" / "test_train"
    if not test.is_file():
        sys.exit(f"gradients: {test} is missing; tests/run.sh builds it")
    original = tools.original_checkout()
    if original is None:
        sys.exit(77)
    for seed in (10_000, 20_000, 30_000):
        environment = dict(os.environ, GOLDEN_OUT=scratch, GOLDEN_SEED=str(seed), GOLDEN_STEPS=str(STEPS),
                           ESPALIER_GOLDEN_DIR=scratch)
        maker = [sys.executable, str(HERE.parent / "golden" / "make" / "make.py"), "--original", original, "--only",
                 "models"]
        subprocess.run(maker, env=environment, check=True, stdout=subprocess.DEVNULL)
        done = subprocess.run([str(test), "--source-file=*golden_model_test.cc"],
                              env=environment, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"gradients: seed {seed}:\n{done.stdout}")
        cases = len(list(pathlib.Path(scratch).glob("*.safetensors")))
        print(f"gradients: seed {seed}: {cases} models of the original, {STEPS} steps each: all within the tolerance")


main()
