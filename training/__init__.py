"""Training of key-map scores and packaged models; not part of the wheel."""
