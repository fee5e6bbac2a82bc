"""What is written while measuring and read while judging: imports the standard library and `loopbench.errors` only.

`frames` owns the bytes on disk, `samples` what one request leaves behind, `session` the folder and its JSON files.
"""

FORMAT_VERSION = 2
"""Of everything in a session folder. Raise it when a reader of the old format would misread the new one."""
