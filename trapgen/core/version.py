"""The version of the installed package."""

from importlib.metadata import PackageNotFoundError, version


def find_version() -> str:
    """The version, or `0+unknown` in a checkout that was never installed."""
    try:
        return version("trapgen")
    except PackageNotFoundError:
        return "0+unknown"
