"""Tables and verdicts in, figures and pages out."""
