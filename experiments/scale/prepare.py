#!/usr/bin/env python3
"""One process against several in `espalier prepare`, on generated text of any size.

    python3 experiments/scale/prepare.py text MEGABYTES [SOURCES...]     writes build/scale/text-MEGABYTES/*.txt
    python3 experiments/scale/prepare.py run MEGABYTES [--processes 1 2] [--rounds 1] [--json FILE]

Text is made of SOURCES (default: data/text/*.txt.gz, see data/README.md): their documents in another order each time
round, and in each paragraph the first "the" becomes a word of letters drawn so that the k-th most frequent occurs in
proportion to 1/k: real text too has ever new words, which is what fills the memory. The same size and sources give the
same bytes. `run` prepares it by turns with so many processes of one thread, checks that they write the same bytes, and
reports seconds (median) and the peak memory of each process. ESPALIER names another program than
build/release/espalier.
"""
import argparse
import glob
import gzip
import hashlib
import json
import os
import pathlib
import random
import resource
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "experiments/lib"))
import documents  # noqa: E402
import machine  # noqa: E402

PROGRAM = os.environ.get("ESPALIER", str(ROOT / "build/release/espalier"))
FILE_BYTES = 250 * 10**6
SYLLABLES = [c + v for c in "bcdfghjklmnprstvwz" for v in "aeiou"] + ["ra", "on", "er", "ix", "us", "um", "an", "el"]


def made_up(number):
    """A word for a number, one to one."""
    word = ""
    while True:
        word += SYLLABLES[number % len(SYLLABLES)]
        number //= len(SYLLABLES)
        if number == 0:
            return word


def documents_of(sources):
    read = [gzip.open(source, "rt", encoding="utf-8").read() for source in sorted(sources)]
    return [document for text in read for document in text.split("\n\n") if document.strip()]


def varied(document, rng):
    paragraphs = document.strip("\n").split("\n")
    return "\n".join(p.replace(" the ", f" {made_up(int(2 ** rng.uniform(0, 32)))} ", 1) for p in paragraphs)


def make_text(folder, megabytes, sources):
    base, left, copy, part = documents_of(sources), megabytes * 10**6, 0, None
    if not base:
        sys.exit("prepare: no documents to make text of: run data/recipes/text.sh, which makes data/text/*.txt.gz, or name "
                 "SOURCES")
    folder.mkdir(parents=True)
    while left > 0:
        rng = random.Random(copy)
        rng.shuffle(base)
        for document in base:
            if part is None or part.tell() > FILE_BYTES:
                part = open(folder / f"part-{len(list(folder.iterdir())):04d}.txt", "wb")
            left -= part.write((varied(document, rng) + "\n\n").encode())
            if left <= 0:
                break
        copy += 1
    part.close()


def child(command):
    """Runs the command, and tells its peak memory: what mpirun starts."""
    status = subprocess.call(command)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"PEAK {usage.ru_maxrss * 1024} {usage.ru_utime + usage.ru_stime:.1f}", file=sys.stderr, flush=True)
    sys.exit(status)


def digest(folder):
    result = hashlib.sha256()
    for name in ("tokenizer.json", "tokens.h5"):
        with open(folder / name, "rb") as file:
            while block := file.read(1 << 22):
                result.update(block)
    return result.hexdigest()


def prepare(text, processes, settings):
    out = ROOT / "build/scale" / f"out-{processes}"
    subprocess.run(["rm", "-rf", str(out)], check=True)
    command = [sys.executable, __file__, "child", PROGRAM, "--quiet", "--threads", "1",
               "prepare", str(ROOT / "configs/data/corpus.yaml"), f"text.files=[{text}/*.txt]", f"out={out}", *settings]
    allowed = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}  # in containers
    if processes > 1:
        command = ["mpirun", "-np", str(processes), "--bind-to", "none", *command]
    begin = time.monotonic()
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False, env=os.environ | allowed)
    seconds = time.monotonic() - begin
    if done.returncode != 0:
        sys.exit(f"prepare: {done.stderr}")
    peaks = [line.split()[1:] for line in done.stderr.splitlines() if line.startswith("PEAK ")]
    result = {"processes": processes, "seconds": round(seconds, 2), "peak_mb": [round(int(p) / 1e6) for p, _ in peaks],
              "cpu_seconds": [float(s) for _, s in peaks], "sha256": digest(out)}
    print(json.dumps(result), flush=True)
    subprocess.run(["rm", "-rf", str(out)], check=True)
    return result


def run(args, text):
    size = sum(file.stat().st_size for file in text.glob("*.txt"))
    runs = [prepare(text, n, args.settings) for _ in range(args.rounds) for n in args.processes]
    if len({one["sha256"] for one in runs}) != 1:
        sys.exit("prepare: the bytes differ")
    medians = {n: statistics.median(r["seconds"] for r in runs if r["processes"] == n) for n in args.processes}
    report = {"machine": f"{machine.cpu()}, {os.cpu_count()} cores", "bytes": size, "settings": args.settings,
              "seconds": medians,
              "mb_per_second": {n: round(size / 1e6 / s, 1) for n, s in medians.items()},
              "faster": {n: round(medians[args.processes[0]] / s, 2) for n, s in medians.items()}, "runs": runs}
    print(json.dumps({key: value for key, value in report.items() if key != "runs"}, indent=1))
    if args.json:
        documents.write(args.json, report)


def main():
    if sys.argv[1:2] == ["child"]:
        child(sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["text", "run"])
    parser.add_argument("megabytes", type=int)
    parser.add_argument("rest", nargs="*", help="of text: SOURCES; of run: settings of prepare")
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--json", help="where the results go")
    args = parser.parse_args()
    text = ROOT / "build/scale" / f"text-{args.megabytes}"
    if args.what == "text":
        make_text(text, args.megabytes, args.rest or glob.glob(str(ROOT / "data/text/*.txt.gz")))
    else:
        args.settings = args.rest
        run(args, text)


if __name__ == "__main__":
    main()
