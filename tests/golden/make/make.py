#!/usr/bin/env python3
"""Makes the golden files with the original PyTorch code. See ../README.md.

    python make.py --original DIR --leaf-original DIR [--only models,ops,...]

DIR are checkouts of pbelcak/UltraFastBERT and pbelcak/fastfeedforward (default: $ULTRAFASTBERT_DIR, $FASTFEEDFORWARD_DIR).
For a live cross-check (tests/interop) GOLDEN_OUT names another folder to write to, GOLDEN_SEED is added to every model's seed,
and GOLDEN_STEPS is the number of training steps (10).
"""

import argparse
import os
import sys
import warnings

import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "..", "interop"))

import original as original_code

PARTS = ("ops", "models", "layers", "leaves", "schedules", "tokenizer", "scripts", "metrics", "association", "events", "muon", "bert")


def make_part(part, arguments):
    needs_original = part in ("ops", "models", "layers", "schedules", "tokenizer")
    if needs_original and arguments.loaded is None:
        arguments.loaded = original_code.load_ultrafastbert(arguments.original)
        arguments.loaded.fff = arguments.loaded.model.FFF
    if part == "ops":
        import ops
        ops.make(arguments.loaded)
    elif part == "models":
        import model_cases, twin_check
        model_cases.make(arguments.loaded, twin_check.check)
    elif part == "layers":
        import layer_cases
        layer_cases.make(arguments.loaded)
    elif part == "leaves":
        import leaf_cases
        leaf_cases.make(original_code.load_fastfeedforward(arguments.leaf_original))
    elif part == "schedules":
        import schedules
        schedules.make(arguments.loaded)
    elif part == "scripts":
        import scripts_case
        scripts_case.make()
    elif part == "tokenizer":
        import tokenizer_case
        tokenizer_case.make(arguments.loaded, retrain=arguments.retrain)
    elif part == "bert":
        import bert_cases
        bert_cases.make(int(os.environ.get("GOLDEN_SEED", 0)))
    elif part == "association":
        import association
        association.make()
    elif part == "muon":
        import muon
        muon.make()
    elif part == "events":
        import events
        events.make()
    elif part == "metrics":
        import metrics
        metrics.make()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--original", default=os.environ.get("ULTRAFASTBERT_DIR"))
    parser.add_argument("--leaf-original", default=os.environ.get("FASTFEEDFORWARD_DIR"))
    parser.add_argument("--only", default=",".join(PARTS), help="comma-separated: " + ", ".join(PARTS))
    parser.add_argument("--retrain", action="store_true",
                        help="train the tokenizer again (its ids change) instead of keeping tokenizer.json")
    arguments = parser.parse_args()
    arguments.loaded = None
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    for part in arguments.only.split(","):
        if part not in PARTS:
            parser.error(f"unknown part {part!r}, expected one of {', '.join(PARTS)}")
        make_part(part, arguments)


if __name__ == "__main__":
    main()
