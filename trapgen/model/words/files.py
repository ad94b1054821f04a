"""A network's folder on disk."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from trapgen.core import Codec, ModelError, TableError, read_json, write_arrays, write_json
from trapgen.model.layers import read_weights
from trapgen.model.words.network import Network
from trapgen.model.words.spec import ModelSpec, weight_shapes


def save_network(folder: Path, network: Network, *, half: bool = False) -> None:
    """Write `model.json`, `codec.json` and `weights.safetensors`.

    The same weights give the same bytes.

    Args:
        folder: The model's folder.
        network: The network.
        half: Whether to round weights to 16 bits, for half the size.
    """
    write_json(folder / "model.json", network.spec.to_json())
    network.spec.codec.save(folder / "codec.json")
    dtype = np.float16 if half else np.float32
    ordered = {name: network.weights[name].astype(dtype) for name in weight_shapes(network.spec)}
    write_arrays(folder / "weights.safetensors", ordered)


def load_network(folder: Path) -> Network:
    """Read a model's folder.

    Raises:
        ModelError: A file is missing, or was written for another vocabulary or shape.
    """
    if not (folder / "model.json").is_file():
        raise ModelError(
            folder, "no_model", "no model.json", "Train one, or name a model's folder."
        )
    path = folder / "model.json"
    try:
        spec = ModelSpec.from_json(read_json(path))
    except (LookupError, TypeError, ValueError, AttributeError, TableError) as error:
        raise ModelError(path, "keys", error, "Train the model again.") from error
    if Codec.load(folder / "codec.json") != spec.codec:
        raise ModelError(folder, "codec", "another grid", "Codec and model must be saved together.")
    path = folder / "weights.safetensors"
    return Network(spec, read_weights(path, weight_shapes(spec)), path)


def load_start(folder: Path, codec: Codec) -> Network:
    """Read a pretrained network to fine-tune.

    Raises:
        ModelError: There is no network, or it has another grid.
    """
    network = load_network(folder)
    if network.spec.codec != codec:
        raise ModelError(
            folder,
            "steps_per_bar",
            network.spec.steps_per_bar,
            f"The loops have {codec.steps_per_bar}: set grid.steps_per_bar, or pretrain anew.",
        )
    return network


def hash_model(network: Network) -> str:
    """Hash of the weights, sixteen hex digits."""
    digest = hashlib.blake2b(digest_size=8)
    for name in weight_shapes(network.spec):
        digest.update(np.ascontiguousarray(network.weights[name], "<f4").tobytes())
    return digest.hexdigest()
