"""What the parts share: settings of run.sh, the machine of a row, results files of which a new row changes no other, and
rows of GLUE's files."""

import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../lib"))
import documents  # noqa: E402
import glue_rows as glue  # noqa: E402
from machine import cpu  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(HERE))
PROGRAM = os.environ["ESPALIER"]
MODEL, MODEL_SUM = os.environ["BERT_MODEL"], os.environ["BERT_MODEL_SUM"]
SCRATCH = os.environ["BERT_SCRATCH"]
RESULTS = os.environ["BERT_OUT"]
DATA = os.environ["ESPALIER_DATA"]
read, write = documents.read, documents.write
# Text, pair where there is one, label: names of the header, or places where a file has none.
COLUMNS = {"CoLA": (3, 1), "SST-2": ("sentence", "label"), "MRPC": ("#1 String", "#2 String", "Quality"),
           "RTE": ("sentence1", "sentence2", "label"), "STS-B": ("sentence1", "sentence2", "score")}


def chosen(known):
    """The words behind the part, each of which must be known; all where there are none."""
    for word in sys.argv[1:]:
        if word not in known:
            print(f"bert: no '{word}'; there are: {', '.join(known)}", file=sys.stderr)
            sys.exit(2)
    return sys.argv[1:] or list(known)


def glue_rows(task, split):
    """{line number: [text, pair where there is one, label]}"""
    return glue.read(os.path.join(DATA, "glue", task, split + ".tsv"), COLUMNS[task])


def fields(row, label):
    """A row of GLUE as our tables of JSON lines have it."""
    return {"text": row[0], "label": label, **({"pair": row[1]} if len(row) == 3 else {})}


def write_jsonl(path, rows):
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def machine(threads):
    return f"{cpu()}, {threads} thread{'' if int(threads) == 1 else 's'}"
