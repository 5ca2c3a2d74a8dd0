"""Real text in other scripts: tokenizers that `prepare` trains with tokenizer.normalizer=bert give the ids, pieces and
text of the tokenizers library, and a model of Russian text goes the whole way."""

import glob
import html
import json
import os
import re
import subprocess

from tokenizers import Tokenizer

import check_tokenizer
import tools

# Debian's installation guide: the same book in every language.
PACKAGE = "installation-guide-amd64"
LINES = 1000
# language, folder of the package, keys of `prepare`
CASES = [
    ("Russian", "ru", ["tokenizer.normalizer=bert"]),
    ("Greek", "el", ["tokenizer.normalizer=bert"]),
    ("French, uncased", "fr", ["tokenizer.normalizer=bert"]),
    ("French, cased", "fr", ["tokenizer.normalizer=bert", "tokenizer.lowercase=false"]),
    ("Chinese", "zh_CN", ["tokenizer.normalizer=bert", "tokenizer.limit_alphabet=3000", "tokenizer.vocab_size=4000"]),
    ("Vietnamese as it is", "vi", ["tokenizer.normalizer=none"]),
]


def _package():
    """The folder that the package's files lie in; downloaded once, never installed."""
    cache = os.path.join(os.environ.get("ESPALIER_CACHE", os.path.expanduser("~/.cache/espalier")),
                         "installation-guide")
    inside = os.path.join(cache, "root", "usr", "share", "doc", PACKAGE)
    if not os.path.isdir(inside):
        os.makedirs(cache, exist_ok=True)
        try:
            subprocess.run(["apt-get", "download", PACKAGE], cwd=cache, check=True, capture_output=True, timeout=600)
            package = glob.glob(os.path.join(cache, PACKAGE + "_*.deb"))[0]
            partial = os.path.join(cache, "partial")  # an interrupted one is begun again
            subprocess.run(["dpkg-deb", "-x", package, partial], check=True, capture_output=True)
            os.rename(partial, os.path.join(cache, "root"))
        except (OSError, subprocess.SubprocessError, IndexError) as error:
            raise tools.CheckSkipped(f"Debian's package {PACKAGE} cannot be had ({error})") from None
    return inside


def _lines(folder):
    """What the pages say, a paragraph a line; each line once."""
    lines = {}
    for path in sorted(glob.glob(os.path.join(folder, "*.html"))):
        with open(path, encoding="utf-8") as file:
            page = file.read()
        for block in re.split(r"</?(?:p|li|h[1-6]|td|dt|dd|pre|div)\b[^>]*>", page):
            line = " ".join(html.unescape(re.sub(r"<[^>]*>", " ", block)).split())
            if sum(letter.isalpha() for letter in line) >= 12:
                lines[line] = None
    return list(lines)


def _prepare(program, scratch, lines, keys):
    os.makedirs(scratch, exist_ok=True)
    text, out = os.path.join(scratch, "text.txt"), os.path.join(scratch, "data")
    with open(text, "w", encoding="utf-8") as file:
        file.writelines("\n".join(lines[i : i + 5]) + "\n\n" for i in range(0, len(lines), 5))
    config = os.path.join(scratch, "data.yaml")
    with open(config, "w", encoding="utf-8") as file:
        file.write(f"text:\n  files: [{json.dumps(text)}]\nout: {json.dumps(out)}\ntokenizer:\n  vocab_size: 2000\n"
                   "sequence_length: 64\n")
    program.run("prepare", config, *keys)
    return out


def _expect_round_trip(tokenizer, lines):
    """Text whose words are all known comes back, but for blanks, as the normalizer left it; WordPiece itself loses a
    `##` of the text."""
    known = 0
    unknown = tokenizer.token_to_id("<unk>")
    for line in lines:
        ids = tokenizer.encode(line).ids
        if unknown in ids or "##" in line:
            continue
        known += 1
        normalized = tokenizer.normalizer.normalize_str(line) if tokenizer.normalizer else line
        found = tokenizer.decode(ids, skip_special_tokens=True)
        tools.expect("".join(found.split()) == "".join(normalized.split()), f"{line!r} came back as {found!r}")
    tools.expect(known >= 0.9 * len(lines), f"only {known} of {len(lines)} lines have no <unk>")


def _whole_way(program, scratch, data, lines):
    """A few steps of pretraining on a store of Russian text, and what is done with the model then."""
    run, exported = os.path.join(scratch, "run"), os.path.join(scratch, "exported")
    config = os.path.join(tools.HERE, "..", "..", "configs", "pretrain", "quickstart.yaml")
    program.run("pretrain", config, f"data={data}", f"run={run}", "train.max_steps=3", "routing.mode=hard")
    predictions = program.json_document("fill-mask", run, "Установка <mask> Debian", "--json")
    tools.expect(len(predictions) == 5, f"fill-mask gave {predictions}")
    tools.expect("установка" in predictions[0]["sequence"], f"the sequence is {predictions[0]['sequence']!r}")
    tools.expect(
        any(re.search("[а-я]", p["token_str"])
            for p in program.json_document("fill-mask", run, "Установка <mask> Debian", "--top", "50", "--json")),
        "no Russian word among 50")
    program.run("evaluate", run, "--data", data)
    program.run("export", run, exported)
    rows = [{"text": line} for line in lines[:50]]
    check_tokenizer.compare(program, exported, Tokenizer.from_file(os.path.join(exported, "tokenizer.json")), rows,
                            scratch)


def check(program, scratch):
    package = _package()
    counts = []
    for name, language, keys in CASES:
        lines = _lines(os.path.join(package, language))
        tools.expect(len(lines) >= LINES, f"{name}: only {len(lines)} lines")
        lines = lines[:: len(lines) // LINES][:LINES]
        folder = os.path.join(scratch, re.sub(r"\W+", "_", name))
        data = _prepare(program, folder, lines, keys)
        path = os.path.join(data, "tokenizer.json")
        tokenizer = Tokenizer.from_file(path)
        check_tokenizer.compare(program, path, tokenizer, [{"text": line} for line in lines], folder)
        _expect_round_trip(tokenizer, lines)
        counts.append(f"{name} {len(lines)}")
        if language == "ru":
            _whole_way(program, folder, data, lines)
    return (f"equal ids, pieces and text, and round trips: {', '.join(counts)} lines; "
            "a Russian model filled masks and was exported")


if __name__ == "__main__":
    tools.main("scripts", check)
