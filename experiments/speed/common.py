"""What the parts share: running the program and the PyTorch processes, medians, results and their tables."""

import json
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
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


def results_file(part, machine):
    folder = os.path.join(os.environ.get("SPEED_RESULTS", os.path.join(HERE, "results")), f"{machine['isa'].lower()}-{machine['threads']}t")
    return os.path.join(folder, part + ".json")


def committed(part, machine):
    """The results in the last commit for this instruction set and thread count, or None."""
    name = os.path.join("experiments/speed/results", f"{machine['isa'].lower()}-{machine['threads']}t", part + ".json")
    done = subprocess.run(["git", "-C", ROOT, "show", "HEAD:" + name], capture_output=True, check=False)
    return json.loads(done.stdout) if done.returncode == 0 else None


def warn_of_losses(part, document):
    """A warning, never a failure: speeds differ between machines, and others may share this one."""
    before = committed(part, document["machine"])
    if before is None:
        return
    known = {row["case"]: row for row in before["rows"]}
    for row in document["rows"]:
        for key, value in row.items():
            old = known.get(row["case"], {}).get(key)
            if key.startswith("ratio") and value and old and value < old / 2:
                say(f"warning: {part}, {row['case']}: {key} is {value:.3g}, less than half of the committed {old:.3g}")


def save(part, machine, rows, **more):
    # PyTorch's threads wait for one another, ours take the next piece of work: on a busy machine it loses more than its share.
    load = os.getloadavg()[1]
    if load > 1.5 * THREADS:
        say(f"warning: {load:.1f} processes wanted to run on average, for {THREADS} threads: other work ran beside, which slows PyTorch more than us; do not keep these results")
    document = {"machine": machine, "load_average": load, **more, "rows": rows}
    warn_of_losses(part, document)
    path = results_file(part, machine)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1)
        file.write("\n")
    say(f"wrote {path}")
    return document


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
