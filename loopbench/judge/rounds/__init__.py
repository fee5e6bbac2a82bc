"""What rounds of runs say: a verdict on every pair, and the claims of a source answered."""
