"""Peers of the GPU: gpu_peers.py VECTORS QUERIES DIMENSIONS K; for each count on stdin seconds by name as JSON."""

import json
import sys
import time

import numpy as np


def main(vectors_path, queries_path, dimensions, k):
    k = int(k)
    vectors = np.fromfile(vectors_path, np.float32).reshape(-1, int(dimensions))
    queries = np.fromfile(queries_path, np.float32).reshape(-1, int(dimensions))

    def by_numpy(asked):
        scores = asked @ vectors.T
        rows = np.argpartition(scores, -k, axis=1)[:, -k:]
        return np.sort(np.take_along_axis(scores, rows, axis=1), axis=1)[:, ::-1]

    contestants = {"NumPy, all threads": by_numpy}
    try:
        import torch

        if torch.cuda.is_available():
            resident = torch.from_numpy(vectors).cuda()

            def by_torch(asked):
                with torch.inference_mode():
                    return torch.topk(torch.from_numpy(asked).cuda() @ resident.T, k, dim=1).values.cpu().numpy()

            contestants["PyTorch, CUDA"] = by_torch
    except ImportError:
        pass
    print("ready", flush=True)
    for line in sys.stdin:
        asked = queries[: int(line)]
        times = {}
        for name, search in contestants.items():
            start = time.perf_counter()
            search(asked)
            times[name] = time.perf_counter() - start
        print(json.dumps(times), flush=True)


main(*sys.argv[1:])
