"""Live scoring: scores frames as they arrive and raises alarms."""
