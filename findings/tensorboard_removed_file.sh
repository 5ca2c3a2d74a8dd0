#!/usr/bin/env bash
# TensorBoard: its reader in Python (that of EventAccumulator, of --load_fast=false and of systems without the data
# server) that has read an event file which is then removed stays with what it has read: no error, and no later file
# of the folder is ever looked at. A training that is continued and writes its history anew into another file seems to
# stand still, in a TensorBoard that was open, until it is started again. A file that is emptied instead, or left, is
# followed by the next. Seen with TensorBoard 2.21.
#   Way out: the data server, which pip installs beside TensorBoard on common systems, looks at the folder itself.
# shellcheck source=findings/lib/tools.sh
. "$(dirname "$0")/lib/tools.sh"

cat >program.py <<'TEXT'
import os

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

def write(name, steps):
    with open(name, "wb") as file:
        writer = RecordWriter(file)
        writer.write(event_pb2.Event(wall_time=1, file_version="brain.Event:2").SerializeToString())
        for step in steps:
            value = summary_pb2.Summary.Value(tag="loss", simple_value=1)
            event = event_pb2.Event(wall_time=1, step=step, summary=summary_pb2.Summary(value=[value]))
            writer.write(event.SerializeToString())

def seen(reader):
    reader.Reload()
    return [event.step for event in reader.Scalars("loss")]

for what in "removed", "emptied", "left":
    os.mkdir(what)
    first, second = (f"{what}/events.out.tfevents.{i}" for i in (1, 2))
    write(first, [1, 2])
    reader = EventAccumulator(what)
    assert seen(reader) == [1, 2]
    if what == "removed":
        os.remove(first)
    elif what == "emptied":
        os.truncate(first, 0)
    write(second, [3, 4])
    print(f"the first file {what}: {seen(reader)}, opened anew {seen(EventAccumulator(what))}")
TEXT
python_packages venv tensorboard==2.21.0 setuptools==80.9.0 protobuf==7.36.2 numpy==2.4.6
venv/bin/python program.py >output 2>errors
if [ -s errors ]; then
  echo "CHANGED: TensorBoard: expected no error, found:" >&2
  cat errors >&2
  exit 1
fi
expect TensorBoard output 'the first file removed: [1, 2], opened anew [3, 4]'
expect TensorBoard output 'the first file emptied: [1, 2, 3, 4], opened anew [3, 4]'
expect TensorBoard output 'the first file left: [1, 2, 3, 4], opened anew [1, 2, 3, 4]'
