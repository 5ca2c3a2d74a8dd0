"""Records of TensorBoard's event files, by TensorBoard itself."""

import io

import tensorboard
from tensorboard.compat.proto import event_pb2, summary_pb2, types_pb2
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import crc32c
from tensorboard.plugins.hparams import plugin_data_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

from store import write_json

TIME = 1700000000.25
CHECKED = [b"", b"a", b"123456789", bytes(32), b"\xff" * 32, bytes(range(256))]


def _records(*events):
    """The events as they lie in a file, in hexadecimal."""
    file = io.BytesIO()
    writer = RecordWriter(file)
    for event in events:
        writer.write(event.SerializeToString(deterministic=True))
    return file.getvalue().hex()


def _first():
    start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
    return _records(event_pb2.Event(wall_time=TIME, file_version="brain.Event:2"),
                    event_pb2.Event(wall_time=TIME, session_log=start))


def _hyperparameters():
    session = plugin_data_pb2.SessionStartInfo(start_time_secs=TIME)
    session.hparams["arch.ffn.depth"].number_value = 6
    session.hparams["routing.mode"].string_value = "anneal"
    session.hparams["train.dropout"].bool_value = False
    data = plugin_data_pb2.HParamsPluginData(session_start_info=session)
    value = summary_pb2.Summary.Value(tag="_hparams_/session_start_info")
    value.metadata.plugin_data.plugin_name = "hparams"
    value.metadata.plugin_data.content = data.SerializeToString(deterministic=True)
    value.tensor.dtype = types_pb2.DT_FLOAT
    value.tensor.tensor_shape.dim.add(size=1)
    value.tensor.float_val.append(0)
    return _records(event_pb2.Event(wall_time=TIME, summary=summary_pb2.Summary(value=[value])))


def _summary():
    """Of step 300 (two bytes as a varint): a number, 0, and a histogram with buckets from 1 to 2, 4 and 8."""
    limits, counts = [2.0, 4.0, 8.0], [5.0, 0.0, 7.0]
    histogram = summary_pb2.HistogramProto(min=1, max=8, num=12, sum=5 * 1.5 + 7 * 6, sum_squares=5 * 1.5**2 + 7 * 6**2,
                                           bucket_limit=limits, bucket=counts)
    values = [summary_pb2.Summary.Value(tag="train/loss", simple_value=7.1),
              summary_pb2.Summary.Value(tag="train/zero", simple_value=0),
              summary_pb2.Summary.Value(tag="routing/layer0/tree0/load", histo=histogram)]
    return _records(event_pb2.Event(wall_time=TIME, step=300, summary=summary_pb2.Summary(value=values)))


def make():
    write_json("events.json", {"tensorboard": tensorboard.__version__, "time": TIME,
                               "crc32c": [[data.hex(), crc32c(data)] for data in CHECKED],
                               "first": _first(), "hyperparameters": _hyperparameters(), "summary": _summary()})
