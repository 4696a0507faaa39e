"""Builds reports: Jinja to HTML to PDF, from folders under reports/."""
