"""Archives written as the primer of `ocnet.archive` describes them, without its code: what an attacker can do, whose checksums are right."""

import hashlib
import io
import json
import struct
import tracemalloc
import warnings
import zipfile

import numpy as np

from ocnet import Grid, ResidualNetwork, TrainedNetwork, ValueFunction
from ocnet.networks.blocks import Perceptron
from ocnet.networks.noise import Gaussian
from ocnet.report import ErrorBar, SolveReport

SMALL = 1 << 20                         # bytes of memory within which a hostile file is refused, however much it claims
A = {"array": "a"}          # what stands for array a in a header


def small():
    """A value function and a network in a file of some 3 kB."""
    grid = Grid.uniform(-1, 1, 5)
    report = SolveReport("Scheme()", 10, np.inf, 1 / 3, np.float64(0.1), (0.0, 1.0), (-0.25, 1.1))
    value = ValueFunction(grid, [0.0, 0.5], np.arange(20.0).reshape(2, 2, 5), report, False, ErrorBar(1e-4, 1 / 3, 0.0, 1e-3, True))
    network = ResidualNetwork(Perceptron(1), Gaussian(0.2), 2)
    return {"value": value, "trained": TrainedNetwork(network, network.initialise(0))}


def sealed(data):
    """Bytes of a zip archive, whose comment ends in 64 zeros, with a checksum that is right: what an attacker can do."""
    return data[:-64] + hashlib.sha256(data[:-64]).hexdigest().encode()


def archive(*members, how=zipfile.ZIP_STORED, seal=True):
    """A sealed zip archive of (name, bytes), written as the primer of `ocnet.archive` says, without its code."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", how) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")                                    # about two members of one name
        file.comment = b"ocnet sha256 " + b"0" * 64 if seal else b""
        for name, data in members:
            file.writestr(name, data)
    return sealed(buffer.getvalue()) if seal else buffer.getvalue()


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def header(content, version=1):
    """The member of the header; `content` may be JSON text already."""
    text = content if isinstance(content, str) else json.dumps({"format": version, "content": content})
    return "ocnet.npy", npy(np.frombuffer(text.encode(), dtype=np.uint8))


def claiming(shape, descr="<f8", data=b""):
    """An .npy member that claims a shape."""
    text = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape!r}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


def peak(work):
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
