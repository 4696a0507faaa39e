"""Where the data that ships with the package lies: mappings, reports, dashboard.

In a checkout these folders stand beside the package; in a wheel they stand inside it.
"""

from __future__ import annotations

from pathlib import Path


def bundle_root() -> Path:
    """The folder that holds mappings/, reports/, dashboard/ and .streamlit/."""
    package = Path(__file__).resolve().parent
    return package if (package / "mappings").is_dir() else package.parent


def mappings_root() -> Path:
    """The folder of controls, frameworks, source maps and parameters."""
    return bundle_root() / "mappings"


def reports_root() -> Path:
    """The folder that holds one folder per report kind."""
    return bundle_root() / "reports"


def dashboard_root() -> Path:
    """The folder of the Streamlit application."""
    return bundle_root() / "dashboard"
