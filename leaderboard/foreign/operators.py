"""The operators that a submitted graph may use: those of feed-forward and recurrent networks.

Left out on purpose: control flow (If, Loop, Scan), which could run for ever; random numbers, because a policy is
evaluated without exploration; strings, sequences and optionals, which no policy needs; and everything outside the
standard domain, which would need code that is not onnxruntime's own.
"""

from __future__ import annotations

ARITHMETIC = """
    Abs Add Atan Ceil Clip Cos Cosh Div Erf Exp Floor Log MatMul Max Mean Min Mod Mul Neg Pow Reciprocal Round Sign Sin
    Sinh Sqrt Sub Sum Tan CumSum Einsum Gemm
"""
LOGIC = "And Equal Greater GreaterOrEqual IsInf IsNaN Less LessOrEqual Not Or Where Xor"
REDUCTIONS = """
    ArgMax ArgMin ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum
    ReduceSumSquare TopK
"""
SHAPES = """
    Cast CastLike Concat Constant ConstantOfShape DepthToSpace Expand EyeLike Flatten Gather GatherElements GatherND
    Identity OneHot Pad Range Reshape ScatterElements ScatterND Shape Size Slice SpaceToDepth Split Squeeze Tile
    Transpose Trilu Unsqueeze
"""
LAYERS = """
    AveragePool BatchNormalization Celu Conv ConvTranspose Elu GRU Gelu GlobalAveragePool GlobalMaxPool
    GroupNormalization HardSigmoid HardSwish InstanceNormalization LSTM LayerNormalization LeakyRelu LogSoftmax
    LpNormalization MaxPool MeanVarianceNormalization Mish PRelu RMSNormalization RNN Relu Selu Sigmoid Softmax Softplus
    Softsign Swish Tanh ThresholdedRelu
"""
ALLOWED = frozenset(f"{ARITHMETIC} {LOGIC} {REDUCTIONS} {SHAPES} {LAYERS}".split())
"""Names of the accepted operators, all of the domain ``ai.onnx``."""

DOMAINS = ("", "ai.onnx")
MIN_OPSET, MAX_OPSET = 13, 23
"""Accepted versions of the operator set."""
