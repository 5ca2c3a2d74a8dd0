"""The tables of README.md from a folder of results: pretraining, the scores beside the baselines, and the tests."""

import argparse
import glob
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../lib"))
import documents  # noqa: E402

TITLES = {"cola": "CoLA", "sst2": "SST-2", "mrpc": "MRPC", "stsb": "STS-B", "qqp": "QQP", "mnli": "MNLI",
          "qnli": "QNLI", "rte": "RTE", "wnli": "WNLI"}
METRICS = {"matthews_correlation": "Matthews", "f1": "F1", "pearson": "Pearson", "accuracy": "accuracy"}


def read(folder, name):
    """The document, or None where run.sh has not come so far."""
    return documents.read(os.path.join(folder, name + ".json"))


def number(value, form="{:.1f}"):
    return "" if value is None else form.format(value)


def pretraining(folder):
    print("| model | held-out loss | unigram loss |\n|---|---|---|")
    for name, title in (("tree", "tree, 8 of 255 neurons a token"), ("dense", "dense twin, 255")):
        evaluation = read(folder, name + "-pretraining")
        if evaluation:
            print(f"| {title} | {evaluation['loss']:.3f} | {evaluation['unigram_loss']:.3f} |")


def median_range(task):
    """The table's score; the smallest and largest of its seeds where there are several."""
    if task is None or task["score"] is None:
        return "" if task is None else "-"
    text = f"{task['score']:.1f}"
    first = task["scores"][0].get("last")
    if len(task["runs"]) > 1 and first:
        text += f" ({100 * first['min']:.1f} .. {100 * first['max']:.1f})"
    return text


def holm(tests):
    """The p values of all tasks, each corrected for there being so many (Holm 1979): at most 5 % of such tables have a
    task below 0.05 by chance."""
    values = {name: test["p_value"] for name, test in tests.items() if test["difference"] is not None}
    corrected, largest = {}, 0.0
    for place, name in enumerate(sorted(values, key=values.get)):
        largest = max(largest, min(1.0, (len(values) - place) * values[name]))
        corrected[name] = largest
    return corrected


def verdict(name, score, tests, majority):
    """Against the bag of words by the paired test, corrected, against the majority class by the number."""
    if score is None:
        return "no score"
    said = []
    if majority is not None and score <= majority:
        said.append("not above the majority class")
    p = holm(tests).get(name)
    if p is not None and p >= 0.05:
        said.append(f"within chance of the bag of words (p {p:.2f})")
    elif p is not None:
        said.append(f"{'beats' if tests[name]['difference'] > 0 else 'below'} the bag of words, p {p:.3f}")
    return "; ".join(said)


def scores(folder):
    tree, dense, words, majority = (read(folder, name) for name in ("tree-against-words", "dense-against-words", "words",
                                                                    "majority"))
    print("\n| task | metric | train rows | dev rows | tree | dense twin | bag of words | majority | "
          "tree, said plainly |\n|---|---|---|---|---|---|---|---|---|")
    for name, title in TITLES.items():
        rows = [document["tasks"].get(name) if document else None for document in (tree, dense, words, majority)]
        if rows[2] is None:
            continue
        tests = (tree.get("baseline") or {"tasks": {}})["tasks"] if tree else {}
        said = verdict(name, rows[0]["score"], tests, rows[3]["score"]) if rows[0] else ""
        dev = " + ".join(str(row["n"]) for row in rows[2]["scores"] if row["metric"] == rows[2]["metric"])
        print(f"| {title} | {METRICS[rows[2]['metric']]} | {rows[2]['train_rows']} | {dev} | " +
              " | ".join(median_range(row) for row in rows) + f" | {said} |")
    if tree:
        average = tree["average"]
        print("\nAverage of the tree, WNLI left out and MNLI counted twice as in the published table: "
              f"{number(average['without_cola'])} without CoLA, {number(average['with_cola'])} with.")


def comparison(folder):
    baseline = read(folder, "tree-against-dense-glue")
    if baseline is None:
        return
    print("\n| task | tree | dense twin | kept | difference | 95 % interval | p |\n|---|---|---|---|---|---|---|")
    rows = {TITLES[name]: row for name, row in baseline["tasks"].items()}
    rows["all of these"] = baseline["without_cola"]
    for title, row in rows.items():
        print(f"| {title} | {number(row['score'])} | {number(row['baseline'])} | {number(row['share'], '{:.1%}')} | "
              f"{number(row['difference'])} | {number(row['low'])} .. {number(row['high'])} | {row['p_value']:.3f} |")


def speed(folder):
    document = read(folder, "tree-against-words")
    if document is None:
        return
    print("\n| task | seeds | epochs | minutes, all seeds | tokens/s | padding |\n|---|---|---|---|---|---|")
    for name, task in document["tasks"].items():
        print(f"| {TITLES[name]} | {len(task['runs'])} | {task['runs'][0]['last'] + 1} | "
              f"{task['seconds'] / 60:.1f} | {task['tokens_per_second']:.0f} | {task['padding_share']:.1%} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", default=os.path.join(HERE, "results"), help="default: %(default)s")
    folder = parser.parse_args().folder
    if not glob.glob(os.path.join(glob.escape(folder), "*.json")):
        parser.error(f"there are no results in {folder}")
    for part in (pretraining, scores, comparison, speed):
        part(folder)


if __name__ == "__main__":
    main()
