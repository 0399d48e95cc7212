"""How good a scorer is on a table of past leads or events: test, then train, each label at the time it was known."""
