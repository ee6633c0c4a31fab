"""An ONNX graph of one integer product, written by hand: the package ``onnx`` is not needed to measure."""

from __future__ import annotations

_UINT8, _INT8, _INT32 = 2, 3, 6


def matmul_integer(weight: bytes, depth: int, columns: int) -> bytes:
    """Give the graph ``y = MatMulInteger(x, weight)``: x uint8 (n, depth), ``weight`` int8, y int32 (n, columns)."""
    node = _text(1, "x") + _text(1, "w") + _text(2, "y") + _text(4, "MatMulInteger")
    initializer = _number(1, depth) + _number(1, columns) + _number(2, _INT8) + _text(8, "w") + _bytes(9, weight)
    graph = _bytes(1, node) + _text(2, "g") + _bytes(5, initializer)
    graph += _bytes(11, _value("x", _UINT8, depth)) + _bytes(12, _value("y", _INT32, columns))
    opset = _text(1, "") + _number(2, 20)
    return _number(1, 9) + _bytes(7, graph) + _bytes(8, opset)


def _value(name: str, kind: int, width: int) -> bytes:
    shape = _bytes(1, _text(2, "n")) + _bytes(1, _number(1, width))
    return _text(1, name) + _bytes(2, _bytes(1, _number(1, kind) + _bytes(2, shape)))


# Protocol Buffers: a field is its number and kind, then a number or a length and bytes.
def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])
