"""Components: how plugins announce them, and how they are found and loaded."""
