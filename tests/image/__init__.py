"""The image, built and run as nobody on a read-only file system."""
