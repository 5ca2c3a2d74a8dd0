"""Pages of `espalier report` in a real browser: nothing on its console, nothing loaded, nothing beyond its window.

A pretraining that goes on, one that was killed, two over each other, and fine-tunings whose labels and texts are markup;
each in windows of 1280 and 400 pixels, the narrow one dark, and on paper. Screenshots are left in $INTEROP_SCREENSHOTS, if set.
"""

import os
import shutil

import browser
import tools

CONFIGS = os.path.join(tools.HERE, "..", "..", "configs")
KEYS = ["train.budget.steps=60", "save.steps=8", "log.steps=1", "eval.steps=10", "eval.sequences=64", "arch.layers=2",
        "arch.hidden_size=32", "arch.attention.heads=2", "arch.ffn.trees=2", "arch.ffn.depth=3", "log.tensorboard=true"]

# What must be seen: as wide as a part of the window, below what comes before it.
SECTIONS = """[...document.querySelectorAll('main section')].map(section => {
  const box = section.getBoundingClientRect();
  return {id: section.id, height: box.height, drawings: section.querySelectorAll('svg.chart').length};
})"""
# Whether the page itself can be moved to the side; tables that are too wide move by themselves.
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# Marks of an axis, or names of rows, that lie upon each other.
OVERLAPS = """[...document.querySelectorAll('svg.chart')].filter(svg => svg.getClientRects().length).flatMap(svg => {
  const texts = [...svg.querySelectorAll(':scope > text, :scope > g:not(.h) > text')];
  const boxes = texts.map(text => text.getBoundingClientRect());
  return boxes.flatMap((a, i) => boxes.slice(i + 1).flatMap((b, j) => {
    const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    return wide > 1 && high > 3 ? [texts[i].textContent + ' | ' + texts[i + 1 + j].textContent] : [];
  }));
})"""
BY_TIME = "document.querySelector('label[for=by-time]').click()"
SHOWN = "[...document.querySelectorAll('.by-time, .by-progress')].map(e => e.className + (e.getClientRects().length > 0))"
POINTED = "getComputedStyle(document.querySelector('.h:hover > .tip')).visibility"
PLACE = """(box => [box.left + box.width / 2, box.top + box.height / 2])(
  [...document.querySelectorAll('.h > rect')].find(r => r.getClientRects().length).getBoundingClientRect())"""

PRETRAINING = ["pretraining", "loss", "training", "evaluations", "anneal", "trees", "visits"]
FINETUNING = ["finetuning", "scores", "predictions"]


def _check_page(page, path, sections, drawn):
    name = os.path.splitext(os.path.basename(path))[0]
    for width, dark in ((1280, False), (400, True)):
        what = f"{name} at {width}"
        page.open(path, width, dark)
        tools.expect(page.complaints() == [], f"{what}: the console: {page.complaints()}")
        found = page.evaluate(SECTIONS)
        tools.expect([s["id"] for s in found] == sections, f"{what}: sections {found}")
        tools.expect(all(s["height"] > 30 for s in found), f"{what}: an empty section: {found}")
        tools.expect(sum(s["drawings"] for s in found) >= drawn, f"{what}: too few drawings: {found}")
        tools.expect(page.evaluate(OVERFLOW) <= 0, f"{what}: is {page.evaluate(OVERFLOW)} pixels wider than its window")
        tools.expect(page.evaluate(OVERLAPS) == [], f"{what}: texts upon each other: {page.evaluate(OVERLAPS)}")
        tools.expect(page.evaluate("document.querySelectorAll('script, main b b').length") == 0, f"{what}: markup ran")
        if pictures := os.environ.get("INTEROP_SCREENSHOTS"):
            os.makedirs(pictures, exist_ok=True)
            page.screenshot(os.path.join(pictures, f"{name}-{width}.png"))


def _check_pointing(page, path):
    """Numbers under the pointer, and the choice between tokens and time, without a script of the page's own."""
    page.open(path, 1280)
    left, top = page.evaluate(PLACE)
    tools.expect(top < 900, f"the first drawing is {top} pixels below the top")
    page.send("Input.dispatchMouseEvent", type="mouseMoved", x=left, y=top)
    tools.expect(page.evaluate(POINTED) == "visible", f"{path}: no numbers under the pointer")
    before = page.evaluate(SHOWN)
    page.evaluate(BY_TIME)
    after = page.evaluate(SHOWN)
    tools.expect("by-progresstrue" in before and "by-timetrue" not in before, f"{path}: by tokens: {before}")
    tools.expect("by-timetrue" in after and "by-progresstrue" not in after, f"{path}: by time: {after}")


def _check_printing(page, path):
    """On A4 paper nothing is cut off at the right, and both choices of the drawings are there."""
    page.open(path, 696)
    page.send("Emulation.setEmulatedMedia", media="print", features=[])
    cut = page.evaluate("[...document.querySelectorAll('main table')].filter(t => t.getBoundingClientRect().right > "
                        "innerWidth + 1).map(t => t.textContent.slice(0, 80))")
    tools.expect(cut == [], f"{path}: tables are wider than the paper: {cut}")
    shown = page.evaluate(SHOWN)
    tools.expect("by-progresstrue" in shown and "by-timetrue" in shown and "by-timefalse" not in shown,
                 f"{path}: on paper: {shown}")
    page.send("Page.printToPDF", preferCSSPageSize=True)


def _finetuning(program, scratch, model):
    run, rows = os.path.join(scratch, "task"), os.path.join(scratch, "rows.jsonl")
    script, image = "<script>alert(1)</script>", "<img src=x onerror=alert(1)>"
    tools.write_jsonl(rows, [{"sentence": f"{image} the {word} stands {i} by the wall & \"it\"", "label": label}
                             for i in range(20) for word, label in (("tree", script), ("tree", "</td><b>animal"))])
    program.run("finetune", os.path.join(CONFIGS, "finetune", "custom.yaml"), f"model={model}",
                f"run={run}", f"task.train={rows}", f"task.dev={rows}", "task.text=sentence", "task.label=label",
                "train.epochs=2", "log.steps=1")
    return run


def check(program, scratch):
    page = browser.Browser()
    try:
        corpus, data = os.path.join(scratch, "corpus.txt"), os.path.join(scratch, "data")
        tools.write_corpus(corpus)
        program.run("prepare", os.path.join(CONFIGS, "data", "corpus.yaml"), f"text.files={corpus}", f"out={data}",
                    "tokenizer.vocab_size=300")
        runs = [os.path.join(scratch, name) for name in ("annealed", "killed")]
        pretrain = ["pretrain", os.path.join(CONFIGS, "pretrain", "quickstart.yaml"), f"data={data}", *KEYS]
        program.run(*pretrain, f"run={runs[0]}")
        program.run("trees", runs[0], "--data", data, "--min-count", "1", "--output", os.path.join(runs[0], "trees.json"))
        tools.killed(program, [*pretrain, f"run={runs[1]}", "train.lr=1e-3"], runs[1], 26)
        with open(os.path.join(runs[1], "metrics.jsonl"), "a", encoding="utf-8") as lines:
            lines.write('{"step":99,"tok')
        task = _finetuning(program, scratch, runs[0])
        pages = {"one": ([runs[0]], [*PRETRAINING, "leaves"], 16), "torn": ([runs[1]], PRETRAINING, 14),
                 "two": (runs, [*PRETRAINING, "leaves", "differences"], 16), "task": ([task], FINETUNING, 4)}
        for name, (folders, sections, drawn) in pages.items():
            path = os.path.join(scratch, f"{name}.html")
            program.run("report", *folders, "--output", path)
            with open(path, encoding="utf-8") as file:
                text = file.read()
            tools.expect(("is torn and left out" in text) == (runs[1] in folders), f"{name}: what is said of torn lines")
            _check_page(page, path, sections, drawn)
        _check_pointing(page, os.path.join(scratch, "one.html"))
        for name in pages:
            _check_printing(page, os.path.join(scratch, f"{name}.html"))
        text = program.run("report", "--text", runs[1], task)
        tools.expect("held-out loss, hard" in text and "train loss" in text, f"report --text: {text}")
        for run in runs:
            shutil.rmtree(run)
    finally:
        page.close()
    return f"{len(pages)} pages at 1280 and 400 pixels, light and dark: no word on the console, nothing loaded"


if __name__ == "__main__":
    tools.main("report", check)
