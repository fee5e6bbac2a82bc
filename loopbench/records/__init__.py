"""The formats written while measuring and read while judging. Imports the standard library and `loopbench.errors` only.

`frames` owns the bytes on disk, `samples` the record of one request, `session` the folder and its JSON files.
"""

FORMAT_VERSION = 2
"""Version of all formats in a session folder. Increase it when a reader of the old format would misread the new one."""
