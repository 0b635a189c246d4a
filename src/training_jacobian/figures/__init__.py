"""What all figures share, and what papers state."""
