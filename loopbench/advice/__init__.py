"""Advice on the routes of an app: which other style or setting would serve each one better, found by experiment.

`questions` turns an app or a scenario into routes to ask about, and writes ordinary scenarios. `screening` ranks the
routes by harm, `what_ifs` chooses what to try, `route_advice` reads the verdicts. Nothing here measures.
"""
