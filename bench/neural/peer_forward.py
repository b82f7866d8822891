"""Peers of bench neural in one process: lines "PEER forward|train BATCH SECONDS" in, microseconds out ("absent": null)."""

import json
import os
import sys
import time

import numpy

LAYERS = [512, 256, 128, 64, 1]


def load(path):
    values = numpy.fromfile(path, numpy.float32)
    weights, at = [], 0
    for inputs, outputs in zip(LAYERS, LAYERS[1:]):
        matrix = values[at : at + inputs * outputs].reshape(outputs, inputs)
        at += inputs * outputs
        weights.append((matrix, values[at : at + outputs]))
        at += outputs
    return weights


def best_us(work, seconds):
    work()
    burst, best, spent = 1, 1e9, 0.0
    while burst < 4096:
        start = time.perf_counter()
        for _ in range(burst):
            work()
        if time.perf_counter() - start > 1e-3:
            break
        burst *= 2
    while spent < seconds:
        start = time.perf_counter()
        for _ in range(burst):
            work()
        used = time.perf_counter() - start
        best = min(best, used / burst)
        spent += used
    return 1e6 * best


class NumPy:
    def __init__(self, weights):
        self.weights = [(numpy.ascontiguousarray(matrix.T), bias) for matrix, bias in weights]

    def forward(self, x):
        for matrix, bias in self.weights[:-1]:
            x = numpy.maximum(x @ matrix + bias, 0)
        matrix, bias = self.weights[-1]
        return 1 / (1 + numpy.exp(-(x @ matrix + bias)))

    def work(self, what, batch):
        x = numpy.random.default_rng(1).standard_normal((int(batch), 512), numpy.float32) if what == "forward" else None
        return (lambda: self.forward(x)) if what == "forward" else None


class OnnxRuntime:
    def __init__(self, path, threads):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "1" if threads > 1 else "0")
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def work(self, what, batch):
        x = numpy.random.default_rng(1).standard_normal((int(batch), 512), numpy.float32) if what == "forward" else None
        return (lambda: self.session.run(None, {"features": x})) if what == "forward" else None


class PyTorch:
    def __init__(self, weights, threads, device="cpu"):
        import torch

        self.torch, self.threads, self.device = torch, threads, device
        if device == "cuda" and not torch.cuda.is_available():
            raise RuntimeError("no GPU")
        modules = []
        for i, (matrix, bias) in enumerate(weights):
            layer = torch.nn.Linear(matrix.shape[1], matrix.shape[0])
            with torch.no_grad():
                layer.weight.copy_(torch.from_numpy(matrix.copy()))
                layer.bias.copy_(torch.from_numpy(bias.copy()))
            modules += [layer, torch.nn.ReLU() if i + 1 < len(weights) else torch.nn.Sigmoid()]
        self.model = torch.nn.Sequential(*modules).to(device)

    def product(self, shape):
        torch = self.torch
        rows, columns, count = map(int, shape.split("x"))
        torch.set_num_threads(self.threads)
        matrix = torch.randn(rows, columns, device=self.device)
        x = torch.randn(count, columns)
        if self.device != "cpu":
            x = x.pin_memory()

        def multiply():
            with torch.inference_mode():
                return (x.to(self.device, non_blocking=True) @ matrix.T).cpu()

        return multiply

    def work(self, what, batch):
        torch = self.torch
        if what == "matmul":
            return self.product(batch)
        batch = int(batch)
        torch.set_num_threads(self.threads)
        x = torch.randn(batch, 512)
        if what == "forward":

            def forward():
                with torch.inference_mode():
                    out = self.model(x.to(self.device))
                    return out.cpu() if self.device != "cpu" else out

            return forward
        y = torch.full((batch, 1), 0.3)
        optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3, fused=True)

        def step():
            optimizer.zero_grad()
            torch.nn.functional.binary_cross_entropy(self.model(x), y).backward()
            optimizer.step()

        return step if self.device == "cpu" else None


class GraphPyTorch(PyTorch):
    """One captured graph: copy in from pinned memory, the layers, copy out."""

    def work(self, what, batch):
        if what != "forward":
            return None
        torch, batch = self.torch, int(batch)
        host = torch.randn(batch, 512).pin_memory()
        out = torch.empty(batch, 1).pin_memory()
        inputs = torch.empty(batch, 512, device="cuda")
        stream = torch.cuda.Stream()
        with torch.inference_mode(), torch.cuda.stream(stream):
            for _ in range(3):
                self.model(inputs)
            stream.synchronize()
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, stream=stream):
                inputs.copy_(host, non_blocking=True)
                out.copy_(self.model(inputs), non_blocking=True)

        def forward():
            graph.replay()
            torch.cuda.synchronize()
            return out

        return forward


def main(weights_path, onnx_path):
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    weights = load(weights_path)
    makers = {
        "numpy": lambda: NumPy(weights),
        "onnxruntime": lambda: OnnxRuntime(onnx_path, 1),
        "onnxruntime-all": lambda: OnnxRuntime(onnx_path, cores),
        "torch": lambda: PyTorch(weights, 1),
        "torch-all": lambda: PyTorch(weights, cores),
        "torch-cuda": lambda: PyTorch(weights, 1, "cuda"),
        "torch-cuda-graph": lambda: GraphPyTorch(weights, 1, "cuda"),
    }
    made = {}
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        name, what, batch, seconds = line.split()
        try:
            if name not in made:
                made[name] = makers[name]()
            work = made[name].work(what, batch)
            print(json.dumps(best_us(work, float(seconds)) if work else None), flush=True)
        except Exception as error:
            made[name] = None
            print("%s: %s" % (name, error), file=sys.stderr, flush=True)
            makers[name] = lambda: None
            print("null", flush=True)


main(*sys.argv[1:])
