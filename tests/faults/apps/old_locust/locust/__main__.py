"""`python -m locust`: load the file that is named, as Locust does."""

import runpy
import sys

runpy.run_path(sys.argv[sys.argv.index("--locustfile") + 1])
