"""PyTorch: a training run; paths in columns, all normals of a chunk in one draw, autograd, its fused Adam.

Layers are eager, or the whole data term is compiled by torch.compile, for which sums over d are written out: tanh takes them in.  Normals
drawn in float32 and widened are an option, for PyTorch draws them five times as fast.
"""

import math
import os
import shutil

import torch

__all__ = ["FORMS", "NORMALS", "trainer", "value_and_gradient"]

torch._dynamo.config.recompile_limit = 64    # chunk sizes and precisions that the compiled data term meets

NORMALS = {"double": torch.float64, "single": torch.float32}


def _eager(x, z, w1, b1, w2):
    return torch.addmm(x, w2, torch.tanh(torch.addmm(b1, w1, x))).add(z)


def _written_out(x, z, w1, b1, w2):
    sums = b1
    for i, row in enumerate(x.unbind()):
        sums = sums + w1[:, i:i + 1] * row
    return x + w2 @ torch.tanh(sums) + z


def _data_term(step, parts, x, labels, normals, dt, deviation):
    """Sum over the columns of x (d, m) of the logistic loss with labels (m,), for normals (N, d, m)."""
    w1, b1, w2, b2, w, b = parts
    kicks = torch.add(dt * b2[:, :, None], normals, alpha=deviation)
    for given in zip(kicks.unbind(), w1.unbind(), b1[:, :, None].unbind(), (dt * w2).unbind()):
        x = step(x, *given)
    return torch.nn.functional.softplus(-labels * (w @ x + b)).sum()


def _whole_eager(*given):
    return _data_term(_eager, *given)


def _whole_written_out(*given):
    return _data_term(_written_out, *given)


FORMS = {"eager": _whole_eager}
if shutil.which(os.environ.get("CXX", "g++")):
    FORMS["torch.compile"] = torch.compile(_whole_written_out, dynamic=False)


def _penalty(parts, dt, tikhonov, smoothness):
    layers, tail = parts[:4], parts[4:]
    squares = dt * sum(part.square().sum() for part in layers) + sum(part.square().sum() for part in tail)
    jumps = sum((part[1:] - part[:-1]).square().sum() for part in layers)
    return 0.5 * tikhonov * squares + 0.5 * smoothness / dt * jumps


def _add_gradient(problem, form, leaves, pieces):
    """J, and its gradient added to .grad of the leaves; pieces : (x (d, m), labels (m,), normals (N, d, m)) of all columns."""
    dt, deviation = problem.network.dt, problem.deviation
    total = _penalty(leaves, dt, *problem.weights)
    total.backward()
    total = total.detach()
    for x, labels, normals in pieces:
        part = FORMS[form](leaves, x, labels, normals, dt, deviation) / problem.columns
        part.backward()
        total += part.detach()
    return total


def _leaves(parts, dtype):
    return [torch.tensor(part, dtype=dtype).requires_grad_() for part in parts]


def value_and_gradient(problem, parts, x, labels, normals, precision="double", form="eager"):
    """J and its gradient in the parts for given start columns, labels and normals (arrays)."""
    dtype = NORMALS[precision]
    leaves = _leaves(parts, dtype)
    value = _add_gradient(problem, form, leaves, [tuple(torch.tensor(given, dtype=dtype) for given in (x, labels, normals))])
    return value.item(), [leaf.grad.double().numpy() for leaf in leaves]


def _columns(problem, dtype):
    """A callable (generator) -> start points (d, m) and labels (m,) of one iteration."""
    points, labels = (torch.tensor(array, dtype=dtype) for array in (problem.setting.data.points.T.copy(), problem.setting.data.labels))
    paths, batch = problem.scale.paths, problem.scale.batch
    if batch is None:
        whole = points.repeat(1, paths), labels.repeat(paths)
        return lambda generator: whole
    slices = torch.arange(batch, dtype=torch.float64)

    def draw(generator):                                          # one point of each of `batch` slices of the data, as ocnet draws them
        rows = ((slices + torch.rand(batch, generator=generator, dtype=torch.float64)) * (len(labels) / batch)).long()
        rows.clamp_(max=len(labels) - 1)                          # rounding may reach the end; JAX clips by itself
        return points.index_select(1, rows).repeat(1, paths), labels.index_select(0, rows).repeat(paths)

    return draw


def trainer(problem, precision, form, chunk, normals, threads):
    """A callable (parts, seed, iterations, record) that trains and calls record(iteration, parts) every so many iterations.

    precision, normals : of NORMALS;  form : of FORMS;  chunk : columns at a time;  threads : inside PyTorch
    """
    dtype, drawn, scale = NORMALS[precision], NORMALS[normals], problem.scale
    columns, shape = _columns(problem, dtype), (problem.network.layers, problem.network.dim)

    def pieces(generator):
        x, labels = columns(generator)
        for some, y in zip(x.split(chunk, dim=1), labels.split(chunk)):
            yield some, y, torch.randn(*shape, some.shape[1], generator=generator, dtype=drawn).to(dtype)

    def run(parts, seed, iterations, record):
        torch.set_num_threads(threads)
        leaves, generator = _leaves(parts, dtype), torch.Generator().manual_seed(seed)
        optimiser = torch.optim.Adam(leaves, lr=problem.rate, betas=(0.9, 0.999), eps=1e-8, fused=True)
        record(0, [leaf.detach().double().numpy().copy() for leaf in leaves])
        for k in range(iterations):
            falling = 0.5 * (1 + math.cos(math.pi * k / scale.iterations))
            optimiser.param_groups[0]["lr"] = problem.rate * (problem.final + (1 - problem.final) * falling)
            optimiser.zero_grad()
            _add_gradient(problem, form, leaves, pieces(generator))
            optimiser.step()
            if (k + 1) % scale.every == 0:
                record(k + 1, [leaf.detach().double().numpy().copy() for leaf in leaves])

    return run
