"""The user's own videos: a folder of files or images, with or without labels."""
