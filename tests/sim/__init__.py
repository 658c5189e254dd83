"""Whole talks in simulated time: speakers, engines and the real machines, an hour in the blink of an eye."""
