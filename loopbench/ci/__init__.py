"""What a CI server reads: annotations on the lines of a diff, JUnit XML, a summary on the job's page.

Renders a judged session; decides nothing. Exit codes are `commands.ending`'s business.
"""
