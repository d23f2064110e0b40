"""One's own video: a folder of files or of images, with or without labels."""
