"""What the checks share: calling the program, reading its JSON, comparing, and writing Hugging Face directories."""

import filecmp
import functools
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ORIGINAL = "https://github.com/pbelcak/UltraFastBERT"
GOLDEN = os.path.join(HERE, "..", "golden")
sys.path.insert(0, os.path.join(GOLDEN, "make"))

SPECIAL = {"pad_token": "<pad>", "unk_token": "<unk>", "cls_token": "<cls>", "sep_token": "<sep>",
           "mask_token": "<mask>", "bos_token": "<s>", "eos_token": "</s>"}


class CheckFailed(Exception):
    """A difference between the program and the reference, told in one message."""


class CheckSkipped(Exception):
    """Something that the check needs cannot be had here."""


@functools.cache
def packages(name, requirements):
    """The folder NAME with the packages of versions/REQUIREMENTS, installed once beside the environment's."""
    wanted = os.path.join(HERE, "versions", requirements)
    folder = os.path.join(sys.prefix, name)
    stamp = os.path.join(folder, "installed.txt")
    if not (os.path.isfile(stamp) and filecmp.cmp(wanted, stamp, shallow=False)):
        shutil.rmtree(folder, ignore_errors=True)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder, "-r", wanted]
        pip += shlex.split(os.environ.get("ESPALIER_PIP_ARGS", ""))
        done = subprocess.run(pip, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise CheckSkipped(f"pip cannot get {name}: {done.stderr.strip().splitlines()[-1]}")
        shutil.copy(wanted, stamp)
    return folder


class Program:
    """The espalier binary; results are what it prints to standard output."""

    def __init__(self, binary, isa=None):
        """isa: what ESPALIER_ISA pins, if anything."""
        self.binary = os.path.abspath(binary)
        self.environment = {**os.environ, "ESPALIER_ISA": isa} if isa else None

    def run(self, *arguments):
        command = [self.binary, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, check=False, env=self.environment)
        if done.returncode != 0:
            tail = done.stderr.decode("utf-8", "replace").strip().splitlines()[-8:]
            raise CheckFailed(f"{' '.join(command)}\n  exited with {done.returncode}:\n  " + "\n  ".join(tail))
        return done.stdout.decode("utf-8")

    def json_lines(self, *arguments):
        """One JSON document per line of output; str.splitlines would also split at U+2028 and the like inside
        strings."""
        return [json.loads(line) for line in self.run(*arguments).split("\n") if line.strip()]

    def json_document(self, *arguments):
        """The whole output as one JSON document."""
        return json.loads(self.run(*arguments))


def original_checkout():
    """The folder of pbelcak/UltraFastBERT: $ULTRAFASTBERT_DIR, or cloned once into the cache; None, with a message,
    where it cannot be had."""
    given = os.environ.get("ULTRAFASTBERT_DIR")
    if given:
        return given
    cache = os.environ.get("ESPALIER_CACHE", os.path.join(os.path.expanduser("~"), ".cache", "espalier"))
    folder = os.path.join(cache, "UltraFastBERT")
    if not os.path.isdir(folder):
        partial = folder + ".partial"  # an interrupted clone is begun again
        shutil.rmtree(partial, ignore_errors=True)
        try:
            done = subprocess.run(["git", "clone", "--quiet", "--depth", "1", ORIGINAL, partial], capture_output=True,
                                  text=True, check=False)
            problem = done.returncode != 0 and done.stderr.strip().splitlines()[-1]
        except FileNotFoundError:
            problem = "git is not installed"
        if problem:
            print(f"interop: SKIPPED: the original code cannot be fetched ({problem}); "
                  "set ULTRAFASTBERT_DIR to a checkout. The committed golden files stand for it.", file=sys.stderr)
            return None
        os.rename(partial, folder)
    return folder


def expect(condition, message):
    if not condition:
        raise CheckFailed(message)


def expect_close(found, expected, what, relative=1e-4, absolute=1e-6):
    """Numbers or equal-length lists of numbers."""
    found, expected = [v if isinstance(v, (list, tuple)) else [v] for v in (found, expected)]
    expect(len(found) == len(expected), f"{what}: {len(found)} numbers, expected {len(expected)}")
    for index, (a, b) in enumerate(zip(found, expected)):
        expect(abs(a - b) <= absolute + relative * abs(b), f"{what}[{index}]: {a!r}, expected {b!r}")


def write_tokenizer(directory, tokenizer_json):
    """tokenizer.json with its companions, as the published models have them."""
    os.makedirs(directory, exist_ok=True)
    shutil.copy(tokenizer_json, os.path.join(directory, "tokenizer.json"))
    with open(tokenizer_json, encoding="utf-8") as file:
        added = json.load(file)["added_tokens"]
    decoder = {str(t["id"]): {key: value for key, value in t.items() if key != "id"} for t in added}
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 128,
              "clean_up_tokenization_spaces": True, "added_tokens_decoder": decoder, **SPECIAL}
    for name, document in (("tokenizer_config.json", config), ("special_tokens_map.json", SPECIAL)):
        with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
            json.dump(document, file, indent=1)


def write_jsonl(path, rows):
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def write_corpus(path):
    """The golden corpus as documents of ten sentences, a blank line between them."""
    import corpus

    lines = corpus.sentences()
    documents = ["\n".join(lines[i : i + 10]) for i in range(0, len(lines), 10)]
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n\n".join(documents) + "\n")


def metrics_lines(run):
    """What a run has logged in whole lines."""
    with open(os.path.join(run, "metrics.jsonl"), encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.endswith("\n")]


def killed(program, command, run, step):
    """Starts a training and kills it once it has logged that step."""
    process = subprocess.Popen([program.binary, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    path = os.path.join(run, "metrics.jsonl")
    while process.poll() is None:
        if os.path.isfile(path) and any(line["step"] >= step for line in metrics_lines(run)):
            process.send_signal(signal.SIGKILL)
            process.wait()
            break
        time.sleep(0.01)
    expect(process.returncode == -signal.SIGKILL, f"the training ended with {process.returncode}, unkilled")


def main(name, check):
    """Runs check(program, scratch folder) with the arguments of the command line; prints what it returns."""
    if len(sys.argv) != 3:
        raise SystemExit(f"usage: {sys.argv[0]} BINARY SCRATCH_DIRECTORY")
    try:
        summary = check(Program(sys.argv[1]), sys.argv[2])
    except CheckSkipped as reason:
        print(f"interop {name}: SKIPPED: {reason}", file=sys.stderr)
        raise SystemExit(77) from None
    except CheckFailed as failure:
        print(f"interop {name}: FAILED: {failure}", file=sys.stderr)
        raise SystemExit(1) from None
    print(f"interop {name}: ok: {summary}")
