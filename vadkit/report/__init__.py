"""Pages about results: one HTML file that opens offline, for a run, for a comparison and for scored videos."""
