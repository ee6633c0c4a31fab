"""A scored file as a journey report: read, counted, and laid out as a page, tables and JSON."""
