"""Rewrite `params.yaml`: its values, with a comment from each parameter's definition.

Run `python -m tasks.params` after parameters were added or changed in
`trapgen.core.params`.
"""

from pathlib import Path

from tasks.places import read_params
from trapgen.core import format_params, write_text

if __name__ == "__main__":
    write_text(Path.cwd() / "params.yaml", format_params(read_params(Path.cwd())))
