"""Make the checkout's store ready for `make ui`: `python -m tasks.tracking`."""

from pathlib import Path

from tasks.tracking.store import connect

if __name__ == "__main__":
    connect(Path.cwd())
