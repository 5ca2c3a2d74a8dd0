"""Runs blocks of Python, each on its own in a folder, with the transformers that PYTHONPATH names.

Standard input is a JSON list of {"folder", "code", "original"}; the answer is a list of {"out"} or {"error"}. Where
`original` is true, the block may import the original's `cramming`: that of the checkout named by the argument, without
its launcher's dependencies (tests/golden/make/original.py)."""

import contextlib
import importlib
import io
import json
import os
import sys
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "make"))


def run(block):
    os.chdir(block["folder"])
    out = io.StringIO()
    try:
        with contextlib.redirect_stdout(out):
            exec(compile(block["code"], "README.md", "exec"), {})  # pylint: disable=exec-used
    except Exception:  # pylint: disable=broad-except
        return {"error": traceback.format_exc(limit=-3)}
    return {"out": out.getvalue()}


def main():
    blocks = json.load(sys.stdin)
    if any(block["original"] for block in blocks):
        importlib.import_module("transformers")  # before the stubs, which it would look at

        import original

        original.load_ultrafastbert(sys.argv[1])
    json.dump([run(block) for block in blocks], sys.stdout)


main()
