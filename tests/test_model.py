"""The networks from outside: weights written here, by the format's description, must give the numbers computed here."""

import json
import math
import random
import struct

LAYERS = [512, 6, 4, 1]


def random_members(count, seed):
    rng = random.Random(seed)
    return [
        [
            ([[rng.gauss(0, 0.3) for _ in range(inputs)] for _ in range(outputs)], [rng.gauss(0, 0.1) for _ in range(outputs)])
            for inputs, outputs in zip(LAYERS, LAYERS[1:])
        ]
        for _ in range(count)
    ]


def write_safetensors(path, role, members):
    card = {
        "role": role, "layers": LAYERS, "parameters": sum((i + 1) * o for i, o in zip(LAYERS, LAYERS[1:])),
        "members": len(members), "trained_on": ["nbody", "lua"], "examples": 10, "seeds": [1] * len(members),
        "train_losses": [0.1] * len(members), "holdout_losses": [0.2] * len(members), "embedder": "", "created": "now", "note": "",
    }
    header, data = {"__metadata__": {"card": json.dumps(card)}}, b""
    for m, member in enumerate(members):
        for layer, (weight, bias) in enumerate(member):
            for what, shape, values in (
                ("weight", [len(weight), len(weight[0])], [x for row in weight for x in row]),
                ("bias", [len(bias)], bias),
            ):
                packed = struct.pack(f"<{len(values)}f", *values)
                header[f"{m}.{layer}.{what}"] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(packed)]}
                data += packed
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def forward(member, row):
    for layer, (weight, bias) in enumerate(member):
        row = [b + sum(w * x for w, x in zip(ws, row)) for ws, b in zip(weight, bias)]
        if layer + 1 < len(member):
            row = [max(0.0, x) for x in row]
    return 1 / (1 + math.exp(-row[0]))


def features(rows):
    rng = random.Random(5)
    return [[rng.gauss(0, 1) for _ in range(512)] for _ in range(rows)]


def fields(message):
    """(field number, value) of a protocol-buffer message; values are integers or bytes."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    while at < len(message):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
        else:
            assert key & 7 == 2
            size = varint()
            yield key >> 3, message[at : at + size]
            at += size


def run_onnx(model, row):
    """Evaluates Gemm, Relu and Sigmoid nodes in the order of the file."""
    graph = next(value for field, value in fields(model) if field == 7)
    tensors = {}
    for field, value in fields(graph):
        if field == 5:
            parts = list(fields(value))
            name = next(v for f, v in parts if f == 8).decode()
            raw = next(v for f, v in parts if f == 9)
            tensors[name] = [v for f, v in parts if f == 1], struct.unpack(f"<{len(raw) // 4}f", raw)
    values = {"features": row}
    for field, value in fields(graph):
        if field != 1:
            continue
        parts = list(fields(value))
        inputs = [v.decode() for f, v in parts if f == 1]
        output = next(v for f, v in parts if f == 2).decode()
        operation = next(v for f, v in parts if f == 4).decode()
        x = values[inputs[0]]
        if operation == "Gemm":
            attribute = dict(fields(next(v for f, v in parts if f == 5)))
            assert attribute == {1: b"transB", 3: 1, 20: 2}
            (rows, columns), weight = tensors[inputs[1]]
            bias = tensors[inputs[2]][1]
            values[output] = [bias[r] + sum(weight[r * columns + c] * x[c] for c in range(columns)) for r in range(rows)]
        elif operation == "Relu":
            values[output] = [max(0.0, v) for v in x]
        else:
            assert operation == "Sigmoid"
            values[output] = [1 / (1 + math.exp(-v)) for v in x]
    return values["sigmoid"][0]


def test_no_weights_is_said(jarvis2):
    result = jarvis2("model", "info", "--json", "--models", "/nonexistent")
    assert result.returncode == 0
    for role in ("policy", "value"):
        assert result.json[role]["parameters"] == 0
        assert "no trained weights" in result.json[role]["absent"]
    result = jarvis2("model", "train")
    assert result.returncode == 2
    assert "improve" in result.stderr and result.stdout == ""


def test_info_predict_and_export_agree_with_the_definition(jarvis2, tmp_path):
    policy, value = random_members(1, 1), random_members(3, 2)
    write_safetensors(tmp_path / "policy.safetensors", "policy", policy)
    write_safetensors(tmp_path / "value.safetensors", "value", value)
    info = jarvis2("model", "info", "--json", "--models", tmp_path).json
    assert info["value"]["members"] == 3 and info["policy"]["trained_on"] == ["nbody", "lua"]
    rows = features(9)
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    result = jarvis2("model", "predict", "--json", "--models", tmp_path, tmp_path / "rows.json").json
    for row, got, got_value in zip(rows, result["policy"], result["value"]):
        assert abs(got - forward(policy[0], row)) < 1e-4
        residuals = [2 * math.log(4) * (forward(member, row) - 0.5) for member in value]
        mean = sum(residuals) / 3
        assert abs(got_value["residual"] - mean) < 1e-4
        assert abs(got_value["deviation"] - math.sqrt(sum((r - mean) ** 2 for r in residuals) / 3)) < 1e-3

    result = jarvis2("model", "export", "--json", "--models", tmp_path, "--output", tmp_path / "onnx")
    assert len(result.json["files"]) == 4
    for m, member in enumerate(value):
        model = (tmp_path / "onnx" / f"value-{m}.onnx").read_bytes()
        for row in rows:
            assert abs(run_onnx(model, row) - forward(member, row)) < 1e-5


def test_damaged_weights_are_refused(jarvis2, tmp_path):
    write_safetensors(tmp_path / "policy.safetensors", "policy", random_members(1, 1))
    path = tmp_path / "policy.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    (tmp_path / "rows.json").write_text(json.dumps(features(1)))
    result = jarvis2("model", "predict", "--models", tmp_path, tmp_path / "rows.json")
    assert result.returncode == 2
    assert "tensor 0.2." in result.stderr and len(result.stderr.strip().splitlines()) == 1
