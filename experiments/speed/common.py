"""What the parts share: running the program and the PyTorch processes, medians, results and their tables."""

import json
import os
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../lib"))
import documents  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(HERE))
ESPALIER = os.environ.get("ESPALIER", os.path.join(ROOT, "build/release/espalier"))
THREADS = int(os.environ.get("SPEED_THREADS", len(os.sched_getaffinity(0))))
ROUNDS = int(os.environ.get("SPEED_ROUNDS", 3))
QUICK = os.environ.get("SPEED_QUICK") == "1"


def say(message):
    print("speed: " + message, file=sys.stderr, flush=True)


def run_json(command):
    """The JSON document that a command prints; (document, peak resident GB of the process)."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
    text = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"speed: {' '.join(map(str, command))}: exit status {process.returncode}")
    return json.loads(text), usage.ru_maxrss * 1024 / 1e9


def bench(*arguments, threads=THREADS):
    """`espalier bench ARGUMENTS... --json`"""
    return run_json([ESPALIER, "--quiet", "--threads", str(threads), "bench", *map(str, arguments), "--json"])


def torch_script(name, *arguments, threads=THREADS):
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads), MKL_NUM_THREADS=str(threads))
    os.environ.update(environment)
    return run_json([sys.executable, os.path.join(HERE, name), *map(str, arguments), "--threads", str(threads)])


def median_ratio(numerators, denominators):
    """Of rounds that took turns."""
    return statistics.median(a / b for a, b in zip(numerators, denominators))


def part_file(part, machine):
    return os.path.join(f"{machine['isa'].lower()}-{machine['threads']}t", part + ".json")


def results_file(part, machine):
    return os.path.join(os.environ.get("SPEED_RESULTS", os.path.join(HERE, "results")), part_file(part, machine))


def committed(part, machine):
    """The results in the last commit for this instruction set and thread count, or None."""
    name = "experiments/speed/results/" + part_file(part, machine)
    try:
        done = subprocess.run(["git", "-C", ROOT, "show", "HEAD:" + name], capture_output=True, check=False)
    except FileNotFoundError:  # no git
        return None
    return json.loads(done.stdout) if done.returncode == 0 else None


def warn_of_losses(part, machine, rows):
    """A warning, never a failure: speeds differ between machines, and others may share this one."""
    before = committed(part, machine)
    if before is None:
        return
    known = {row["case"]: row for row in before["rows"]}
    for row in rows:
        for key, value in row.items():
            old = known.get(row["case"], {}).get(key)
            if key.startswith("ratio") and value and old and value < old / 2:
                say(f"warning: {part}, {row['case']}: {key} is {value:.3g}, less than half of the committed {old:.3g}")


def read_results(part, machine):
    """What an earlier call left for this machine, or None."""
    document = documents.read(results_file(part, machine))
    return document if document and document["machine"]["cpu"] == machine["cpu"] else None


class Others:
    """What other processes, and other guests of the same host, took of the machine's processors since this was made."""

    # Of all processors' time; the kernel's own work takes about one hundredth.
    MUCH = 0.05

    def __init__(self):
        self.begin = self.read()

    @staticmethod
    def read():
        with open("/proc/stat", encoding="ascii") as file:
            # user, nice, system, idle, iowait, irq, softirq, steal
            ticks = list(map(int, file.readline().split()[1:9]))
        own = os.times()
        busy = (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")
        return time.monotonic(), busy, own.user + own.system + own.children_user + own.children_system

    def share(self):
        elapsed, busy, own = (now - then for now, then in zip(self.read(), self.begin))
        return max(busy - own, 0.0) / (elapsed * os.cpu_count())


def keep(part, machine, row, order):
    """Writes a row into the part's results, in the place of an older one of its case; the others stay.
    `order`: all cases."""
    # PyTorch's threads wait for one another, ours take the next piece of work:
    # on a busy machine it loses more than its share.
    if row["others_share"] > Others.MUCH:
        say(f"warning: other work took {100 * row['others_share']:.0f} % of the processors, which slows PyTorch more "
            f"than us; do not keep {row['case']}")
    warn_of_losses(part, machine, [row])
    document = read_results(part, machine) or {"rows": []}
    rows = {old["case"]: old for old in document["rows"]} | {row["case"]: row}
    places = {case: place for place, case in enumerate(order)}
    document = {"machine": machine, "rows": sorted(rows.values(), key=lambda r: places.get(r["case"], len(places)))}
    path = results_file(part, machine)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    documents.write(path, document)
    say(f"{part}, {row['case']}: in {path}")


def measure_cases(part, cases, measure):
    """Calls measure(case), which gives (row, machine), for the cases chosen by SPEED_CASES (default: all of `cases`),
    keeps each row at once, and returns the part's rows. Stops beginning cases after SPEED_SECONDS; with SPEED_RESUME=1
    those that the results have already are left out. SPEED_TABLES=1 measures nothing."""
    chosen = [case.strip() for case in os.environ.get("SPEED_CASES", "").split(";") if case.strip()] or list(cases)
    unknown = [case for case in chosen if case not in cases]
    if unknown:
        raise SystemExit(f"speed: {part} has no case '{unknown[0]}'; it has {'; '.join(cases)}")
    machine = bench("gemm", "--shape", "64x64x64", "--rounds", 1)[0]["machine"]
    if os.environ.get("SPEED_TABLES") == "1":
        chosen = []
    if os.environ.get("SPEED_RESUME") == "1":
        done = {row["case"] for row in (read_results(part, machine) or {"rows": []})["rows"]}
        chosen = [case for case in chosen if case not in done]
    begin, limit = time.monotonic(), float(os.environ.get("SPEED_SECONDS", "inf"))
    for number, case in enumerate(chosen):
        if time.monotonic() - begin > limit:
            say(f"{part}: {len(chosen) - number} cases are left after {limit:.0f} s; SPEED_RESUME=1 measures them: "
                f"{'; '.join(chosen[number:])}")
            break
        others = Others()
        row, found = measure(case)
        keep(part, found, {"case": case, **row, "others_share": others.share()}, list(cases))
    document = read_results(part, machine)
    return document["rows"] if document else []


def cell(value):
    if value is None:
        return ""
    return value if isinstance(value, str) else f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def table(title, columns, rows):
    """A Markdown table; columns: (heading, key)."""
    print(f"\n{title}\n")
    print("| " + " | ".join(heading for heading, _ in columns) + " |")
    print("|" + "---|" * len(columns))
    for row in rows:
        print("| " + " | ".join(cell(row.get(key)) for _, key in columns) + " |")
