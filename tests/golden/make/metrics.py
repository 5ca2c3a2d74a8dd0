"""GLUE's metrics by scikit-learn and scipy, ordinary and degenerate."""

import math
import warnings

import numpy as np
import scipy.stats
import sklearn.metrics
from scipy import __version__ as scipy_version
from sklearn import __version__ as sklearn_version

from store import versions, write_json


def _number(value):
    """null where the metric is undefined (not a number)."""
    value = float(value)
    return None if math.isnan(value) else value


def classification(name, labels, predictions):
    labels, predictions = [int(v) for v in labels], [int(v) for v in predictions]
    row = {"name": name, "labels": labels, "predictions": predictions,
           "accuracy": sklearn.metrics.accuracy_score(labels, predictions),
           "matthews": _number(sklearn.metrics.matthews_corrcoef(labels, predictions)),
           "f1_macro": _number(sklearn.metrics.f1_score(labels, predictions, average="macro", zero_division=0))}
    if set(labels) | set(predictions) <= {0, 1}:
        row["f1"] = _number(
            sklearn.metrics.f1_score(labels, predictions, pos_label=1, average="binary", zero_division=0))
    return row


def regression(name, labels, predictions):
    labels, predictions = [float(v) for v in labels], [float(v) for v in predictions]
    return {"name": name, "labels": labels, "predictions": predictions,
            "pearson": _number(scipy.stats.pearsonr(labels, predictions)[0]),
            "spearman": _number(scipy.stats.spearmanr(labels, predictions)[0])}


def _classifications(rng):
    rows = []
    for count in (2, 7, 100):
        labels = rng.integers(0, 2, count)
        rows.append(classification(f"binary, {count}", labels, np.where(rng.random(count) < 0.75, labels, 1 - labels)))
    labels = rng.integers(0, 3, 60)
    rows.append(classification("three classes", labels, np.where(rng.random(60) < 0.7, labels, rng.integers(0, 3, 60))))
    rows += [
        classification("all right", [0, 1, 1, 0, 1], [0, 1, 1, 0, 1]),
        classification("all wrong", [0, 1, 1, 0, 1], [1, 0, 0, 1, 0]),
        classification("one class predicted", [0, 1, 1, 0, 1], [1, 1, 1, 1, 1]),
        classification("no positive predicted", [0, 1, 1, 0, 1], [0, 0, 0, 0, 0]),
        classification("one class only", [1, 1, 1], [1, 1, 1]),
        classification("only negatives, right", [0, 0, 0], [0, 0, 0]),
        classification("only negatives, one wrong", [0, 0, 0], [0, 1, 0]),
        classification("single right", [1], [1]),
        classification("single wrong", [1], [0]),
        classification("rare class", [0] * 95 + [1] * 5, [0] * 94 + [1] * 4 + [0] * 2),
        classification("never predicted third class", [0, 1, 2, 2, 1, 0], [0, 1, 1, 0, 1, 0]),
    ]
    return rows


def _regressions(rng):
    rows = []
    for count in (3, 50):
        labels = rng.random(count) * 5
        rows.append(regression(f"noise, {count}", labels, labels + rng.normal(0, 1, count)))
    labels = np.round(rng.random(40) * 5 * 2) / 2
    rows.append(regression("ties in both", labels, np.round(labels + rng.normal(0, 1, 40))))
    rows += [
        regression("ties in predictions", [1, 2, 3, 4, 5, 6], [2, 2, 2, 3, 3, 1]),
        regression("equal", [0.0, 1.5, 3.0, 5.0], [0.0, 1.5, 3.0, 5.0]),
        regression("reversed", [0.0, 1.5, 3.0, 5.0], [5.0, 3.0, 1.5, 0.0]),
        regression("monotone, not linear", [0, 1, 2, 3, 4], [0, 1, 8, 27, 640]),
        regression("constant predictions", [0.0, 1.5, 3.0, 5.0], [2.0, 2.0, 2.0, 2.0]),
        regression("constant labels", [2.0, 2.0, 2.0], [1.0, 2.0, 3.0]),
        regression("both constant", [2.0, 2.0, 2.0], [1.0, 1.0, 1.0]),
        regression("two points", [1.0, 2.0], [0.3, 0.7]),
        regression("two points, reversed", [1.0, 2.0], [0.7, 0.3]),
        regression("large offset", [1e6 + v for v in (0.0, 1.0, 2.0, 3.0)], [1e6 + v for v in (0.1, 0.9, 2.2, 2.8)]),
        regression("negative values", [-3.0, -1.0, 0.0, 2.0, 4.0], [-2.5, -1.5, 0.5, 1.0, 4.5]),
    ]
    return rows


def make():
    warnings.filterwarnings("ignore")
    rng = np.random.default_rng(5)
    write_json("metrics.json", {
        "about": "f1 is that of class 1 (0 where it is undefined), f1_macro the mean of all classes that occur; "
                 "matthews is 0 where it is undefined; pearson and spearman are null where a side is constant.",
        "made_with": {**versions(), "scikit-learn": sklearn_version, "scipy": scipy_version},
        "classification": _classifications(rng), "regression": _regressions(rng)})
