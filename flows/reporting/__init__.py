"""What people read: the scorecard, later the weekly report."""
