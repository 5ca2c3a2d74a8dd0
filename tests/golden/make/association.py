"""Adjusted mutual information of labellings by scikit-learn, and pointwise mutual information by numpy."""

import numpy as np
import sklearn.metrics
from sklearn import __version__ as sklearn_version
from sklearn.metrics.cluster import contingency_matrix

from store import versions, write_json


def _labellings(name, first, second):
    first, second = np.asarray(first), np.asarray(second)
    return {"name": name, "table": contingency_matrix(first, second).tolist(),
            "adjusted_mutual_information": sklearn.metrics.adjusted_mutual_info_score(first, second)}


def _noisy(rng, things, classes, others, kept):
    """Uneven classes, and others of which a share `kept` follows them."""
    first = rng.choice(classes, things, p=rng.dirichlet(np.full(classes, 0.7)))
    second = np.where(rng.random(things) < kept, first % others, rng.integers(0, others, things))
    return first, second


def _words(rng):
    """Occurrences [leaf, word], and in bits how much more often than by chance each was met; null: never."""
    counts = rng.poisson(rng.gamma(0.5, 8, (4, 9)))
    joint = counts / counts.sum()
    with np.errstate(divide="ignore"):
        bits = np.log2(joint / (joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)))
    return {"counts": counts.tolist(), "bits": [[float(b) if np.isfinite(b) else None for b in row] for row in bits]}


def make():
    rng = np.random.default_rng(11)
    same = rng.integers(0, 6, 500)
    rows = [_labellings("the same, by other names", same, (same * 5 + 2) % 6),
            _labellings("independent", rng.integers(0, 8, 3000), rng.integers(0, 5, 3000)),
            _labellings("one class beside several", np.zeros(40, int), rng.integers(0, 4, 40)),
            _labellings("one class each", np.zeros(40, int), np.ones(40, int)),
            _labellings("all apart", np.arange(12), np.arange(12)),
            _labellings("four things", [0, 0, 1, 1], [0, 1, 0, 1]),
            _labellings("few things, many classes", *_noisy(rng, 60, 16, 16, 0.5)),
            _labellings("finer and coarser", *_noisy(rng, 5000, 32, 4, 0.9)),
            _labellings("leaves", *_noisy(rng, 20000, 24, 24, 0.6)),
            _labellings("many things", *_noisy(rng, 400000, 8, 6, 0.2))]
    write_json("association.json", {"made_with": {**versions(), "scikit-learn": sklearn_version},
                                    "labellings": rows, "words": _words(rng)}, "labellings")
