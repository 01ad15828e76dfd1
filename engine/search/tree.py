"""The search tree as memory: one arena of 32-bit words a tree, nodes laid one after the other.

A node has room for its legal actions only, so a chess node takes 35 edges and not 4,672. It starts
on a cache line and holds everything that a descent or a backup wants of it:

    word 0   visits             int   1 for its own evaluation + those of its edges, refuted ones
                                      left out (a mover does not walk into a known loss)
    word 1   value of player 0  float sum over those visits
    word 2   value of player 1  float
    word 3   draws              float
    word 4   raw value          float what the evaluator said, for the mover of this node
    word 5   count              int   legal actions
    word 6   mover              int   the player to move, read from the state
    word 7   proof              int   see ``proof``; the outcome is the mover's
    word 8   edges              five words for each legal action:
                                +0 prior       float softmax of the evaluator's logits
                                +1 visits      int
                                +2 value       float sum, for the mover of this node
                                +3 child       int   offset of the child in the arena, or a mark
                                +4 action      int   low 16 bits; above them the edge's proof,
                                                     its outcome also the mover's of this node
    then     state              the position's record, word for word

Offsets count words from the start of the tree's arena, so an arena can be moved. The root is the
node at offset 0; a child is never there, which frees 0 to mean "no child". The arena is written
through two views of the same memory, ``ints`` and ``floats``.
"""

from __future__ import annotations

import numpy as np

from engine.kernels.compiling import inlined, kernel, prefetch
from engine.kernels.numerics import exp32

VISITS, VALUES, DRAWS, RAW_VALUE, COUNT, MOVER, PROOF = 0, 1, 3, 4, 5, 6, 7
EDGES = 8
PRIOR, EDGE_VISITS, EDGE_VALUE, CHILD, ACTION = 0, 1, 2, 3, 4
EDGE_WORDS = 5
LINE_WORDS = 16  # a cache line

NO_CHILD = 0
PENDING = -1  # the child is being evaluated

MOVER_BYTE = 10  # of every state record (``games.game.HEADER``): to_play
ACTION_BITS = 16
ACTION_MASK = (1 << ACTION_BITS) - 1

# What is known for sure of a node or edge: 0, or (plies << 2) | (outcome + 2). Plies say how far
# off the end is at most, as far as the tree knows.
UNKNOWN = 0
LOSS, DRAW, WIN = 1, 2, 3
_MAX_PLIES = 8191
_LONGEST_LINE = 1024

_PREFETCHED_LINES = 4
_NOT_NEGATIVE = np.int64((1 << 47) - 1)
_LEAST_PRIOR = np.float32(1e-20)


@kernel
def make_proof(outcome, plies):
    """Proof of an outcome (-1, 0, +1) at most ``plies`` away."""
    return (min(plies, _MAX_PLIES) << 2) | (outcome + 2)


@inlined
def proof_kind(proof):
    """``UNKNOWN``, ``LOSS``, ``DRAW`` or ``WIN``."""
    return proof & 3


@inlined
def word_at(offset):
    """The same offset. Trusts: it is not negative.

    Told so, the compiler drops Python's way of counting negative indices from the end.
    """
    return np.int64(offset) & _NOT_NEGATIVE


@inlined
def edge_at(node, slot):
    """Where an edge of a node is."""
    return word_at(node + EDGES + EDGE_WORDS * slot)


@kernel
def edge_proof(ints, edge):
    """Proof of an edge, for the mover of its node."""
    return ints[edge + ACTION] >> ACTION_BITS


@inlined
def edge_kind(ints, edge):
    """Kind of an edge's proof."""
    return (ints[edge + ACTION] >> ACTION_BITS) & 3


@inlined
def prefetch_node(ints, node):
    """Ask for the memory of a node at absolute word ``node``: a few lines, its edges first."""
    for line in range(_PREFETCHED_LINES):
        prefetch(ints, node + line * LINE_WORDS)


def node_words(count, state_words):
    """Words of a node, rounded up to whole cache lines."""
    return (EDGES + EDGE_WORDS * count + state_words + LINE_WORDS - 1) // LINE_WORDS * LINE_WORDS


compiled_node_words = kernel(node_words)


@inlined
def write_node(ints, floats, node, state, actions, count, logits, values, draws):
    """Write a node of one visit at absolute word ``node``.

    Takes:
        ints, floats: the arena.
        node: where; there must be room.
        state: ``[S]`` int32 words of the position.
        actions: ``[K]`` legal actions.
        count: how many.
        logits: ``[K]`` evaluator's policy.
        values: ``[P]`` evaluator's values.
        draws: evaluator's probability of a draw.
    """
    mover = (state[MOVER_BYTE // 4] >> (8 * (MOVER_BYTE % 4))) & 1
    ints[node + VISITS] = 1
    floats[node + VALUES] = values[0]
    floats[node + VALUES + 1] = values[1]
    floats[node + DRAWS] = draws
    floats[node + RAW_VALUE] = values[mover]
    ints[node + COUNT] = count
    ints[node + MOVER] = mover
    ints[node + PROOF] = UNKNOWN
    highest = logits[0]
    for slot in range(1, count):
        highest = max(highest, logits[slot])
    total = np.float32(0.0)
    for slot in range(count):
        edge = edge_at(node, slot)
        weight = exp32(logits[slot] - highest)
        floats[edge + PRIOR] = weight
        total += weight
        ints[edge + EDGE_VISITS] = 0
        floats[edge + EDGE_VALUE] = np.float32(0.0)
        ints[edge + CHILD] = NO_CHILD
        ints[edge + ACTION] = actions[slot]
    share = np.float32(1.0) / total
    for slot in range(count):
        edge = edge_at(node, slot)
        floats[edge + PRIOR] = max(floats[edge + PRIOR] * share, _LEAST_PRIOR)
    words = edge_at(node, count)
    for i in range(len(state)):
        ints[words + i] = state[i]


@kernel
def prove_edge(ints, floats, base, node, slot, proof):
    """Note what an edge leads to for sure, and what follows for its node.

    A node is won by its mover if one edge is; when all edges are proven it has the best of their
    outcomes. What was sent down an edge that turns out lost leaves the node's mean, with the other
    player's share mirrored: proofs are for games in which one wins what the other loses.

    Returns:
        The node's own proof after this, ``UNKNOWN`` as long as it is open.
    """
    edge = edge_at(base + node, slot)
    if edge_kind(ints, edge) == UNKNOWN:
        ints[edge + ACTION] = (ints[edge + ACTION] & ACTION_MASK) | (proof << ACTION_BITS)
        if proof_kind(proof) == LOSS and ints[edge + EDGE_VISITS] > 0:
            _forget_edge(ints, floats, base, base + node, edge)
    shortest_win = UNKNOWN
    best = UNKNOWN
    is_open = False
    for other in range(ints[base + node + COUNT]):
        known = edge_proof(ints, edge_at(base + node, other))
        kind = proof_kind(known)
        if kind == UNKNOWN:
            is_open = True
        elif kind == WIN:
            if shortest_win == UNKNOWN or known < shortest_win:
                shortest_win = known
        elif kind > proof_kind(best) or (kind == proof_kind(best) and known > best):
            best = known
    if shortest_win != UNKNOWN:
        best = shortest_win
    elif is_open:
        return UNKNOWN
    own = make_proof(proof_kind(best) - 2, (best >> 2) + 1)
    ints[base + node + PROOF] = own
    return own


@kernel
def _forget_edge(ints, floats, base, head, edge):
    """Take what came through an edge out of the mean of its node at absolute word ``head``."""
    visits = ints[edge + EDGE_VISITS]
    value = floats[edge + EDGE_VALUE]
    mover = ints[head + MOVER]
    ints[head + VISITS] -= visits
    floats[head + VALUES + mover] -= value
    floats[head + VALUES + 1 - mover] += value
    if ints[edge + CHILD] > 0:
        child = base + ints[edge + CHILD]
        draws = floats[child + DRAWS] * np.float32(visits) / np.float32(ints[child + VISITS])
        floats[head + DRAWS] = max(np.float32(0.0), floats[head + DRAWS] - draws)


@inlined
def seen_from(proof, mover, other):
    """A proof of ``mover`` from the view of ``other``."""
    if mover == other or proof == UNKNOWN:
        return proof
    return (proof & ~3) | (4 - (proof & 3))


@inlined
def back_up(ints, floats, base, path, depth, value_0, value_1, draws, proof):
    """Carry the answer for a leaf up its path.

    Where an edge is known to lose, its node answers with its mean over the other edges: the mover
    would not have gone there. Where a node is proven it answers with the exact result.

    Takes:
        ints, floats, base: arena of the tree.
        path: node and slot of each step, ``[2 * depth]``.
        depth: steps.
        value_0, value_1: of the leaf, for each player.
        draws: of the leaf.
        proof: of the leaf for the mover of the last node on the path, or ``UNKNOWN``.
    """
    for step in range(depth - 1, -1, -1):
        node = path[2 * step]
        edge = edge_at(base + node, path[2 * step + 1])
        head = word_at(base + node)
        mover = ints[head + MOVER]
        own = UNKNOWN
        if proof != UNKNOWN:
            own = prove_edge(ints, floats, base, node, path[2 * step + 1], proof)
        ints[edge + EDGE_VISITS] += 1
        floats[edge + EDGE_VALUE] += value_0 if mover == 0 else value_1
        if own != UNKNOWN:
            value_0 = np.float32(proof_kind(seen_from(own, mover, 0)) - 2)
            value_1 = np.float32(proof_kind(seen_from(own, mover, 1)) - 2)
            draws = np.float32(proof_kind(own) == DRAW)
        elif edge_kind(ints, edge) == LOSS:
            share = np.float32(1.0) / np.float32(ints[head + VISITS])
            value_0 = floats[head + VALUES] * share
            value_1 = floats[head + VALUES + 1] * share
            draws = floats[head + DRAWS] * share
            proof = UNKNOWN
            continue
        ints[head + VISITS] += 1
        floats[head + VALUES] += value_0
        floats[head + VALUES + 1] += value_1
        floats[head + DRAWS] += draws
        proof = own
        if own != UNKNOWN and step > 0:
            proof = seen_from(own, mover, ints[base + path[2 * step - 2] + MOVER])


@kernel
def keep_subtree(ints, base, child, state_words, spare):
    """Make ``child`` the root and drop everything that is not below it (Cheney's copying).

    Takes:
        ints: the arenas.
        base: where the tree's arena starts.
        child: offset of the node that becomes the root.
        state_words: words of a state.
        spare: scratch as large as an arena.

    Returns:
        Words in use after this.
    """
    free = _copy_node(ints, base + child, spare, 0, state_words)
    scan = 0
    while scan < free:
        count = spare[scan + COUNT]
        for slot in range(count):
            edge = edge_at(scan, slot)
            below = spare[edge + CHILD]
            if below > 0:
                spare[edge + CHILD] = free
                free = _copy_node(ints, base + below, spare, free, state_words)
        scan += compiled_node_words(count, state_words)
    # Word by word: assigning slices would compile the text of an error, for seconds.
    for i in range(free):
        ints[base + i] = spare[i]
    return free


@kernel
def _copy_node(ints, source, spare, target, state_words):
    """Copy one node; returns where the next may stand."""
    words = compiled_node_words(ints[source + COUNT], state_words)
    for i in range(words):
        spare[target + i] = ints[source + i]
    return target + words


@kernel
def claim(ints, floats, edge):
    """Order of an edge among its siblings: the largest is the move to play.

    Wins, the quickest first; then what is open or drawn, by visits; then losses that last.
    """
    proof = edge_proof(ints, edge)
    kind, plies = proof_kind(proof), np.int64(proof >> 2)
    rank, speed = np.int64(1), np.int64(0)
    if kind == WIN:
        rank, speed = np.int64(2), -plies
    elif kind == LOSS:
        rank, speed = np.int64(0), plies
    return rank, speed, np.int64(ints[edge + EDGE_VISITS]), np.float64(floats[edge + PRIOR])


def principal_line(ints, floats, node=0):
    """Actions of the expected line from a node of one arena (0: its root), as far as it is known.

    It ends where no move is proven or was visited.
    """
    line = np.empty(_LONGEST_LINE, np.int32)
    return line[: _write_line(ints, floats, node, line)].tolist()


@kernel
def _write_line(ints, floats, node, line):
    """Write the actions of ``principal_line``; returns how many."""
    length = 0
    while length < len(line):
        best = -1
        for slot in range(ints[node + COUNT]):
            edge = edge_at(node, slot)
            if ints[edge + EDGE_VISITS] == 0 and edge_kind(ints, edge) == UNKNOWN:
                continue
            if best < 0 or claim(ints, floats, edge) > claim(ints, floats, best):
                best = edge
        if best < 0:
            return length
        line[length] = ints[best + ACTION] & ACTION_MASK
        length += 1
        if ints[best + CHILD] <= 0:
            return length
        node = np.int64(ints[best + CHILD])
    return length
