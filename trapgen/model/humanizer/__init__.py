"""How hits are played: velocities and microtiming, learned, for loops whose words are written."""
