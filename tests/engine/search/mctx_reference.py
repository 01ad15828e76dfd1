"""Writes ``mctx_golden.json``: what DeepMind's mctx does on the tables of ``table_game``.

    python -m venv mctx-venv && mctx-venv/bin/pip install mctx "jax[cpu]" numba platformdirs
    PYTHONPATH=. mctx-venv/bin/python tests/engine/search/mctx_reference.py

Made with mctx 0.0.71 and jax 0.10.2. mctx's values are the mover's, its discount is -1.
"""

from __future__ import annotations

import functools
import json
import pathlib
import sys

import jax
import jax.numpy as jnp
import mctx
import numpy as np
from mctx._src import seq_halving

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from table_game import child_of, tables

TARGET = pathlib.Path(__file__).with_name("mctx_golden.json")


def recurrent_fn(params, rng_key, action, embedding):
    """One move in the table."""
    logits, values = params
    position = child_of(embedding, action)
    output = mctx.RecurrentFnOutput(
        reward=jnp.zeros_like(values[position]),
        discount=-jnp.ones_like(values[position]),
        prior_logits=logits[position],
        value=values[position],
    )
    return output, position


def root_of(params, position):
    """A root at a position of the table."""
    logits, values = params
    positions = jnp.array([position])
    return mctx.RootFnOutput(
        prior_logits=logits[positions], value=values[positions], embedding=positions
    )


def first_play_urgency(tree, node_index, *, reduction):
    """Plain Q; where unvisited, the parent's mean less the reduction (KataGo)."""
    visits = tree.children_visits[node_index]
    prior = jax.nn.softmax(tree.children_prior_logits[node_index])
    explored = jnp.sum(jnp.where(visits > 0, prior, 0.0))
    unvisited = tree.node_values[node_index] - reduction * jnp.sqrt(explored)
    return jnp.where(visits > 0, tree.qvalues(node_index), unvisited)


def describe(output):
    """Root and the nodes below it: everything that is compared."""
    tree = jax.tree.map(lambda x: np.asarray(x[0]), output.search_tree)
    below = []
    for child in tree.children_index[0]:
        below.append(tree.children_visits[child].tolist() if child >= 0 else None)
    return {
        "visits": tree.children_visits[0].tolist(),
        "visits_below": below,
        "q_values": (-tree.children_values[0]).tolist(),
        "root_value": float(tree.node_values[0]),
        "policy": np.asarray(output.action_weights[0]).tolist(),
        "action": int(output.action[0]),
    }


def puct_case(seed, position, simulations, reduction):
    """One search by MuZero's rule with AlphaZero's constants, no noise."""
    params = tuple(jnp.asarray(table) for table in tables(seed))
    output = mctx.muzero_policy(
        params,
        jax.random.PRNGKey(0),
        root_of(params, position),
        recurrent_fn,
        simulations,
        qtransform=functools.partial(first_play_urgency, reduction=reduction),
        dirichlet_fraction=0.0,
        temperature=0.0,
        pb_c_init=1.25,
        pb_c_base=19652,
    )
    return {
        "seed": seed,
        "position": position,
        "simulations": simulations,
        "reduction": reduction,
        **describe(output),
    }


def gumbel_case(seed, position, simulations, considered, rescale, value_scale):
    """One Gumbel search without noise."""
    params = tuple(jnp.asarray(table) for table in tables(seed))
    transform = functools.partial(
        mctx.qtransform_completed_by_mix_value,
        value_scale=value_scale,
        maxvisit_init=50.0,
        rescale_values=rescale,
    )
    output = mctx.gumbel_muzero_policy(
        params,
        jax.random.PRNGKey(0),
        root_of(params, position),
        recurrent_fn,
        simulations,
        qtransform=transform,
        max_num_considered_actions=considered,
        gumbel_scale=0.0,
    )
    tree = jax.tree.map(lambda x: x[0], output.search_tree)
    return {
        "seed": seed,
        "position": position,
        "simulations": simulations,
        "considered": considered,
        "rescale": rescale,
        "value_scale": value_scale,
        "completed": np.asarray(transform(tree, 0)).tolist(),
        **describe(output),
    }


def main():
    """Run all cases."""
    golden = {
        "puct": [
            puct_case(seed, position, simulations, reduction)
            for seed, position in ((1, 0), (2, 77), (3, 4000))
            for simulations, reduction in ((16, 0.0), (50, 0.2), (200, 0.2), (400, 0.5))
        ],
        "gumbel": [
            gumbel_case(seed, position, simulations, considered, rescale, value_scale)
            for seed, position in ((1, 0), (2, 77), (3, 4000))
            for simulations, considered, rescale, value_scale in (
                (4, 16, True, 0.1),
                (16, 4, True, 0.1),
                (50, 5, True, 0.1),
                (200, 16, True, 0.1),
                (32, 16, False, 0.5),
                (100, 3, False, 0.25),
                (200, 2, False, 0.05),
            )
        ],
        "schedules": [
            {
                "considered": considered,
                "simulations": simulations,
                "visits": list(
                    seq_halving.get_sequence_of_considered_visits(considered, simulations)
                ),
            }
            for considered in (1, 2, 3, 4, 5, 7, 8, 13, 16)
            for simulations in (1, 2, 7, 16, 24, 50, 64, 160)
        ],
    }
    TARGET.write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
