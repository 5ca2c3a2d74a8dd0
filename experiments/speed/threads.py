"""(d) Thread scaling of the layer, forward and with its backward pass: threads take turns, round by round."""

import statistics

import common

TOKENS = 2048 if common.QUICK else 16384


def thread_counts():
    counts = [1]
    while counts[-1] * 2 <= common.THREADS:
        counts.append(counts[-1] * 2)
    return counts if counts[-1] == common.THREADS else [*counts, common.THREADS]


CASES = {"forward": [], "forward and backward": ["--backward"],
         "straight-through": ["--backward", "--routing", "straight_through"]}


def measure(case):
    found = {threads: [] for threads in thread_counts()}
    for _ in range(common.ROUNDS):
        for threads, results in found.items():
            document = common.bench("fff", "--tokens", TOKENS, "--rounds", 2, *CASES[case], threads=threads)[0]
            results.append(document["rows"][0])
    row = {"tokens": TOKENS}
    for threads, results in found.items():
        ratios = [r["ratio"] for r in results if r["ratio"]]
        row[f"ms_{threads}"] = statistics.median(r["ms"] for r in results)
        row[f"ratio_{threads}"] = statistics.median(ratios) if ratios else None
        row[f"scaling_{threads}"] = common.median_ratio([r["ms"] for r in found[1]], [r["ms"] for r in results])
        row[f"dense_scaling_{threads}"] = common.median_ratio([r["dense_ms"] for r in found[1]],
                                                              [r["dense_ms"] for r in results])
    common.say(f"{case}: {row}")
    return row, document["machine"]


def main():
    rows = common.measure_cases("threads", CASES, measure)
    columns = [("", "case")]
    for threads in thread_counts():
        columns += [(f"{threads} threads, ms", f"ms_{threads}"), ("speed-up over dense", f"ratio_{threads}"),
                    ("against one thread", f"scaling_{threads}"),
                    ("dense against one thread", f"dense_scaling_{threads}")]
    common.table(f"Threads, 1x11, {TOKENS} tokens", columns, rows)


if __name__ == "__main__":
    main()
