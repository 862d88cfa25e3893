"""The best options of a row at two prices, eight options at a time.

A compiler does not turn the search for a largest score *and its place* into vector instructions by
itself, and one option at a time is slower than memory. So the loop is written here in LLVM's vector
types, from which any processor gets the instructions it has. Every lane does what a scalar loop
does (one product, one difference, one comparison, none of them fused), and among equal scores the
first option wins, so the choices are NumPy's.
"""

from __future__ import annotations

import math
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from router.allocation.block import INT64_MAX

__all__ = ["LANES", "prefetch_row", "search_lanes"]

LANES = 8
LINE_BYTES = 64

INDEX, SHUFFLE = ir.IntType(64), ir.IntType(32)
SCORES = ir.VectorType(ir.DoubleType(), LANES)
PLACES = ir.VectorType(INDEX, LANES)
NUMBERS = ir.Constant(PLACES, list(range(LANES)))
ITEM_BYTES = {"double": 8, "i64": 8, "float": 4, "i32": 4}


def _type_search(_context: Any, quality: Any, cost: Any, rows: Any, terms: Any) -> tuple[Any, Any]:
    """Choose a row's best options at two prices, the first of equally good ones, and check it.

    Parameters
    ----------
    _context : Context
        Where types are found.
    quality : array of shape (n, m), float32 or float64
        Qualities; at least as many options as there are lanes.
    cost : array of shape (n, m) or (1, m), int32 or int64
        Costs in micro-units.
    rows : tuple of int
        The row of the qualities and that of the costs.
    terms : tuple
        Weight of the row, first price, second price, largest quality and, of type uint64, largest
        cost that are no fault. A negative cost is larger than all others without its sign.

    Returns
    -------
    tuple
        Option at the first price, option at the second price, least cost of the row, and whether an
        entry is beyond its limit.
    """
    found = types.Tuple((types.int64, types.int64, types.int64, types.boolean))
    return found(quality, cost, rows, terms), _write_search


def _type_prefetch(_context: Any, array: Any, row: Any) -> tuple[Any, Any]:
    """Ask for a row of a contiguous array that will be read soon."""
    return types.void(array, row), _write_prefetch


def _write_search(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """Write the search: all whole groups of options, then the last eight once more."""
    row, cost_row = cgutils.unpack_tuple(builder, arguments[2])
    terms = [_spread(builder, x) for x in cgutils.unpack_tuple(builder, arguments[3])]
    quality, n_options = _find_row(context, builder, (signature.args[0], arguments[0], row))
    cost, _ = _find_row(context, builder, (signature.args[1], arguments[1], cost_row))
    nothing = [_repeat(SCORES, -math.inf)] * 2 + [NUMBERS] * 2
    nothing += [_repeat(PLACES, INT64_MAX), _repeat(PLACES, 0), _repeat(PLACES, 0)]
    states = [cgutils.alloca_once_value(builder, start) for start in nothing]
    whole = builder.and_(n_options, INDEX(-LANES))
    with cgutils.for_range_slice(builder, INDEX(0), whole, INDEX(LANES), INDEX) as (start, _):
        _look(builder, (quality, cost, start), terms, states)
    with builder.if_then(builder.icmp_unsigned("<", whole, n_options)):
        # An option seen twice is no better than itself, so overlapping is harmless.
        start = builder.sub(n_options, INDEX(LANES))
        _look(builder, (quality, cost, start), terms, states)
    *bests, first, second, least, highest, dearest = [builder.load(state) for state in states]
    chosen = [_fold_best(builder, *pair) for pair in zip(bests, (first, second), strict=True)]
    too_high = builder.icmp_unsigned(">", highest, builder.bitcast(terms[3], PLACES))
    faults = builder.or_(too_high, builder.icmp_unsigned(">", dearest, terms[4]))
    mask = ir.IntType(LANES)
    faulty = builder.icmp_unsigned("!=", builder.bitcast(faults, mask), mask(0))
    found = [*chosen, _fold_least(builder, least), faulty]
    return context.make_tuple(builder, signature.return_type, found)


def _look(builder: Any, place: Any, terms: list[Any], states: list[Any]) -> None:
    """Compare the options from a place on with what was found so far."""
    quality, cost, start = place
    weight, *prices = terms[:3]
    worth, _ = _load(builder, quality, start)
    spend, amount = _load(builder, cost, start)
    gain = builder.fmul(worth, weight)
    number = builder.add(_spread(builder, start), NUMBERS)
    for price, best, at in zip(prices, states[0:2], states[2:4], strict=True):
        score = builder.fsub(gain, builder.fmul(spend, price))
        better = builder.fcmp_ordered(">", score, builder.load(best))
        builder.store(builder.select(better, score, builder.load(best)), best)
        builder.store(builder.select(better, number, builder.load(at)), at)
    # Read as integers, floats from zero up are in their order, and below all others; adding zero
    # turns a negative zero into a positive one.
    bits = builder.bitcast(builder.fadd(worth, _repeat(SCORES, 0.0)), PLACES)
    for sign, entries, state in zip("<>>", (amount, bits, amount), states[4:], strict=True):
        known = builder.load(state)
        further = builder.icmp_unsigned(sign, entries, known)
        builder.store(builder.select(further, entries, known), state)


def _fold_best(builder: Any, best: Any, at: Any) -> Any:
    """Find the option of the best lane, the lowest of equally good ones."""
    while best.type.count > 1:
        best, other_best = _halve(builder, best)
        at, other_at = _halve(builder, at)
        equal = builder.fcmp_ordered("==", other_best, best)
        earlier = builder.and_(equal, builder.icmp_signed("<", other_at, at))
        better = builder.or_(builder.fcmp_ordered(">", other_best, best), earlier)
        best, at = builder.select(better, other_best, best), builder.select(better, other_at, at)
    return builder.extract_element(at, SHUFFLE(0))


def _fold_least(builder: Any, least: Any) -> Any:
    """Find the smallest lane."""
    while least.type.count > 1:
        least, other = _halve(builder, least)
        least = builder.select(builder.icmp_unsigned("<", other, least), other, least)
    return builder.extract_element(least, SHUFFLE(0))


def _halve(builder: Any, vector: Any) -> tuple[Any, Any]:
    """Split a vector in two."""
    half = vector.type.count // 2
    lanes, undefined = ir.VectorType(SHUFFLE, half), ir.Constant(vector.type, ir.Undefined)
    return (
        builder.shuffle_vector(vector, undefined, lanes(list(range(half)))),
        builder.shuffle_vector(vector, undefined, lanes(list(range(half, 2 * half)))),
    )


def _find_row(context: Any, builder: Any, place: tuple[Any, Any, Any]) -> tuple[Any, Any]:
    """Find where a row of a contiguous array begins and how many entries it has."""
    kind, value, row = place
    array = context.make_array(kind)(context, builder, value)
    length = builder.extract_value(array.shape, 1)
    return builder.gep(array.data, [builder.mul(row, length)]), length


def _load(builder: Any, row: Any, start: Any) -> tuple[Any, Any]:
    """Load entries of a row, as doubles and as they are, integers widened."""
    item = row.type.pointee
    place = builder.bitcast(builder.gep(row, [start]), ir.VectorType(item, LANES).as_pointer())
    entries = builder.load(place, align=ITEM_BYTES[str(item)])
    if isinstance(item, ir.IntType):
        whole = entries if item == INDEX else builder.sext(entries, PLACES)
        return builder.sitofp(entries, SCORES), whole
    wide = builder.fpext(entries, SCORES) if isinstance(item, ir.FloatType) else entries
    return wide, entries


def _write_prefetch(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """Write a request for every line of the cache that the row lies in."""
    row, length = _find_row(context, builder, (signature.args[0], *arguments))
    byte = ir.IntType(8).as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [byte, SHUFFLE, SHUFFLE, SHUFFLE])
    request = builder.module.declare_intrinsic("llvm.prefetch", [byte], kind)
    step = INDEX(LINE_BYTES // ITEM_BYTES[str(row.type.pointee)])
    with cgutils.for_range_slice(builder, INDEX(0), length, step, INDEX) as (start, _):
        place = builder.bitcast(builder.gep(row, [start]), byte)
        # To be read, kept close, data.
        builder.call(request, [place, SHUFFLE(0), SHUFFLE(3), SHUFFLE(1)])
    return context.get_dummy_value()


def _spread(builder: Any, scalar: Any) -> Any:
    """Put one number into all lanes."""
    vector = ir.VectorType(scalar.type, LANES)
    undefined = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(undefined, scalar, SHUFFLE(0))
    return builder.shuffle_vector(first, undefined, _repeat(ir.VectorType(SHUFFLE, LANES), 0))


def _repeat(vector: Any, entry: float) -> Any:
    """Make a constant with one entry in all lanes."""
    return ir.Constant(vector, [entry] * LANES)


# A part of the kernel that calls it; a kernel of its own would cost a call a row.
search_lanes: Any = intrinsic(_type_search)
prefetch_row: Any = intrinsic(_type_prefetch)
