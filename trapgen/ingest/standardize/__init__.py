"""Files as found become loops on the kit and the grid, with a count of everything on the way."""
