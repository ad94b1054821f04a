"""What fits numbers or makes the packaged models; it is no part of the wheel."""
