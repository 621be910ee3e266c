"""Gated recurrent units unrolled over whole sequences, several side by side, with a backward pass written out.

The derivative of the recurrent weights is one product over all steps instead of a sum that grows with every step, and a
step costs a handful of operations: on small networks that is most of the time.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def unroll_gru(driven: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Memories after each step, from zero ones (Cho et al., 2014, with the reset gate after the product, as in cuDNN).

    Args:
        driven: What comes from outside [D, T, N, 3 h]: the parts of reset gate, update gate and candidate.
        weight: Recurrent weights [D, h, 3 h] of D units.
        bias: [D, 3 h].

    Returns:
        [D, T, N, h].
    """
    hidden: Tensor = _Unrolled.apply(driven, weight, bias)  # type: ignore[no-untyped-call]
    return hidden


class _Unrolled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, driven: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        units, steps, lanes, width = *driven.shape[:3], weight.shape[1]
        hidden = driven.new_zeros((units, steps + 1, lanes, width))
        gates = driven.new_empty((units, steps, lanes, 2 * width))
        fresh, inner = driven.new_empty((2, units, steps, lanes, width))
        offset, memory, both = bias[:, None], hidden[:, 0], 2 * width
        parts = (driven[..., :both], driven[..., both:], gates[..., :width], gates[..., width:])
        steps_of = [part.unbind(1) for part in (*parts, gates, fresh, inner, hidden[:, 1:])]
        for outer, candidate, reset, keep, gate, new, own, after in zip(*steps_of, strict=True):
            product = torch.baddbmm(offset, memory, weight)
            torch.add(outer, product[..., :both], out=gate).sigmoid_()
            own.copy_(product[..., both:])
            torch.addcmul(candidate, reset, own, out=new).tanh_()
            torch.lerp(new, memory, keep, out=after)
            memory = after
        ctx.save_for_backward(weight, hidden, gates, fresh, inner)
        return hidden[:, 1:]

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        weight, hidden, gates, fresh, inner = ctx.saved_tensors
        width, both = weight.shape[1], 2 * weight.shape[1]
        reset, keep = gates[..., :width], gates[..., width:]
        # How the next memory moves with each part, for all steps at once.
        by_fresh = (1.0 - keep) * (1.0 - fresh.square())
        slopes = fresh.new_empty((*fresh.shape[:-1], 3 * width))
        torch.mul(by_fresh * inner, reset * (1.0 - reset), out=slopes[..., :width])
        torch.mul(hidden[:, :-1] - fresh, keep * (1.0 - keep), out=slopes[..., width:both])
        torch.mul(by_fresh, reset, out=slopes[..., both:])
        back, flows = weight.transpose(1, 2).contiguous(), torch.empty_like(fresh)
        # The steps from the last to the first, as views made at once.
        parts = (slopes.unflatten(-1, (3, width)), slopes, flows, keep)
        inward, flat, kept, keeps = (part.unbind(1) for part in parts)
        above = upstream[0].unbind(1)
        flow = above[-1]
        for t in range(len(flat) - 1, -1, -1):
            kept[t].copy_(flow)
            inward[t].mul_(flow[..., None, :])
            if t:
                flow = torch.baddbmm(torch.addcmul(above[t - 1], flow, keeps[t]), flat[t], back)
        moved = slopes.flatten(1, 2)
        by_weight = hidden[:, :-1].flatten(1, 2).transpose(1, 2) @ moved
        by_bias = moved.sum(1)
        # Outside, the candidate's part is not behind the reset gate.
        torch.mul(by_fresh, flows, out=slopes[..., both:])
        return slopes, by_weight, by_bias
