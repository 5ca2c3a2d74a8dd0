"""The cross-check's own PyTorch model (tests/interop/twin.py) must equal the original on every case that it covers."""

import torch
import twin
from store import error


def _to_double(model):
    model.double()
    for module in model.modules():
        if isinstance(module, twin.RotaryTable):
            module.freqs_cis = module.freqs_cis.to(torch.complex128)


def check(config, tensors):
    """Runs the twin on a case's weights and first batch; returns its worst relative error, both in double."""
    model = twin.build(config)
    _to_double(model)
    for name, parameter in model.named_parameters():
        parameter.data.copy_(tensors["param/" + name])
    ids, labels, mask = tensors["input/ids"], tensors["input/labels"], tensors.get("input/mask")
    labels = labels.double() if labels.is_floating_point() else labels
    loss = model.loss(ids, labels, mask)
    loss.backward()
    logits = model(ids, mask)
    found = {
        "loss": error(loss, tensors["f64/output/loss"]),
        "logits": error(logits, tensors["f64/output/logits"].view_as(logits)),
        "hidden": error(model.encoder(ids, mask), tensors["f64/output/hidden"]),
    }
    for name, parameter in model.named_parameters():
        found["grad/" + name] = error(parameter.grad, tensors["f64/grad/" + name])
    worst = max(found, key=lambda key: found[key]["max_rel"])
    assert found[worst]["max_rel"] < 1e-11, f"the twin differs from the original: {worst} {found[worst]}"
    return {"tensor": worst, **found[worst]}
