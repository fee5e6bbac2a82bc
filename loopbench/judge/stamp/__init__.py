"""Can a run be believed? Figures of load, machine, generator and target, compared with one table of limits."""
