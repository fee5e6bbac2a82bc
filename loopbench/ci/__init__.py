"""What a CI server reads: findings on the lines of a diff, JUnit XML, a summary on the job's page.

Renders a judged session and decides nothing. `commands.ending` owns the exit codes.
"""
