"""What every process counts of itself, and the page that shows it."""
