"""The humanizer: learned velocities and microtiming for the hits of a finished loop."""
