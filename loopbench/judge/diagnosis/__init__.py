"""Why a run is as slow as it is: figures of loop, pools and load, rules over them, lines of code, remedies."""
