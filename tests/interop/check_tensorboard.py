"""Event files, read by TensorBoard itself: what metrics.jsonl says, every step once, also after a kill and a resume.

A pretraining of trees is killed (SIGKILL) past its last checkpoint and continued, while a TensorBoard watches the folder;
then a fine-tuning, and the copy that `export` makes. Values are compared through TensorBoard's own reader of files and
through its HTTP interface, which is fed by its data server.
"""

import json
import os
import re
import shutil
import struct
import subprocess
import sys
import time
import urllib.parse
import urllib.request

import check_export
import check_tokenizer
import tools

PACKAGES = tools.packages("tensorboard", "tensorboard.txt")
sys.path.insert(0, PACKAGES)

from tensorboard.backend.event_processing import event_accumulator
from tensorboard.plugins.hparams import plugin_data_pb2

STEPS, KILLED_AFTER, SAVED_EVERY = 60, 26, 8
KEYS = [f"train.budget.steps={STEPS}", f"save.steps={SAVED_EVERY}", "log.steps=1", "eval.steps=10", "eval.sequences=64",
        "arch.layers=2", "arch.hidden_size=32", "arch.attention.heads=2", "arch.ffn.trees=2", "arch.ffn.depth=3",
        "log.tensorboard=true"]
SERVER_SECONDS = 90


def _float32(value):
    return struct.unpack("f", struct.pack("f", value))[0]


def _expected_trees(layer, scores, step, expected):
    leaves = 2 ** len(scores["entropy"])
    values = {"dead_fraction": 1 - scores["leaves_used"], "max_load": scores["largest_leaf_share"],
              "leaf_diversity": sum(scores["leaf_perplexity"]) / len(scores["leaf_perplexity"]) / leaves,
              "routing_entropy": sum(scores["entropy"]) / len(scores["entropy"]),
              "undecided_fraction": sum(scores["undecided"]) / len(scores["undecided"])}
    for level, (entropy, undecided) in enumerate(zip(scores["entropy"], scores["undecided"])):
        values |= {f"level{level}/routing_entropy": entropy, f"level{level}/undecided_fraction": undecided}
    for name, value in values.items():
        expected.setdefault(f"routing/layer{layer}/{name}", []).append((step, value))


def _expected(run):
    """Scalars by tag as (step, value), and the visits of each tree by tag, as metrics.jsonl has them."""
    scalars, visits = {}, {}
    for line in tools.metrics_lines(run):
        step = line["step"]
        evaluation = any(key.startswith("eval_") for key in line)
        for key, value in line.items():
            if key == "eval_routing":
                for scores in value:
                    layer = scores["layer"]
                    _expected_trees(layer, scores, step, scalars)
                    for tree, counts in enumerate(scores["visits"]):
                        visits.setdefault(f"routing/layer{layer}/tree{tree}/load", []).append((step, counts))
            elif key.endswith("_interval") and value is not None:
                for end, number in zip(("low", "high"), value):
                    scalars.setdefault(f"eval/{key[5:]}/{end}", []).append((step, number))
            elif isinstance(value, (int, float)) and not isinstance(value, bool) and key != "step":
                if key.startswith("eval_"):
                    scalars.setdefault("eval/" + key[5:], []).append((step, value))
                elif not evaluation:
                    scalars.setdefault("train/" + key, []).append((step, value))
    return scalars, visits


def _expect_scalars(found, expected, what):
    tools.expect(sorted(found) == sorted(expected), f"{what}: tags {sorted(found)}, expected {sorted(expected)}")
    for tag, points in expected.items():
        tools.expect([step for step, _ in found[tag]] == [step for step, _ in points],
                     f"{what}: {tag}: steps {[step for step, _ in found[tag]]}, expected {[s for s, _ in points]}")
        tools.expect_close([value for _, value in found[tag]], [_float32(value) for _, value in points],
                           f"{what}: {tag}", relative=3e-7, absolute=1e-30)


def _reader(folder):
    return event_accumulator.EventAccumulator(folder, size_guidance={name: 0 for name in
                                                                     ("scalars", "histograms", "tensors")})


def _expect_as_metrics(reader, run, what):
    """Values by TensorBoard's reader of files; returns how many scalars there are."""
    reader.Reload()
    tags = reader.Tags()
    scalars, visits = _expected(run)
    _expect_scalars({tag: [(e.step, e.value) for e in reader.Scalars(tag)] for tag in tags["scalars"]}, scalars, what)
    tools.expect(sorted(tags["histograms"]) == sorted(visits), f"{what}: histograms {tags['histograms']}")
    for tag, points in visits.items():
        found = [(e.step, [int(count) for count in e.histogram_value.bucket]) for e in reader.Histograms(tag)]
        tools.expect(found == points, f"{what}: {tag}: {found}, expected {points}")
    times = [e.wall_time for e in reader.Scalars("train/loss")]
    tools.expect(times == sorted(times) and abs(times[-1] - time.time()) < 600, f"{what}: wall times {times}")
    return sum(len(points) for points in scalars.values())


def _expect_hyperparameters(reader, expected, what):
    content = reader.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    found = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info.hparams
    for key, value in expected.items():
        tools.expect(key in found, f"{what}: no hyperparameter {key} in {sorted(found)}")
        kind = found[key].WhichOneof("kind")
        tools.expect(getattr(found[key], kind) == value, f"{what}: {key} is {getattr(found[key], kind)}, not {value}")
    for key in ("run", "log.steps", "save.steps"):
        tools.expect(key not in found, f"{what}: {key} is among the hyperparameters")


class Server:
    """A TensorBoard of a folder, with its data server, asked over HTTP."""

    def __init__(self, folder):
        environment = dict(os.environ, PYTHONPATH=PACKAGES)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tensorboard.main", "--logdir", folder, "--host", "127.0.0.1", "--port", "0",
             "--reload_interval", "1", "--samples_per_plugin", "scalars=100000,histograms=100000"],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for line in self.process.stdout:
            if address := re.search(r"http://127\.0\.0\.1:\d+", line):
                self.address = address.group(0)
                return
        raise tools.CheckFailed("tensorboard ended without an address")

    def get(self, path, body=None, **query):
        url = f"{self.address}/data/plugin/{path}" + ("?" + urllib.parse.urlencode(query) if query else "")
        request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json"} if body else {})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def scalars(self):
        tags = self.get("scalars/tags").get(".", {})
        return {tag: [(step, value) for _, step, value in self.get("scalars/scalars", run=".", tag=tag)] for tag in tags}

    def wait_for(self, run, what):
        """Until it shows what metrics.jsonl says; it reads again every second."""
        deadline = time.time() + SERVER_SECONDS
        while True:
            try:
                _expect_scalars(self.scalars(), _expected(run)[0], what)
                return
            except (tools.CheckFailed, urllib.error.URLError):
                if time.time() > deadline:
                    raise
                time.sleep(0.5)

    def stop(self):
        self.process.kill()
        self.process.wait()


def _rows(path):
    rows = [{"sentence": f"the {word} stands {i} by the wall", "label": label}
            for i in range(20) for word, label in (("tree", "plant"), ("cat", "animal"))]
    tools.write_jsonl(path, rows)
    return path


def _check_finetuning(program, scratch, model):
    run, rows = os.path.join(scratch, "task"), _rows(os.path.join(scratch, "rows.jsonl"))
    program.run("finetune", os.path.join(tools.HERE, "..", "..", "configs", "finetune", "custom.yaml"), f"model={model}",
                f"run={run}", f"task.train={rows}", f"task.dev={rows}", "task.text=sentence", "task.label=label",
                "train.epochs=2", "log.steps=1", "log.tensorboard=true")
    reader = _reader(os.path.join(run, "tensorboard"))
    _expect_as_metrics(reader, run, "fine-tuning")
    _expect_hyperparameters(reader, {"task.name": "custom", "train.epochs": 2}, "fine-tuning")
    tools.expect({"eval/accuracy", "eval/accuracy_interval/low"} <= set(reader.Tags()["scalars"]),
                 f"fine-tuning: tags {reader.Tags()['scalars']}")


def check(program, scratch):
    check_tokenizer.prepare(program, scratch)
    run = os.path.join(scratch, "run")
    events = os.path.join(run, "tensorboard")
    command = ["pretrain", check_export.CONFIG, f"data={os.path.join(scratch, 'data')}", f"run={run}", *KEYS]
    tools.killed(program, command, run, KILLED_AFTER)
    server = Server(events)
    try:
        _expect_as_metrics(_reader(events), run, "killed run")
        server.wait_for(run, "killed run, by the server")
        program.run(*command)
        reader = _reader(events)
        values = _expect_as_metrics(reader, run, "continued run")
        tools.expect([e.step for e in reader.Scalars("train/loss")] == list(range(1, STEPS + 1)),
                     f"continued run: steps {[e.step for e in reader.Scalars('train/loss')]}")
        server.wait_for(run, "continued run, by the server that saw the killed one")
        sessions = server.get("hparams/experiment", body=b"{}")
        names = {info["name"] for info in sessions["hparamInfos"]}
        tools.expect({"arch.ffn.depth", "train.lr", "routing.mode"} <= names, f"hparams: {sorted(names)}")
        load = server.get("histograms/histograms", run=".", tag="routing/layer1/tree1/load")
        tools.expect([point[1] for point in load] == [10, 20, 30, 40, 50, 60], f"histograms by the server: {load}")
    finally:
        server.stop()
    _expect_hyperparameters(reader, {"arch.ffn.depth": 3, "routing.mode": "anneal", "train.shuffle": True,
                                     "train.lr": 4e-3}, "continued run")
    tools.expect(len(os.listdir(events)) == 1, f"{events} holds {os.listdir(events)}")
    exported = os.path.join(scratch, "exported")
    program.run("export", run, exported)
    program.run("export", run, exported)
    _expect_as_metrics(_reader(os.path.join(exported, "tensorboard")), run, "export")
    _check_finetuning(program, scratch, run)
    shutil.rmtree(run)
    return f"{values} scalars of a run that was killed and continued, each step once; histograms, hyperparameters, export"


if __name__ == "__main__":
    tools.main("tensorboard", check)
