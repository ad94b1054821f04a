"""Conversion of files to loops on the kit and the grid; everything dropped is counted."""
