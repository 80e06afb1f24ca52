"""PyTorch: chunks of paths in columns; layers in place in inference mode, or compiled by torch.compile; gradients by autograd."""

import os
import shutil

import numpy as np
import torch

from .workers import mean_and_error, sums_by_workers

__all__ = ["DIFFERENTIABLE", "LAYERS", "layered_mean", "value_and_gradient"]

torch._dynamo.config.recompile_limit = 64    # chunk sizes, precisions and dimensions that the compiled layer meets


def _in_place(x, z, w1, b1, w2, deviation):
    hidden = torch.addmm(b1, w1, x).tanh_()
    return x.addmm_(w2, hidden).add_(z, alpha=deviation)


def _fused(x, z, w1, b1, w2, deviation):
    return x + w2 @ torch.tanh(w1 @ x + b1) + deviation * z


def _products(x, z, w1, b1, w2, deviation):
    return torch.addmm(x, w2, torch.tanh(torch.addmm(b1, w1, x))).add_(z, alpha=deviation)


LAYERS, DIFFERENTIABLE = {"in place": _in_place}, {"eager": _products}
if shutil.which(os.environ.get("CXX", "g++")):
    LAYERS["torch.compile"] = DIFFERENTIABLE["torch.compile"] = torch.compile(_fused)


def _tensors(walk):
    """W1, b1 as columns, dt W2 of all layers."""
    w1, b1, w2 = (torch.from_numpy(w) for w in walk.weights)
    return w1, b1[:, :, None].contiguous(), walk.dt * w2


def _generators(workers):
    return [torch.Generator().manual_seed(seed) for seed in torch.randint(2**62, (workers,)).tolist()]


def layered_mean(walk, chunk, layer, team):
    """A callable () -> (mean, standard error); every call draws fresh normals.  layer : of LAYERS;  team : of `teams`"""
    (workers, inside), step, theta = team, LAYERS[layer], _tensors(walk)
    generators = _generators(workers)

    def work(worker, chunks):
        sums = np.zeros(2)
        with torch.inference_mode():
            for _ in range(chunks):
                x = torch.zeros(walk.dim, chunk, dtype=theta[0].dtype)
                z = torch.empty_like(x)
                for w1, b1, w2 in zip(*theta):
                    x = step(x, z.normal_(generator=generators[worker]), w1, b1, w2, walk.deviation)
                values = torch.sigmoid(3 * x[0]).double()
                sums += values.sum().item(), values.square().sum().item()
        return sums

    def run():
        torch.set_num_threads(inside)
        return mean_and_error(sums_by_workers(work, walk.paths // chunk, workers), walk.paths)

    return run


def value_and_gradient(walk, chunk, layer, team):
    """A callable () -> (mean, gradient in (W1, b1, W2)) by autograd, chunk after chunk into .grad.  layer : of DIFFERENTIABLE"""
    (workers, inside), step = team, DIFFERENTIABLE[layer]
    generators = _generators(workers)

    def work(worker, chunks):
        leaves = [torch.from_numpy(w).clone().requires_grad_() for w in walk.weights]
        total = 0.0
        for _ in range(chunks):
            x = torch.zeros(walk.dim, chunk, dtype=leaves[0].dtype)
            for w1, b1, w2 in zip(*(leaf.unbind() for leaf in leaves)):
                z = torch.randn(x.shape, generator=generators[worker], dtype=x.dtype)
                x = step(x, z, w1, b1[:, None], walk.dt * w2, walk.deviation)
            mean = torch.sigmoid(3 * x[0]).sum() / walk.paths
            mean.backward()
            total += mean.item()
        gradient = [leaf.grad.numpy() for leaf in leaves]
        return np.array([total, *gradient], dtype=object)

    def run():
        torch.set_num_threads(inside)
        total, *gradient = sums_by_workers(work, walk.paths // chunk, workers)
        return total, gradient

    return run
