"""What figures support, whatever they are figures of: intervals, verdicts, fits, changepoints. Pure arithmetic."""
