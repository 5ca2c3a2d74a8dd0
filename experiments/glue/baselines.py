"""Two baselines that need no model, on the files that `espalier glue` reads: the majority class of the training rows (their
mean where scores are predicted) and a bag of words, logistic regression (ridge) on tf-idf of words and, of pairs, on the words
of each sentence, of both and on how much they share. Nothing is tuned. Each leaves a folder with results.json and predictions that
`glue.baseline=` takes, so that a model can be tested against it row by row.

usage: baselines.py GLUE_FOLDER OUTPUT_FOLDER [--max-train N]"""

import argparse
import os
import random
import re
import sys

import numpy as np
import scipy.sparse
from scipy.stats import pearsonr, spearmanr
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import documents  # noqa: E402
import glue_rows  # noqa: E402

# name: folder, text columns, label column, metrics (the first is the table's), dev files
TASKS = {
    "cola": ("CoLA", [3], 1, ["matthews_correlation", "accuracy"], ["dev"]),
    "sst2": ("SST-2", ["sentence"], "label", ["accuracy"], ["dev"]),
    "mrpc": ("MRPC", ["#1 String", "#2 String"], "Quality", ["f1", "accuracy"], ["dev"]),
    "stsb": ("STS-B", ["sentence1", "sentence2"], "score", ["pearson", "spearmanr"], ["dev"]),
    "qqp": ("QQP", ["question1", "question2"], "is_duplicate", ["f1", "accuracy"], ["dev"]),
    "mnli": ("MNLI", ["sentence1", "sentence2"], "gold_label", ["accuracy"], ["dev_matched", "dev_mismatched"]),
    "qnli": ("QNLI", ["question", "sentence"], "label", ["accuracy"], ["dev"]),
    "rte": ("RTE", ["sentence1", "sentence2"], "label", ["accuracy"], ["dev"]),
    "wnli": ("WNLI", ["sentence1", "sentence2"], "label", ["accuracy"], ["dev"]),
}
WORD = r"(?u)[^\W_]+|[^\w\s]"


def read(path, texts, label):
    """(texts, labels as written) of an official file"""
    rows = glue_rows.read(path, [*texts, label]).values()
    return [row[:-1] for row in rows], [row[-1] for row in rows]


class Words:
    """Features of texts: tf-idf of words and word pairs, each part of a pair on its own and what both have."""

    def __init__(self, rows):
        self.pairs = len(rows[0]) == 2
        self.parts = [
            TfidfVectorizer(token_pattern=WORD, ngram_range=(1, 2), min_df=2, sublinear_tf=True).fit(
                [row[i] for row in rows])
            for i in range(len(rows[0]))]
        if self.pairs:
            self.shared = TfidfVectorizer(token_pattern=WORD, min_df=2, sublinear_tf=True).fit(
                [text for row in rows for text in row])

    def __call__(self, rows):
        parts = [vectorizer.transform([row[i] for row in rows]) for i, vectorizer in enumerate(self.parts)]
        if self.pairs:
            first, second = (self.shared.transform([row[i] for row in rows]) for i in (0, 1))
            parts += [first.minimum(second), scipy.sparse.csr_matrix(self.overlap(rows, first, second))]
        return scipy.sparse.hstack(parts).tocsr()

    @staticmethod
    def overlap(rows, first, second):
        table = []
        for (a, b), cosine in zip(rows, np.asarray(first.multiply(second).sum(axis=1)).ravel()):
            a, b = (set(re.findall(WORD, text.lower())) for text in (a, b))
            both, either = len(a & b), max(1, len(a | b))
            table.append([cosine, both / either, both / max(1, len(a)), both / max(1, len(b)),
                          abs(len(a) - len(b)) / either])
        return np.array(table)


def predict_words(train, labels, dev, regression):
    features = Words(train)
    model = Ridge(alpha=1.0) if regression else LogisticRegression(C=1.0, max_iter=2000)
    model.fit(features(train), labels)
    return [model.predict(features(rows)) for rows in dev]


def predict_majority(train, labels, dev, regression):
    if regression:
        return [np.full(len(rows), np.mean(labels)) for rows in dev]
    return [[max(sorted(set(labels)), key=labels.count)] * len(rows) for rows in dev]


def score(metric, truth, said):
    if metric == "f1":
        return f1_score([int(x) for x in truth], [int(x) for x in said], zero_division=0)
    if metric == "matthews_correlation":
        return matthews_corrcoef(truth, said)
    if metric in ("pearson", "spearmanr"):
        # Of a constant prediction there is none.
        return None if np.ptp(said) == 0 else (pearsonr if metric == "pearson" else spearmanr)(truth, said)[0]
    return accuracy_score(truth, said)


def write_predictions(path, truth, said):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write("label\tprediction\n")
        file.writelines(f"{a}\t{b}\n" for a, b in zip(truth, said))


def run_task(name, arguments, predict, output):
    folder, texts, label, metrics, splits = TASKS[name]
    regression = name == "stsb"
    number = float if regression else str
    train, labels = read(os.path.join(arguments.glue, folder, "train.tsv"), texts, label)
    if 0 < arguments.max_train < len(train):
        chosen = sorted(random.Random(1).sample(range(len(train)), arguments.max_train))
        train, labels = [train[i] for i in chosen], [labels[i] for i in chosen]
    splits = [split for split in splits if os.path.exists(os.path.join(arguments.glue, folder, split + ".tsv"))]
    dev = [read(os.path.join(arguments.glue, folder, split + ".tsv"), texts, label) for split in splits]
    labels = [number(text) for text in labels]
    scores = []
    for split, (_, truth), said in zip(splits, dev, predict(train, labels, [rows for rows, _ in dev], regression)):
        truth = [number(text) for text in truth]
        suffix = "_mm" if split == "dev_mismatched" else ""
        write_predictions(os.path.join(output, folder, f"predictions_dev{suffix}.tsv"), truth, said)
        scores += [{"set": split, "metric": metric, "value": score(metric, truth, said), "n": len(truth)}
                   for metric in metrics]
    first = [row["value"] for row in scores if row["metric"] == metrics[0]]
    return {"title": folder, "metric": metrics[0], "score": None if None in first else 100 * sum(first) / len(first),
            "train_rows": len(train), "scores": scores, "runs": [{"folder": folder}]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("glue")
    parser.add_argument("output")
    parser.add_argument("--max-train", type=int, default=0,
                        help="at most so many training rows of a task, drawn with a fixed seed; 0: all")
    arguments = parser.parse_args()
    for baseline, predict in (("majority", predict_majority), ("words", predict_words)):
        output = os.path.join(arguments.output, baseline)
        present = [name for name, (folder, *_) in TASKS.items()
                   if os.path.exists(os.path.join(arguments.glue, folder, "train.tsv"))]
        tasks = {name: run_task(name, arguments, predict, output) for name in present}
        os.makedirs(output, exist_ok=True)
        documents.write(os.path.join(output, "results.json"),
                        {"model": {"path": baseline}, "epoch": "last", "seeds": [1], "tasks": tasks})
        print(baseline + ": " + ", ".join(
            f"{task['title']} " + ("-" if task["score"] is None else f"{task['score']:.1f}")
            for task in tasks.values()), flush=True)


if __name__ == "__main__":
    main()
