"""Can a run be believed? Figures of load, machine, generator and target, held against one table of limits."""
