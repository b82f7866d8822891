"""shorten_weights.py FILE: clears the low 13 of the 23 fraction bits of a safetensors file of F32, so that it packs small.

What is left is the precision of F16. The file keeps its size and form.
"""

import json
import sys

path = sys.argv[1]
with open(path, "rb") as file:
    data = bytearray(file.read())
start = 8 + int.from_bytes(data[:8], "little")
header = json.loads(data[8:start])
upper_bits = bytes(byte & 0xE0 for byte in range(256))
for name, tensor in header.items():
    if name == "__metadata__" or tensor["dtype"] != "F32":
        continue
    begin, end = (start + offset for offset in tensor["data_offsets"])
    data[begin:end:4] = bytes((end - begin) // 4)
    data[begin + 1 : end : 4] = data[begin + 1 : end : 4].translate(upper_bits)
with open(path, "wb") as file:
    file.write(data)
